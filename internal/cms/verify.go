package cms

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old signatures are verified, none is made
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Verify checks one signature: contentDigest (the content's, under si.Digest) against the signed message-digest, the
// signed content-type against the message's, algorithm protection if present, and the signature under pub.
// It wraps ErrDigest, ErrSignature, ErrAttributes, ErrAlgorithm or ErrHashMismatch. It does not look at certificates:
// see BindsCertificate.
//
// A signature without signed attributes is over the content itself. That is legal for id-data, but the attributes of
// another signature can be passed off as such a content: formats that demand attributes must check SignedAttrs.
func (si *SignerInfo) Verify(pub crypto.PublicKey, contentDigest []byte) error {
	if si.Digest == 0 {
		return fmt.Errorf("verify: %w: digest algorithm %v", ErrAlgorithm, si.DigestAlgorithm.OID)
	}
	if len(contentDigest) != si.Digest.Size() {
		return fmt.Errorf("verify: %w: got %d octets for %v", ErrDigest, len(contentDigest), si.Digest)
	}
	hash := si.SignatureAlgorithm.Hash
	if hash == 0 {
		hash = si.Digest
	}
	if err := si.verifyValue(pub, hash, contentDigest); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if hash != si.Digest {
		return fmt.Errorf("verify: %w: %v, %v", ErrHashMismatch, hash, si.Digest)
	}
	return nil
}

func (si *SignerInfo) verifyValue(pub crypto.PublicKey, hash crypto.Hash, contentDigest []byte) error {
	if si.signedAttrs == nil {
		if !si.contentType.Equal(OIDData) {
			return fmt.Errorf("%w: absent, with content type %v", ErrAttributes, si.contentType)
		}
		if hash != si.Digest {
			return fmt.Errorf("%w: %v, %v", ErrHashMismatch, hash, si.Digest)
		}
		return si.checkSignature(pub, hash, nil, contentDigest)
	}
	unfit := si.checkAttributes(contentDigest)
	if unfit != nil && !errors.Is(unfit, ErrAttributes) {
		return unfit
	}
	message := si.SignedAttributesDER()
	err := si.checkAttributesSignature(pub, hash, message)
	if errors.Is(err, ErrSignature) {
		// RFC 5652, 5.4 has the DER encoding signed, whatever order was sent. Both are the same set of attributes.
		if sorted, sortErr := encodeSet(si.SignedAttrs); sortErr == nil && !bytes.Equal(sorted, si.signedAttrs) {
			err = si.checkAttributesSignature(pub, hash, element(cbasn1.SET, sorted))
		}
	}
	if unfit != nil && !errors.Is(err, ErrSignature) {
		return unfit // a value that is wrong is worse than attributes that are
	}
	return err
}

// InDER gives the signature as RFC 5652, 5.4 has it: over the DER encoding of its attributes, whatever order was sent.
// Some signers sign the order that they send; Verify takes both.
func (si *SignerInfo) InDER() *SignerInfo {
	c := *si
	if sorted, err := encodeSet(si.SignedAttrs); err == nil && si.signedAttrs != nil {
		c.signedAttrs = sorted
	}
	return &c
}

// SignedAttributesDER gives the signed attributes as they are hashed for the signature: with the tag of a SET, in the
// order received. Nil if there are none.
func (si *SignerInfo) SignedAttributesDER() []byte {
	if si.signedAttrs == nil {
		return nil
	}
	return element(cbasn1.SET, si.signedAttrs)
}

// checkAttributes compares what the signed attributes say with the message.
func (si *SignerInfo) checkAttributes(contentDigest []byte) error {
	if err := noDuplicates(si.SignedAttrs); err != nil {
		return err
	}
	contentType, err := si.ContentType()
	if err != nil {
		return err
	}
	switch {
	case si.counter && contentType == nil: // RFC 5652, 11.4: there is none; some signers write that of the content
	case !contentType.Equal(si.contentType): // nil, absent, equals nothing
		return fmt.Errorf("%w: content-type %v in a message of %v", ErrAttributes, contentType, si.contentType)
	}
	digest, err := si.MessageDigest()
	if err != nil {
		return err
	}
	if digest == nil {
		return fmt.Errorf("%w: no message-digest", ErrAttributes)
	}
	if !bytes.Equal(digest, contentDigest) {
		return ErrDigest
	}
	if _, err := si.SigningTime(); err != nil {
		return err
	}
	if _, err := si.SigningCertificate(); err != nil {
		return err
	}
	return si.checkProtection()
}

// checkProtection compares CMSAlgorithmProtection, RFC 6211, with the algorithms outside the signature, which an
// attacker could have changed.
func (si *SignerInfo) checkProtection() error {
	v, err := single(si.SignedAttrs, OIDAlgorithmProtection)
	if err != nil || v == nil {
		return err
	}
	var seq, signature cryptobyte.String
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() {
		return malformedAttribute("algorithm protection")
	}
	digest, ok := readAlgorithm(&seq)
	if !ok || !seq.ReadASN1(&signature, tagConstructed1) || !seq.Empty() {
		return malformedAttribute("algorithm protection")
	}
	if !sameAlgorithm(digest, si.DigestAlgorithm) ||
		!sameAlgorithm(AlgorithmIdentifier{Raw: element(cbasn1.SEQUENCE, signature)}, si.SignatureAlgorithm.AlgorithmIdentifier) {
		return fmt.Errorf("%w: %w", ErrAttributes, ErrProtection)
	}
	return nil
}

// sameAlgorithm takes absent and NULL parameters for the same, since signers mix them.
func sameAlgorithm(a, b AlgorithmIdentifier) bool {
	if bytes.Equal(a.Raw, b.Raw) {
		return true
	}
	rawA, rawB := cryptobyte.String(a.Raw), cryptobyte.String(b.Raw)
	x, okX := readAlgorithm(&rawA)
	y, okY := readAlgorithm(&rawB)
	return okX && okY && x.OID.Equal(y.OID) && x.plain() && y.plain()
}

func (si *SignerInfo) checkAttributesSignature(pub crypto.PublicKey, hash crypto.Hash, message []byte) error {
	h := hash.New()
	h.Write(message)
	return si.checkSignature(pub, hash, message, h.Sum(nil))
}

// checkSignature verifies the signature value. message is nil when only its digest is known.
func (si *SignerInfo) checkSignature(pub crypto.PublicKey, hash crypto.Hash, message, digest []byte) error {
	alg := si.SignatureAlgorithm
	var ok bool
	switch key := pub.(type) {
	case *ecdsa.PublicKey:
		if alg.Scheme != ECDSA {
			return fmt.Errorf("%w: %v with an EC key", ErrAlgorithm, alg.OID)
		}
		ok = ecdsa.VerifyASN1(key, digest, si.Signature)
	case *rsa.PublicKey:
		return verifyRSA(key, alg, hash, digest, si.Signature)
	case *dsa.PublicKey:
		return verifyDSA(key, alg, digest, si.Signature)
	case ed25519.PublicKey:
		if alg.Scheme != Ed25519 || message == nil {
			return fmt.Errorf("%w: %v with an Ed25519 key", ErrAlgorithm, alg.OID)
		}
		ok = len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, si.Signature)
	default:
		return fmt.Errorf("%w: key of type %T", ErrAlgorithm, pub)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
