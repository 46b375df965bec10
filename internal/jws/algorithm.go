package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of RFC 7518
	_ "crypto/sha512"
	"fmt"
	"math/big"
	"strings"
)

// A Family is a kind of signature algorithm.
type Family string

// Families.
const (
	ECDSA    Family = "ECDSA"
	RSAPKCS1 Family = "RSASSA-PKCS1-v1_5"
	RSAPSS   Family = "RSASSA-PSS"
	Ed25519  Family = "Ed25519"
	HMAC     Family = "HMAC"
)

// An Algorithm is what alg names (RFC 7518, 3.1; RFC 8037; RFC 9864).
type Algorithm struct {
	Name   string
	Family Family         // empty: not known here
	Hash   crypto.Hash    // 0 for Ed25519, which brings its own
	curve  elliptic.Curve // the only one that ECDSA may be on
}

var algorithms = []Algorithm{
	{"ES256", ECDSA, crypto.SHA256, elliptic.P256()}, {"ES384", ECDSA, crypto.SHA384, elliptic.P384()}, {"ES512", ECDSA, crypto.SHA512, elliptic.P521()},
	{"RS256", RSAPKCS1, crypto.SHA256, nil}, {"RS384", RSAPKCS1, crypto.SHA384, nil}, {"RS512", RSAPKCS1, crypto.SHA512, nil},
	{"PS256", RSAPSS, crypto.SHA256, nil}, {"PS384", RSAPSS, crypto.SHA384, nil}, {"PS512", RSAPSS, crypto.SHA512, nil},
	{"EdDSA", Ed25519, 0, nil}, {"Ed25519", Ed25519, 0, nil},
	{"HS256", HMAC, crypto.SHA256, nil}, {"HS384", HMAC, crypto.SHA384, nil}, {"HS512", HMAC, crypto.SHA512, nil},
}

// AlgorithmFor returns the algorithm of a key, a family and a hash; false: it has no name.
func AlgorithmFor(key crypto.PublicKey, f Family, h crypto.Hash) (Algorithm, bool) {
	for _, a := range algorithms {
		if a.Family == f && a.Hash == h && a.fits(key) {
			return a, true
		}
	}
	return Algorithm{}, false
}

// parseAlgorithm knows alg by its name. One that is not known leaves the signature readable;
// none is no signature, and a curve no algorithm, under which something could verify.
func parseAlgorithm(name string) (Algorithm, error) {
	for _, a := range algorithms {
		if a.Name == name {
			return a, nil
		}
	}
	switch {
	case name == "":
		return Algorithm{}, malformed("no alg")
	case strings.EqualFold(name, "none"):
		return Algorithm{}, fmt.Errorf("%w: alg is none: nothing is signed", ErrRefused)
	case strings.HasPrefix(name, "1.2.840.10045.3."):
		return Algorithm{}, malformed("alg %q is a curve, not a signature algorithm", name)
	}
	return Algorithm{Name: name}, nil
}

// Secret is a key for HMAC.
type Secret []byte

// fits reports whether the key is of the algorithm's kind.
func (a Algorithm) fits(key any) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return a.Family == ECDSA && k.Curve == a.curve
	case *rsa.PublicKey:
		return a.Family == RSAPKCS1 || a.Family == RSAPSS
	case ed25519.PublicKey:
		return a.Family == Ed25519
	case Secret:
		return a.Family == HMAC
	}
	return false
}

// VerifyValue verifies the signature value alone, with a *ecdsa.PublicKey, *rsa.PublicKey,
// ed25519.PublicKey or Secret: ErrSignature, ErrKey, ErrUndecided, ErrNotFound.
func (s *Signature) VerifyValue(key any, src Sources) error {
	if s.Err != nil {
		return s.Err
	}
	a := s.Header.Algorithm
	if a.Family == "" {
		return fmt.Errorf("%w: algorithm %.80q", ErrUndecided, a.Name)
	}
	if _, ok := key.(Secret); a.Family == HMAC && !ok {
		return fmt.Errorf("%w: %s, whose key only the two who share it can check", ErrUndecided, a.Name)
	}
	if !a.fits(key) {
		return fmt.Errorf("%w: %s with %T", ErrKey, a.Name, key)
	}
	input, err := s.SigningInput(src)
	if err != nil {
		return err
	}
	if !a.verify(key, input, s.Value) {
		return ErrSignature
	}
	return nil
}

func (a Algorithm) verify(key any, input, value []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey: // r‖s, each as long as the order (RFC 7518, 3.4)
		n := (k.Curve.Params().N.BitLen() + 7) / 8
		return len(value) == 2*n && ecdsa.Verify(k, sum(a.Hash, input), new(big.Int).SetBytes(value[:n]), new(big.Int).SetBytes(value[n:]))
	case *rsa.PublicKey:
		if k.N.BitLen() < 1024 || k.N.BitLen() > 16384 {
			return false
		}
		if a.Family == RSAPSS { // the salt is as long as the hash (3.5)
			return rsa.VerifyPSS(k, a.Hash, sum(a.Hash, input), value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, a.Hash, sum(a.Hash, input), value) == nil
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize && ed25519.Verify(k, input, value)
	case Secret: // a key as long as the hash at least (3.2)
		mac := hmac.New(a.Hash.New, k)
		mac.Write(input)
		return len(k) >= a.Hash.Size() && hmac.Equal(mac.Sum(nil), value)
	}
	return false
}

// hashNames are the digest algorithms of digAlg and hashM.
var hashNames = map[string]crypto.Hash{"S256": crypto.SHA256, "S384": crypto.SHA384, "S512": crypto.SHA512}

func hashByName(name string) crypto.Hash { return hashNames[name] }

// HashName returns how TS 119 182-1 names a hash.
func HashName(h crypto.Hash) string {
	for name, known := range hashNames {
		if known == h {
			return name
		}
	}
	return ""
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

func errorf(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
}
