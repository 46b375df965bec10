package cms

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignaturePolicy is the signature-policy-identifier, EN 319 122-1, 5.2.9.
type SignaturePolicy struct {
	Implied bool // no identifier: the policy follows from elsewhere
	OID     asn1.ObjectIdentifier
	Hash    crypto.Hash // of the policy document; 0 if not one of ours
	Digest  []byte
}

// SignaturePolicy gives the signed policy identifier; nil if absent. Qualifiers are passed over.
func (si *SignerInfo) SignaturePolicy() (*SignaturePolicy, error) {
	v, err := single(si.SignedAttrs, OIDSignaturePolicy)
	if err != nil || v == nil {
		return nil, err
	}
	if v.PeekASN1Tag(cbasn1.NULL) {
		return &SignaturePolicy{Implied: true}, nil
	}
	p := new(SignaturePolicy)
	var seq, digest cryptobyte.String
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() {
		return nil, malformedAttribute("signature-policy-identifier")
	}
	var ok bool
	if p.OID, _, ok = readOID(&seq); !ok || !seq.ReadASN1(&digest, cbasn1.SEQUENCE) {
		return nil, malformedAttribute("signature-policy-identifier")
	}
	a, ok := readAlgorithm(&digest)
	if !ok || !digest.ReadASN1Bytes(&p.Digest, cbasn1.OCTET_STRING) || !digest.Empty() ||
		!seq.SkipOptionalASN1(cbasn1.SEQUENCE) || !seq.Empty() {
		return nil, malformedAttribute("signature-policy-identifier")
	}
	p.Hash = a.Hash()
	return p, nil
}

// SignaturePolicyAttribute makes a signed attribute that names a policy document by identifier and digest.
func SignaturePolicyAttribute(oid asn1.ObjectIdentifier, h crypto.Hash, digest []byte) (Attribute, error) {
	algorithm, err := DigestAlgorithm(h)
	if err != nil {
		return Attribute{}, fmt.Errorf("signature policy: %w", err)
	}
	return makeAttribute(OIDSignaturePolicy, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(algorithm)
				b.AddASN1OctetString(digest)
			})
		})
	})
}

// CommitmentTypes gives the identifiers of all signed commitment-type-indications, EN 319 122-1, 5.2.3.
func (si *SignerInfo) CommitmentTypes() ([]asn1.ObjectIdentifier, error) {
	var list []asn1.ObjectIdentifier
	for _, value := range all(si.SignedAttrs, OIDCommitmentType) {
		v := cryptobyte.String(value)
		var seq cryptobyte.String
		if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() {
			return nil, malformedAttribute("commitment-type-indication")
		}
		oid, _, ok := readOID(&seq)
		if !ok || !seq.SkipOptionalASN1(cbasn1.SEQUENCE) || !seq.Empty() {
			return nil, malformedAttribute("commitment-type-indication")
		}
		list = append(list, oid)
	}
	return list, nil
}

// CommitmentTypeAttribute makes a signed commitment-type-indication.
func CommitmentTypeAttribute(oid asn1.ObjectIdentifier) (Attribute, error) {
	return makeAttribute(OIDCommitmentType, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
	})
}

// SignerLocation is where the signer says to be, EN 319 122-1, 5.2.5. Empty fields are absent.
type SignerLocation struct {
	Country  string
	Locality string
	Postal   []string // up to 6 lines
}

// SignerLocation gives the signed signer-location; nil if absent.
func (si *SignerInfo) SignerLocation() (*SignerLocation, error) {
	v, err := single(si.SignedAttrs, OIDSignerLocation)
	if err != nil || v == nil {
		return nil, err
	}
	l := new(SignerLocation)
	var seq, postal, lines cryptobyte.String
	var present bool
	ok := v.ReadASN1(&seq, cbasn1.SEQUENCE) && v.Empty() && readOptionalText(&seq, &l.Country, tagConstructed0) &&
		readOptionalText(&seq, &l.Locality, tagConstructed1) && seq.ReadOptionalASN1(&postal, &present, tagConstructed2) && seq.Empty()
	if ok && present {
		ok = postal.ReadASN1(&lines, cbasn1.SEQUENCE) && postal.Empty()
		for ok && !lines.Empty() {
			var line string
			ok = len(l.Postal) < 6 && readText(&lines, &line)
			l.Postal = append(l.Postal, line)
		}
	}
	if !ok {
		return nil, malformedAttribute("signer-location")
	}
	return l, nil
}

// Attribute makes the signed signer-location.
func (l SignerLocation) Attribute() (Attribute, error) {
	text := func(s string) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
		}
	}
	if len(l.Postal) > 6 {
		return Attribute{}, fmt.Errorf("signer location: %d postal lines", len(l.Postal))
	}
	return makeAttribute(OIDSignerLocation, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if l.Country != "" {
				b.AddASN1(tagConstructed0, text(l.Country))
			}
			if l.Locality != "" {
				b.AddASN1(tagConstructed1, text(l.Locality))
			}
			if len(l.Postal) > 0 {
				b.AddASN1(tagConstructed2, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, line := range l.Postal {
							text(line)(b)
						}
					})
				})
			}
		})
	})
}

// ContentTimestampAttribute makes a signed content-time-stamp of a token.
func ContentTimestampAttribute(token []byte) Attribute {
	return Attribute{Type: OIDContentTimestamp, Values: [][]byte{token}}
}

func makeAttribute(oid asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) (Attribute, error) {
	b := cryptobyte.NewBuilder(nil)
	value(b)
	der, err := b.Bytes()
	if err != nil {
		return Attribute{}, fmt.Errorf("attribute %v: %w", oid, err)
	}
	return Attribute{Type: oid, Values: [][]byte{der}}, nil
}

func readOptionalText(s *cryptobyte.String, out *string, tag cbasn1.Tag) bool {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tag) {
		return false
	}
	return !present || readText(&field, out) && field.Empty()
}

// readText reads the forms of DirectoryString that are in use: UTF8String, PrintableString and BMPString.
func readText(s *cryptobyte.String, out *string) bool {
	const bmpString = cbasn1.Tag(30)
	var content cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&content, &tag) {
		return false
	}
	switch tag {
	case cbasn1.UTF8String, cbasn1.PrintableString:
		*out = string(content)
		return utf8.Valid(content)
	case bmpString:
		units := make([]uint16, 0, len(content)/2)
		for !content.Empty() {
			var unit uint16
			if !content.ReadUint16(&unit) {
				return false
			}
			units = append(units, unit)
		}
		*out = string(utf16.Decode(units))
		return true
	}
	return false
}
