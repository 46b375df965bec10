package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
)

// maxModulus bounds the work that a certificate's key can make of one verification.
const maxModulus = 16384

// verifyRSA checks an RSA signature. crypto/rsa does so wherever it can. It refuses moduli under 1024 bits, exponents
// over 31 bits (which qualified signature cards do have), another hash in MGF1 and an empty salt. None of that makes
// a signature wrong, and whether it is strong enough is the algorithm suite's question: RFC 8017 is followed here.
func verifyRSA(key *rsa.PublicKey, alg SignatureAlgorithm, hash crypto.Hash, digest, sig []byte) error {
	bits := key.N.BitLen()
	if bits > maxModulus {
		return fmt.Errorf("%w: RSA modulus of %d bits", ErrAlgorithm, bits)
	}
	odd := bits < 1024 || int64(key.E) > 1<<31-1
	var ok bool
	switch {
	case alg.Scheme == PKCS1 && !odd:
		ok = rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil
	case alg.Scheme == PSS && !odd && alg.MGFHash == alg.Hash && alg.SaltLength > 0:
		ok = rsa.VerifyPSS(key, hash, digest, sig, &rsa.PSSOptions{SaltLength: alg.SaltLength}) == nil
	case alg.Scheme == PKCS1:
		ok = verifyPKCS1(key, hash, digest, sig)
	case alg.Scheme == PSS:
		ok = verifyPSS(key, alg, digest, sig)
	default:
		return fmt.Errorf("%w: %v with an RSA key", ErrAlgorithm, alg.OID)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// recoverRSA is RSAVP1 and I2OSP, RFC 8017, 5.2.2: the encoded message, as long as emBits needs.
func recoverRSA(key *rsa.PublicKey, sig []byte, emBits int) []byte {
	s := new(big.Int).SetBytes(sig)
	if len(sig) != key.Size() || key.E < 3 || key.E&1 == 0 || s.Cmp(key.N) >= 0 {
		return nil
	}
	m := s.Exp(s, big.NewInt(int64(key.E)), key.N)
	if m.BitLen() > emBits {
		return nil
	}
	return m.FillBytes(make([]byte, (emBits+7)/8))
}

// verifyPKCS1 compares with the one encoding there is, RFC 8017, 8.2.2.
func verifyPKCS1(key *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) bool {
	em := recoverRSA(key, sig, key.Size()*8)
	info := digestInfo(hash, digest)
	if em == nil || len(em) < len(info)+11 {
		return false
	}
	want := bytes.Repeat([]byte{0xff}, len(em)-len(info))
	want[0], want[1], want[len(want)-1] = 0, 1, 0
	return bytes.Equal(em, append(want, info...))
}

// verifyPSS is EMSA-PSS-VERIFY, RFC 8017, 9.1.2, with the salt length that the parameters state.
func verifyPSS(key *rsa.PublicKey, alg SignatureAlgorithm, digest, sig []byte) bool {
	emBits := key.N.BitLen() - 1
	em := recoverRSA(key, sig, emBits)
	size := alg.Hash.Size()
	if len(em) < size+alg.SaltLength+2 || em[len(em)-1] != 0xbc {
		return false
	}
	db, h := em[:len(em)-size-1], em[len(em)-size-1:len(em)-1]
	unused := byte(0xff) >> (8*len(em) - emBits)
	if db[0]&^unused != 0 {
		return false
	}
	mask(alg.MGFHash, h, db)
	db[0] &= unused
	salt := db[len(db)-alg.SaltLength:]
	padding := db[:len(db)-alg.SaltLength]
	if padding[len(padding)-1] != 1 || len(bytes.TrimLeft(padding[:len(padding)-1], "\x00")) > 0 {
		return false
	}
	d := alg.Hash.New()
	d.Write(make([]byte, 8))
	d.Write(digest)
	d.Write(salt)
	return bytes.Equal(d.Sum(nil), h)
}

// mask XORs MGF1(seed) onto out, RFC 8017, B.2.1.
func mask(hash crypto.Hash, seed, out []byte) {
	var counter [4]byte
	for i := uint32(0); len(out) > 0; i++ {
		binary.BigEndian.PutUint32(counter[:], i)
		d := hash.New()
		d.Write(seed)
		d.Write(counter[:])
		for _, b := range d.Sum(nil) {
			if len(out) == 0 {
				return
			}
			out[0] ^= b
			out = out[1:]
		}
	}
}
