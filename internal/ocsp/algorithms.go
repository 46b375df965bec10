package ocsp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA1:   {1, 3, 14, 3, 2, 26},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

func hashOf(oid asn1.ObjectIdentifier) crypto.Hash {
	for h, o := range hashOIDs {
		if o.Equal(oid) {
			return h
		}
	}
	return 0
}

// scheme is how a response is signed.
type scheme struct {
	kind string // "pkcs1", "pss", "ecdsa" or "ed25519"
	hash crypto.Hash
}

var schemes = []struct {
	oid asn1.ObjectIdentifier
	scheme
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, scheme{"pkcs1", crypto.SHA1}},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, scheme{"pkcs1", crypto.SHA256}},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, scheme{"pkcs1", crypto.SHA384}},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, scheme{"pkcs1", crypto.SHA512}},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, scheme{"ecdsa", crypto.SHA1}},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, scheme{"ecdsa", crypto.SHA256}},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, scheme{"ecdsa", crypto.SHA384}},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, scheme{"ecdsa", crypto.SHA512}},
	{asn1.ObjectIdentifier{1, 3, 101, 112}, scheme{"ed25519", 0}},
}

var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// schemeOf reads an AlgorithmIdentifier; the zero scheme is one not supported.
func schemeOf(algorithm cryptobyte.String) (scheme, bool) {
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !algorithm.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return scheme{}, false
	}
	if oid.Equal(oidPSS) {
		return scheme{"pss", pssHash(seq)}, true
	}
	for _, s := range schemes {
		if s.oid.Equal(oid) {
			return s.scheme, true
		}
	}
	return scheme{}, true
}

// pssHash reads hashAlgorithm [0] of RSASSA-PSS-params (RFC 4055, 3.1); absent
// means SHA-1. The mask function's hash is taken to be the same, which the
// verification then shows or refutes.
func pssHash(params cryptobyte.String) crypto.Hash {
	var seq, explicit, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	var present bool
	if !params.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadOptionalASN1(&explicit, &present, tag0) {
		return 0
	}
	if !present {
		return crypto.SHA1
	}
	if !explicit.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return 0
	}
	return hashOf(oid)
}

// verify checks a signature. SHA-1 is verified like the rest: whether it may
// still be believed at a given time is the algorithm suite's question.
func (s scheme) verify(pub crypto.PublicKey, signed, signature []byte) error {
	var sum []byte
	if s.hash != 0 {
		sum = digest(s.hash, signed)
	}
	good := false
	switch key := pub.(type) {
	case *rsa.PublicKey:
		switch {
		case s.kind == "pkcs1":
			good = rsa.VerifyPKCS1v15(key, s.hash, sum, signature) == nil
		case s.kind == "pss" && s.hash != 0:
			good = rsa.VerifyPSS(key, s.hash, sum, signature, nil) == nil
		default:
			return fmt.Errorf("%w: %q with an RSA key", ErrAlgorithm, s.kind)
		}
	case *ecdsa.PublicKey:
		if s.kind != "ecdsa" {
			return fmt.Errorf("%w: %q with an ECDSA key", ErrAlgorithm, s.kind)
		}
		good = ecdsa.VerifyASN1(key, sum, signature)
	case ed25519.PublicKey:
		if s.kind != "ed25519" {
			return fmt.Errorf("%w: %q with an Ed25519 key", ErrAlgorithm, s.kind)
		}
		good = ed25519.Verify(key, signed, signature)
	default:
		return fmt.Errorf("%w: key of type %T", ErrAlgorithm, pub)
	}
	if !good {
		return ErrSignature
	}
	return nil
}

// signingScheme is how we sign with a key: the hash that fits its strength.
func signingScheme(pub crypto.PublicKey) (scheme, asn1.ObjectIdentifier, error) {
	want := scheme{}
	switch key := pub.(type) {
	case *rsa.PublicKey:
		want = scheme{"pkcs1", crypto.SHA256}
	case *ecdsa.PublicKey:
		want = scheme{"ecdsa", crypto.SHA256}
		if key.Curve.Params().BitSize > 256 {
			want.hash = crypto.SHA384
		}
	}
	for _, s := range schemes {
		if s.scheme == want {
			return want, s.oid, nil
		}
	}
	return scheme{}, nil, fmt.Errorf("%w: key of type %T", ErrAlgorithm, pub)
}
