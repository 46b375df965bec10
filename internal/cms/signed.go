package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// VerifySigned checks the signature of a certificate, a CRL, or anything else in
// X.509's SIGNED form (RFC 5280, 4.1.1 and 5.1.1) under a key. It takes every algorithm
// that signatures of messages may have, old ones too, for whether one is strong enough
// is the algorithm suite's question. It wraps ErrMalformed, ErrAlgorithm or ErrSignature.
func VerifySigned(pub crypto.PublicKey, der []byte) error {
	in := cryptobyte.String(der)
	var whole, tbs cryptobyte.String
	var value asn1.BitString
	if !in.ReadASN1(&whole, cbasn1.SEQUENCE) || !in.Empty() || !whole.ReadASN1Element(&tbs, cbasn1.SEQUENCE) {
		return fmt.Errorf("verify: %w", ErrMalformed)
	}
	outer, ok := readAlgorithm(&whole)
	if !ok || !whole.ReadASN1BitString(&value) || !whole.Empty() || value.BitLength%8 != 0 {
		return fmt.Errorf("verify: %w", ErrMalformed)
	}
	if inner, ok := innerAlgorithm(tbs); !ok || !bytes.Equal(inner.Raw, outer.Raw) {
		return fmt.Errorf("verify: %w: signature algorithm inside and outside differ", ErrMalformed)
	}
	alg := signatureAlgorithm(outer)
	if alg.Scheme == "" || alg.Hash == 0 && alg.Scheme != Ed25519 {
		return fmt.Errorf("verify: %w: %v", ErrAlgorithm, outer.OID)
	}
	var digest []byte
	if alg.Hash != 0 {
		if !alg.Hash.Available() {
			return fmt.Errorf("verify: %w: %v", ErrAlgorithm, alg.Hash)
		}
		h := alg.Hash.New()
		h.Write(tbs)
		digest = h.Sum(nil)
	}
	si := &SignerInfo{SignatureAlgorithm: alg, Signature: value.Bytes}
	if err := si.checkSignature(pub, alg.Hash, tbs, digest); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// innerAlgorithm reads the signature field of a TBSCertificate or TBSCertList: the first
// SEQUENCE, after a version and, in a certificate, a serial number.
func innerAlgorithm(tbs cryptobyte.String) (AlgorithmIdentifier, bool) {
	var body cryptobyte.String
	if !tbs.ReadASN1(&body, cbasn1.SEQUENCE) || !body.SkipOptionalASN1(tagConstructed0) || !body.SkipOptionalASN1(cbasn1.INTEGER) {
		return AlgorithmIdentifier{}, false
	}
	return readAlgorithm(&body)
}
