package cms

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// AddEvidence puts certificates and revocation data beside those of the message; what is there already is not doubled.
// No signature covers them. An archive timestamp of an older kind does: see HasOldArchive.
func (sd *SignedData) AddEvidence(certs, crls, ocsps [][]byte) error {
	revocation, err := encodeRevocation(crls, ocsps)
	if err != nil {
		return fmt.Errorf("add evidence: %w", err)
	}
	if err := sd.rebuild(0, nil, certs, revocation); err != nil {
		return fmt.Errorf("add evidence: %w", err)
	}
	return nil
}

// AddSigner adds the one signer of another message over the same content, with its certificates.
func (sd *SignedData) AddSigner(other *SignedData) error {
	if len(other.SignerInfos) != 1 || !other.ContentType.Equal(sd.ContentType) {
		return fmt.Errorf("add signer: %w: %d signers, content type %v", ErrMalformed, len(other.SignerInfos), other.ContentType)
	}
	if len(sd.SignerInfos) == maxSigners {
		return fmt.Errorf("add signer: %w: more than %d signers", ErrLimit, maxSigners)
	}
	si := other.SignerInfos[0]
	if err := sd.rebuild(other.Version, si.DigestAlgorithm.Raw, other.certElements, other.otherElements); err != nil {
		return fmt.Errorf("add signer: %w", err)
	}
	sd.SignerInfos = append(sd.SignerInfos, si)
	return nil
}

// rebuild makes the head anew: version to crls. The content keeps its bytes.
func (sd *SignedData) rebuild(version int, digestAlgorithm []byte, certs, revocation [][]byte) error {
	s := cryptobyte.String(sd.head)
	var algorithms, encap cryptobyte.String
	var was int
	if !s.ReadASN1Integer(&was) || !s.ReadASN1(&algorithms, cbasn1.SET) || !s.ReadASN1Element(&encap, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: head", ErrMalformed)
	}
	var digests [][]byte
	for !algorithms.Empty() {
		a, ok := readAlgorithm(&algorithms)
		if !ok {
			return fmt.Errorf("%w: digestAlgorithms", ErrMalformed)
		}
		digests = append(digests, a.Raw)
	}
	if digestAlgorithm != nil {
		digests = append(digests, digestAlgorithm)
	}
	certs = slices.Concat(sd.certElements, certs)
	revocation = slices.Concat(sd.otherElements, revocation)
	if len(certs) > maxCerts || len(revocation) > maxCerts {
		return fmt.Errorf("%w: more than %d certificates or revocation data", ErrLimit, maxCerts)
	}
	version = max(version, was)
	if slices.ContainsFunc(revocation, func(e []byte) bool { return e[0] != byte(cbasn1.SEQUENCE) }) {
		version = 5 // RFC 5652, 5.1
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1Int64(int64(version))
	if len(digests) == 0 {
		b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
	}
	addSortedSet(b, cbasn1.SET, digests)
	b.AddBytes(encap)
	addSortedSet(b, tagConstructed0, certs)
	addSortedSet(b, tagConstructed1, revocation)
	head, err := b.Bytes()
	if err != nil {
		return err
	}
	// Read again what was written, so that fields and bytes say the same.
	der, err := wrapSignedData(head, nil)
	if err != nil {
		return err
	}
	again := &SignedData{Raw: sd.Raw, BER: sd.BER}
	if err := again.parseContentInfo(der); err != nil {
		return err
	}
	again.SignerInfos = sd.SignerInfos
	*sd = *again
	return nil
}

// BuildSigner makes a SignerInfo alone: a counter-signature, whose attributes name no content type.
func BuildSigner(p BuildParams) ([]byte, error) {
	digestAlgorithm, err := DigestAlgorithm(p.Hash)
	if err == nil {
		var der []byte
		if der, err = encodeSigner(p, digestAlgorithm); err == nil {
			return der, nil
		}
	}
	return nil, fmt.Errorf("build signer: %w", err)
}

// A CounterSignature is one on another signature's value (RFC 5652, 11.4), and the attribute that holds it.
type CounterSignature struct {
	*SignerInfo
	Attribute Attribute
	Value     []byte
}

// CounterSignatures gives those on si. Their content is si's signature value: its digest is what Verify wants.
func (si *SignerInfo) CounterSignatures() ([]CounterSignature, error) {
	var list []CounterSignature
	var errs []error
	for _, a := range si.UnsignedAttrs {
		if !a.Type.Equal(OIDCounterSignature) {
			continue
		}
		for _, v := range a.Values {
			s := cryptobyte.String(v)
			c := &SignerInfo{contentType: OIDData, counter: true}
			if err := c.parse(&s); err != nil || !s.Empty() {
				errs = append(errs, fmt.Errorf("counter-signature: %w", errors.Join(ErrMalformed, err)))
				continue
			}
			list = append(list, CounterSignature{c, a, v})
		}
	}
	return list, errors.Join(errs...)
}

// MarshalSigner encodes a counter-signature with the unsigned attributes that it has now.
func (c CounterSignature) MarshalSigner() ([]byte, error) { return c.marshal() }
