package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// A HashIndex says what an archive-time-stamp-v3 covers beside the signature: the unsigned attribute ats-hash-index of
// its token (EN 319 122-1, 5.5.2), with the digests of certificates, revocation data and unsigned attribute values.
type HashIndex struct {
	Raw     []byte      // the attribute's value, which the imprint is over
	Hash    crypto.Hash // 0 if the algorithm is not one of ours
	HashOID asn1.ObjectIdentifier

	certificates, revocations, attributes map[string]bool
}

// HashIndex gives the index of an archive timestamp. There must be exactly one.
func (t *TimestampToken) HashIndex() (*HashIndex, error) {
	var values [][]byte
	for _, oid := range []asn1.ObjectIdentifier{oidHashIndexV3, oidHashIndexV2, oidHashIndex} {
		values = append(values, all(t.Signer.UnsignedAttrs, oid)...)
	}
	if len(values) != 1 {
		return nil, fmt.Errorf("%w: %d hash indices in an archive timestamp", ErrAttributes, len(values))
	}
	x := &HashIndex{Raw: values[0], Hash: crypto.SHA256, HashOID: OIDOfHash(crypto.SHA256)}
	in := cryptobyte.String(values[0])
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() {
		return nil, malformedAttribute("ats-hash-index")
	}
	// Only the first version leaves the algorithm out, where it is SHA-256. A list of digests begins with an OCTET STRING.
	probe := s
	if a, ok := readAlgorithm(&probe); ok {
		s, x.Hash, x.HashOID = probe, a.Hash(), a.OID
	}
	for _, to := range []*map[string]bool{&x.certificates, &x.revocations, &x.attributes} {
		if !readDigests(&s, to) {
			return nil, malformedAttribute("ats-hash-index")
		}
	}
	if !s.Empty() {
		return nil, malformedAttribute("ats-hash-index")
	}
	if x.Hash == 0 {
		return nil, fmt.Errorf("%w: hash %v in ats-hash-index", ErrAlgorithm, x.HashOID)
	}
	return x, nil
}

func readDigests(s *cryptobyte.String, to *map[string]bool) bool {
	var list cryptobyte.String
	if !s.ReadASN1(&list, cbasn1.SEQUENCE) {
		return false
	}
	*to = map[string]bool{}
	for !list.Empty() {
		var digest []byte
		if !list.ReadASN1Bytes(&digest, cbasn1.OCTET_STRING) || len(*to) == maxCerts {
			return false
		}
		(*to)[string(digest)] = true
	}
	return true
}

func (x *HashIndex) sum(b ...[]byte) string {
	h := x.Hash.New()
	for _, part := range b {
		h.Write(part)
	}
	return string(h.Sum(nil))
}

// CoversElement reports whether a certificate or revocation data of the message is in the index.
func (x *HashIndex) CoversElement(e Element) bool {
	sum := x.sum(e.Raw)
	return e.Certificate && x.certificates[sum] || !e.Certificate && x.revocations[sum]
}

// CoversAttribute reports whether a value of an unsigned attribute is in the index: by itself with its type, or, as in
// the first two versions, as a whole attribute.
func (x *HashIndex) CoversAttribute(a Attribute, value []byte) bool {
	if x.attributes[x.sum(a.typeDER(), value)] {
		return true
	}
	whole, err := encodeAttribute(a)
	return err == nil && x.attributes[x.sum(whole)]
}

// Check wants everything in the index to be there: what it names and is gone has been taken away (5.5.2).
func (x *HashIndex) Check(sd *SignedData, si *SignerInfo) error {
	found := map[string]bool{}
	for _, e := range sd.Elements() {
		found[x.sum(e.Raw)] = true
	}
	for _, a := range si.UnsignedAttrs {
		if whole, err := encodeAttribute(a); err == nil {
			found[x.sum(whole)] = true
		}
		for _, v := range a.Values {
			found[x.sum(a.typeDER(), v)] = true
		}
	}
	for _, list := range []map[string]bool{x.certificates, x.revocations, x.attributes} {
		for digest := range list {
			if !found[digest] {
				return fmt.Errorf("%w: something that the archive timestamp covers is not there any more", ErrDigest)
			}
		}
	}
	return nil
}

// typeDER encodes the attribute's type.
func (a Attribute) typeDER() []byte {
	if a.oid != nil {
		return element(cbasn1.OBJECT_IDENTIFIER, a.oid)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1ObjectIdentifier(a.Type)
	der, _ := b.Bytes() // a type that was read can be written
	return der
}

// NewHashIndex makes the value of ats-hash-index-v3 over everything that the message and its signer hold now.
func (sd *SignedData) NewHashIndex(si *SignerInfo, h crypto.Hash) ([]byte, error) {
	algorithm, err := DigestAlgorithm(h)
	if err != nil {
		return nil, fmt.Errorf("ats-hash-index-v3: %w", err)
	}
	x := HashIndex{Hash: h}
	var certificates, revocations, attributes []string
	for _, e := range sd.Elements() {
		if e.Certificate {
			certificates = append(certificates, x.sum(e.Raw))
		} else {
			revocations = append(revocations, x.sum(e.Raw))
		}
	}
	for _, a := range si.UnsignedAttrs {
		for _, v := range a.Values {
			attributes = append(attributes, x.sum(a.typeDER(), v))
		}
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(algorithm)
		for _, list := range [][]string{certificates, revocations, attributes} {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, digest := range list {
					b.AddASN1OctetString([]byte(digest))
				}
			})
		}
	})
	return b.Bytes()
}

// HashIndexAttribute is the unsigned attribute for an archive timestamp's token.
func HashIndexAttribute(value []byte) Attribute {
	return Attribute{Type: oidHashIndexV3, Values: [][]byte{value}}
}

// ArchiveTimestamps gives the tokens of archive-time-stamp-v3, in the order of the attributes.
func (si *SignerInfo) ArchiveTimestamps() [][]byte {
	return all(si.UnsignedAttrs, OIDArchiveTimestampV3)
}

// ArchiveImprint gives the octets that an archive-time-stamp-v3 is over (5.5.3): the content type, the content's digest
// under the imprint's hash, the signature from its version to its value, and the hash index.
func (sd *SignedData) ArchiveImprint(si *SignerInfo, contentDigest, hashIndex []byte) ([]byte, error) {
	kind, err := asn1.Marshal(sd.ContentType)
	if err != nil {
		return nil, fmt.Errorf("archive imprint: %w", err)
	}
	return bytes.Join([][]byte{kind, contentDigest, si.head, hashIndex}, nil), nil
}

// An Element is one of the certificates or revocation data beside the signatures, as it stands there.
type Element struct {
	Raw []byte
	// Certificate: it is of the field certificates, else of crls.
	Certificate bool
	// X509, CRL and OCSP are what it holds, DER; all nil if it is of another kind.
	X509, CRL, OCSP []byte
}

// Elements lists them.
func (sd *SignedData) Elements() []Element {
	var list []Element
	for _, raw := range sd.certElements {
		e := Element{Raw: raw, Certificate: true}
		if raw[0] == byte(cbasn1.SEQUENCE) {
			e.X509 = raw
		}
		list = append(list, e)
	}
	for _, raw := range sd.otherElements {
		e := Element{Raw: raw}
		if raw[0] == byte(cbasn1.SEQUENCE) {
			e.CRL = raw
		} else {
			e.OCSP = otherRevocation(raw)
		}
		list = append(list, e)
	}
	return list
}

// HasOldArchive reports whether a signer has an archive timestamp of the older kinds, which cover the certificates and
// revocation data as a whole: what is added to them breaks those.
func (sd *SignedData) HasOldArchive() bool {
	return slices.ContainsFunc(sd.SignerInfos, func(si *SignerInfo) bool {
		return slices.ContainsFunc(si.UnsignedAttrs, func(a Attribute) bool {
			return a.Type.Equal(OIDArchiveTimestampV1) || a.Type.Equal(OIDArchiveTimestampV2)
		})
	})
}

// ArchiveImprintV2 gives the octets that an archive timestamp of the second version is over (RFC 5126, 6.4.1): the
// content with its type, or the external content, certificates and crls as they stand there, and the signature with
// those unsigned attributes that are not skipped. It is what a message in DER, and read as sent, was stamped as.
func (sd *SignedData) ArchiveImprintV2(si *SignerInfo, external []byte, skip func(Attribute) bool) ([]byte, error) {
	s := cryptobyte.String(sd.head)
	var encap cryptobyte.String
	if !s.SkipASN1(cbasn1.INTEGER) || !s.SkipASN1(cbasn1.SET) || !s.ReadASN1Element(&encap, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("archive imprint: %w: head", ErrMalformed)
	}
	var attributes [][]byte
	for _, a := range si.UnsignedAttrs {
		if skip(a) {
			continue
		}
		der, err := encodeAttribute(a)
		if err != nil {
			return nil, fmt.Errorf("archive imprint: %w", err)
		}
		attributes = append(attributes, der)
	}
	octets := bytes.Join([][]byte{encap, external, s, si.head}, nil)
	if len(attributes) > 0 {
		octets = append(octets, element(tagConstructed1, attributes...)...)
	}
	return octets, nil
}
