package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// rocaPrime makes a prime as the flawed library did: k·M + (65537^a mod M),
// with M the product of the first n primes.
func rocaPrime(t *testing.T, bits, n int) *big.Int {
	t.Helper()
	m := big.NewInt(2)
	for _, q := range primesBelow(1000)[:n-1] {
		m.Mul(m, big.NewInt(q))
	}
	for {
		a, err := rand.Int(rand.Reader, m)
		if err != nil {
			t.Fatal(err)
		}
		p := new(big.Int).Exp(big.NewInt(65537), a, m)
		k, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-m.BitLen())))
		if err != nil {
			t.Fatal(err)
		}
		k.SetBit(k, bits-m.BitLen(), 1)
		p.Add(p, k.Mul(k, m))
		for p.BitLen() < bits {
			p.Add(p, new(big.Int).Lsh(m, uint(bits-m.BitLen()-1)))
		}
		if p.BitLen() == bits && p.Bit(bits-2) == 1 && p.ProbablyPrime(20) {
			return p
		}
	}
}

func TestWeakRSA(t *testing.T) {
	t.Parallel()
	prime := func(bits int) *big.Int {
		p, err := rand.Prime(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := new(big.Int)
	for good.BitLen() != 2048 {
		good.Mul(prime(1024), prime(1024))
	}
	near := prime(1024)
	next := new(big.Int).Add(near, big.NewInt(2))
	for !next.ProbablyPrime(20) {
		next.Add(next, big.NewInt(2))
	}
	for name, one := range map[string]struct {
		n    *big.Int
		e    int
		want error
	}{
		"good":         {good, 65537, nil},
		"ROCA":         {new(big.Int).Mul(rocaPrime(t, 1024, 71), rocaPrime(t, 1024, 71)), 65537, ErrWeakKey},
		"close primes": {new(big.Int).Mul(near, next), 65537, ErrWeakKey},
		"a square":     {new(big.Int).Mul(near, near), 65537, ErrWeakKey},
		"small factor": {new(big.Int).SetBit(new(big.Int).Mul(big.NewInt(751), prime(2038)), 0, 1), 65537, ErrWeakKey},
		"even":         {new(big.Int).Lsh(prime(2047), 1), 65537, ErrWeakKey},
		"e = 3":        {good, 3, ErrWeakKey},
		"even e":       {good, 65538, ErrWeakKey},
		"odd size":     {prime(2049), 65537, ErrWeakKey},
	} {
		if err := checkRSA(&rsa.PublicKey{N: one.n, E: one.e}); !errors.Is(err, one.want) {
			t.Errorf("%s: %v, want %v (%d bits)", name, err, one.want, one.n.BitLen())
		}
	}
	if !isROCA(new(big.Int).Mul(rocaPrime(t, 1024, 71), rocaPrime(t, 1024, 71))) {
		t.Error("the mark was not seen")
	}
	if isROCA(good) {
		t.Error("a good modulus is taken for a marked one")
	}
}

func TestIdentityCardNumbers(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"A123456(3)", "A123456", "a1234563", "AB987654(3)", "C668668(9)", "CHAN G000000(A)", "A 123456 (3)", "A-123456-3",
		"ref:A123456", "Ａ１２３４５６（３）", "WX123456(9) Ltd",
	} {
		if !namesIdentityCard(in) {
			t.Errorf("%q was not seen", in)
		}
	}
	for _, in := range []string{
		"", "SRN0000000042", "CHAN, Siu Ming", "Transport Department", "陳小明", "NTRHK-12345678", "A12345", "ABC123456", "A1234567890", "Unit 1",
	} {
		if namesIdentityCard(in) {
			t.Errorf("%q was taken for an identity card number", in)
		}
	}
}

func TestSerials(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		n, err := newSerial(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if n.BitLen() != 8*(serialLength-1)+1 || n.Sign() <= 0 {
			t.Fatalf("serial %x", n)
		}
		seen[n.String()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different of 1000", len(seen))
	}
}

// An issuance is used up by signing.
func TestIssuanceIsUsedOnce(t *testing.T) {
	t.Parallel()
	key, err := softwareKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIssuer(&x509.Certificate{RawSubject: []byte{0x30, 0}, PublicKey: key.Public()}, key, true)
	if err != nil {
		t.Fatal(err)
	}
	s := &issuance{}
	s.used.Store(true)
	if _, err := i.sign(s); !errors.Is(err, ErrUsed) {
		t.Errorf("got %v, want %v", err, ErrUsed)
	}
}

// A subject that was accepted comes back from its encoding as it went in.
func TestSubjectRoundTrip(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Z][a-z]{0,10}( [\p{Han}]{1,5})?`)
		in := Subject{Country: "HK", Organization: text.Draw(t, "o"), CommonName: text.Draw(t, "cn"), Surname: text.Draw(t, "sn"), SerialNumber: "SRN0000000001"}
		der, err := NewCSR(key, in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := parseCSR(der)
		if err != nil || out.subject != in {
			t.Fatalf("%+v became %+v, %v", in, out, err)
		}
	})
}

func FuzzParseCSR(f *testing.F) {
	for _, spec := range []string{"p256", "p384", "rsa2048"} {
		key, err := softwareKey(spec)
		if err != nil {
			f.Fatal(err)
		}
		der, err := NewCSR(key, Subject{Country: "HK", CommonName: "陳小明", SerialNumber: "SRN0000000001"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := parseCSR(der)
		if err != nil {
			if !errors.Is(err, ErrCSR) {
				t.Errorf("%v is not %v", err, ErrCSR)
			}
			return
		}
		if _, err := keyKind(r.key); err != nil && !errors.Is(err, ErrWeakKey) {
			t.Errorf("%v is not %v", err, ErrWeakKey)
		}
	})
}
