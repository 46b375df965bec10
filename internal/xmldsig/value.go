package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old signatures are verified, none is made
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"fmt"
	"math/big"
)

// Secret is a key for HMAC.
type Secret []byte

// SignedOctets returns the canonical form of SignedInfo: what the signature value is over.
func (s *Signature) SignedOctets() ([]byte, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	if s.signed == nil {
		var b bytes.Buffer
		if err := s.doc.Canonical(&b, s.SignedInfo, s.C14N); err != nil {
			return nil, err
		}
		s.signed = b.Bytes()
	}
	return s.signed, nil
}

// VerifyValue verifies the signature value with a key: *rsa.PublicKey, *ecdsa.PublicKey,
// *dsa.PublicKey or Secret. ErrSignature, ErrKey, ErrUndecided. minHMAC is the shortest
// HMAC, in bits, that is accepted; 0: what XML Signature 1.1, 4.4.2, demands, half the
// hash and 80.
func (s *Signature) VerifyValue(key crypto.PublicKey, minHMAC int) error {
	signed, err := s.SignedOctets()
	if err != nil {
		return err
	}
	m := s.Method
	ok := false
	switch k := key.(type) {
	case Secret:
		if m.Family != HMAC {
			return fmt.Errorf("%w: %T with %s", ErrKey, key, m.Family)
		}
		return verifyHMAC(k, m, signed, s.Value, minHMAC)
	case *rsa.PublicKey:
		switch {
		case m.Family != RSAPKCS1 && m.Family != RSAPSS:
			return fmt.Errorf("%w: %T with %s", ErrKey, key, m.Family)
		case k.N.BitLen() < 1024 || k.N.BitLen() > 16384 || m.Family == RSAPSS && m.MGF != m.Hash:
			return fmt.Errorf("%w: RSA key of %d bits, or another hash in the mask", ErrUndecided, k.N.BitLen())
		case m.Family == RSAPSS:
			ok = rsa.VerifyPSS(k, m.Hash, sum(m.Hash, signed), s.Value, &rsa.PSSOptions{SaltLength: saltLength(m.Salt)}) == nil
		default:
			ok = rsa.VerifyPKCS1v15(k, m.Hash, sum(m.Hash, signed), s.Value) == nil
		}
	case *ecdsa.PublicKey:
		if m.Family != ECDSA {
			return fmt.Errorf("%w: %T with %s", ErrKey, key, m.Family)
		}
		r, t, split := halves(s.Value, (k.Curve.Params().N.BitLen()+7)/8)
		ok = split && ecdsa.Verify(k, sum(m.Hash, signed), r, t)
	case *dsa.PublicKey:
		if m.Family != DSA || k.Q == nil || k.P.BitLen() > 4096 {
			return fmt.Errorf("%w: %T with %s", ErrKey, key, m.Family)
		}
		r, t, split := halves(s.Value, (k.Q.BitLen()+7)/8)
		digest := sum(m.Hash, signed)
		digest = digest[:min(len(digest), (k.Q.BitLen()+7)/8)]
		ok = split && dsa.Verify(k, digest, r, t)
	default:
		return fmt.Errorf("%w: a key of type %T", ErrUndecided, key)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

func saltLength(n int) int {
	if n == 0 {
		return rsa.PSSSaltLengthAuto
	}
	return n
}

// halves splits r‖s, each of n octets (XML Signature 1.1, 6.4.3).
func halves(value []byte, n int) (r, s *big.Int, ok bool) {
	if len(value) != 2*n {
		return nil, nil, false
	}
	return new(big.Int).SetBytes(value[:n]), new(big.Int).SetBytes(value[n:]), true
}

func verifyHMAC(key Secret, m Method, signed, value []byte, minimum int) error {
	if minimum == 0 {
		minimum = max(80, 8*m.Hash.Size()/2)
	}
	mac := hmac.New(m.Hash.New, key)
	mac.Write(signed)
	want := mac.Sum(nil)
	if m.Bits > 0 {
		if m.Bits < minimum {
			return fmt.Errorf("%w: HMAC of %d bits, fewer than %d", ErrRefused, m.Bits, minimum)
		}
		want = want[:m.Bits/8]
	}
	if !hmac.Equal(want, value) {
		return ErrSignature
	}
	return nil
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
