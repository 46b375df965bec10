package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// Our own verification agrees with crypto/rsa, on right signatures and on spoilt ones.
func TestRSAAgrees(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1024, 1025, 1031, 2048} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384} {
			digest := hashOf(hash, content)
			v15, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest)
			if err != nil {
				t.Fatal(err)
			}
			pss, err := rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: 20})
			if err != nil {
				t.Fatal(err)
			}
			alg := SignatureAlgorithm{Scheme: PSS, Hash: hash, MGFHash: hash, SaltLength: 20}
			if !verifyPKCS1(&key.PublicKey, hash, digest, v15) || !verifyPSS(&key.PublicKey, alg, digest, pss) {
				t.Fatalf("%d bits, %v: right signature refused", bits, hash)
			}
			alg.SaltLength = 21
			if verifyPSS(&key.PublicKey, alg, digest, pss) || verifyPSS(&key.PublicKey, alg, digest, v15) ||
				verifyPKCS1(&key.PublicKey, hash, digest, pss) {
				t.Fatalf("%d bits, %v: wrong salt length or scheme accepted", bits, hash)
			}
			alg.SaltLength = 20
			for i := range v15 {
				v15[i] ^= 1
				pss[i] ^= 1
				if verifyPKCS1(&key.PublicKey, hash, digest, v15) || verifyPSS(&key.PublicKey, alg, digest, pss) {
					t.Fatalf("%d bits, %v: octet %d changed and accepted", bits, hash, i)
				}
				v15[i] ^= 1
				pss[i] ^= 1
			}
		}
	}
}

// Exponents over 31 bits and another hash in MGF1 are beyond crypto/rsa, not beyond the standard.
func TestRSAOdd(t *testing.T) {
	t.Parallel()
	key := oddKey(t)
	digest := hashOf(crypto.SHA256, content)
	em := append([]byte{0, 1}, make([]byte, 256)...)[:256]
	info := digestInfo(crypto.SHA256, digest)
	for i := 2; i < 255-len(info); i++ {
		em[i] = 0xff
	}
	copy(em[256-len(info):], info)
	signature := new(big.Int).Exp(new(big.Int).SetBytes(em), key.D, key.N).FillBytes(make([]byte, 256))
	alg := SignatureAlgorithm{Scheme: PKCS1}
	if err := verifyRSA(&key.PublicKey, alg, crypto.SHA256, digest, signature); err != nil {
		t.Fatal(err)
	}
	digest[0] ^= 1
	if err := verifyRSA(&key.PublicKey, alg, crypto.SHA256, digest, signature); !errors.Is(err, ErrSignature) {
		t.Fatalf("other digest: %v", err)
	}
	huge := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxModulus), E: 65537}
	if err := verifyRSA(huge, alg, crypto.SHA256, digest, signature); !errors.Is(err, ErrAlgorithm) {
		t.Fatalf("huge modulus: %v", err)
	}
}

// oddKey has the public exponent 4294967311, a prime over 32 bits.
func oddKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	e := big.NewInt(4294967311)
	for {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(key.Primes[0], one), new(big.Int).Sub(key.Primes[1], one))
		if d := new(big.Int).ModInverse(e, phi); d != nil {
			key.E, key.D = int(e.Int64()), d
			return key
		}
	}
}

func TestPSSParameters(t *testing.T) {
	t.Parallel()
	made, err := SignatureAlgorithmFor(PSS, crypto.SHA384)
	if err != nil {
		t.Fatal(err)
	}
	params := func(fields ...[]byte) []byte {
		oid := []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
		return element(0x30, oid, element(0x30, fields...))
	}
	salt := func(n byte) []byte { return []byte{0xa2, 3, 2, 1, n} }
	for _, c := range []struct {
		name string
		der  []byte
		ok   bool
		hash crypto.Hash
		salt int
	}{
		{"made", made, true, crypto.SHA384, 48},
		{"all defaults", params(), true, crypto.SHA1, 20},
		{"salt alone", params(salt(0)), true, crypto.SHA1, 0},
		{"negative salt", params(salt(0xff)), false, 0, 0},
		{"other trailer", params([]byte{0xa3, 3, 2, 1, 2}), false, 0, 0},
		{"unknown field", params([]byte{0xa4, 3, 2, 1, 2}), false, 0, 0},
		{"no parameters", element(0x30, []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")), false, 0, 0},
	} {
		in := cryptobyte.String(c.der)
		a, ok := readAlgorithm(&in)
		if !ok {
			t.Fatalf("%s: %x", c.name, c.der)
		}
		if got := signatureAlgorithm(a); (got.Scheme == PSS) != c.ok || c.ok && (got.Hash != c.hash || got.MGFHash != c.hash || got.SaltLength != c.salt) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
