package cms

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// readAttributes reads the content of a SET OF Attribute, in the order received.
func readAttributes(s cryptobyte.String) ([]Attribute, error) {
	var list []Attribute
	for !s.Empty() {
		var seq, set cryptobyte.String
		var a Attribute
		if !s.ReadASN1(&seq, cbasn1.SEQUENCE) {
			return nil, fmt.Errorf("%w: attribute", ErrMalformed)
		}
		var ok bool
		if a.Type, a.oid, ok = readOID(&seq); !ok || !seq.ReadASN1(&set, cbasn1.SET) || !seq.Empty() {
			return nil, fmt.Errorf("%w: attribute", ErrMalformed)
		}
		for !set.Empty() {
			var value cryptobyte.String
			if !set.ReadAnyASN1Element(&value, nil) {
				return nil, fmt.Errorf("%w: value of attribute %v", ErrMalformed, a.Type)
			}
			if a.Values = append(a.Values, value); len(a.Values) > maxAttributes {
				return nil, fmt.Errorf("%w: more than %d values in attribute %v", ErrLimit, maxAttributes, a.Type)
			}
		}
		if list = append(list, a); len(list) > maxAttributes {
			return nil, fmt.Errorf("%w: more than %d attributes", ErrLimit, maxAttributes)
		}
	}
	return list, nil
}

// ParseSignedAttributes reads the SET OF that is hashed for a signature: what a part that is asked to sign it checks
// before it does. It must be DER, sorted, with no attribute twice.
func ParseSignedAttributes(set []byte) ([]Attribute, error) {
	s := cryptobyte.String(set)
	var content cryptobyte.String
	if !s.ReadASN1(&content, cbasn1.SET) || !s.Empty() {
		return nil, fmt.Errorf("parse signed attributes: %w", ErrMalformed)
	}
	list, err := readAttributes(content)
	if err != nil {
		return nil, fmt.Errorf("parse signed attributes: %w", err)
	}
	if again, err := encodeSet(list); err != nil || string(again) != string(content) {
		return nil, fmt.Errorf("parse signed attributes: %w: not DER", ErrMalformed)
	}
	if err := noDuplicates(list); err != nil {
		return nil, fmt.Errorf("parse signed attributes: %w", err)
	}
	return list, nil
}

// noDuplicates refuses an attribute type that occurs twice: readers that take the first and readers that take the last
// would see two different signatures. Content timestamps may be several, EN 319 122-1, 5.2.8.
func noDuplicates(list []Attribute) error {
	for i, a := range list {
		for _, b := range list[:i] {
			if a.same(b) && !a.Type.Equal(OIDContentTimestamp) {
				return fmt.Errorf("%w: attribute %v occurs twice", ErrAttributes, a.Type)
			}
		}
	}
	return nil
}

func (a Attribute) same(b Attribute) bool {
	return a.Type.Equal(b.Type) && string(a.oid) == string(b.oid)
}

// single gives the one value of an attribute. Absent is nil without error; twice, or with several values, is refused.
func single(list []Attribute, oid asn1.ObjectIdentifier) (cryptobyte.String, error) {
	var value cryptobyte.String
	for _, a := range list {
		if !a.Type.Equal(oid) {
			continue
		}
		if value != nil || len(a.Values) != 1 {
			return nil, fmt.Errorf("%w: attribute %v has not exactly one value", ErrAttributes, oid)
		}
		value = a.Values[0]
	}
	return value, nil
}

// all gives every value of every attribute of one type.
func all(list []Attribute, oid asn1.ObjectIdentifier) [][]byte {
	var values [][]byte
	for _, a := range list {
		if a.Type.Equal(oid) {
			values = append(values, a.Values...)
		}
	}
	return values
}

func malformedAttribute(name string) error {
	return fmt.Errorf("%w: %s does not parse", ErrAttributes, name)
}

// MessageDigest gives the signed message-digest, RFC 5652, 11.2; nil if absent.
func (si *SignerInfo) MessageDigest() ([]byte, error) {
	v, err := single(si.SignedAttrs, OIDMessageDigest)
	if err != nil || v == nil {
		return nil, err
	}
	var digest []byte
	if !v.ReadASN1Bytes(&digest, cbasn1.OCTET_STRING) || !v.Empty() {
		return nil, malformedAttribute("message-digest")
	}
	return digest, nil
}

// ContentType gives the signed content-type, RFC 5652, 11.1; nil if absent.
func (si *SignerInfo) ContentType() (asn1.ObjectIdentifier, error) {
	v, err := single(si.SignedAttrs, OIDContentType)
	if err != nil || v == nil {
		return nil, err
	}
	oid, _, ok := readOID(&v)
	if !ok || oid == nil || !v.Empty() {
		return nil, malformedAttribute("content-type")
	}
	return oid, nil
}

// SigningTime gives the time that the signer claims, RFC 5652, 11.3; the zero time if absent. It proves nothing.
func (si *SignerInfo) SigningTime() (time.Time, error) {
	v, err := single(si.SignedAttrs, OIDSigningTime)
	if err != nil || v == nil {
		return time.Time{}, err
	}
	var t time.Time
	if v.PeekASN1Tag(cbasn1.UTCTime) && v.ReadASN1UTCTime(&t) && v.Empty() ||
		v.PeekASN1Tag(cbasn1.GeneralizedTime) && v.ReadASN1GeneralizedTime(&t) && v.Empty() {
		return t, nil
	}
	return time.Time{}, malformedAttribute("signing-time")
}

// SignatureTimestamps gives the tokens over the signature value, DER, in the order of the attributes.
func (si *SignerInfo) SignatureTimestamps() [][]byte {
	return all(si.UnsignedAttrs, OIDSignatureTimestamp)
}

// ContentTimestamps gives the signed tokens over the content, EN 319 122-1, 5.2.8.
func (si *SignerInfo) ContentTimestamps() [][]byte { return all(si.SignedAttrs, OIDContentTimestamp) }

// signedInteger reads the content octets of an INTEGER, two's complement.
func signedInteger(content []byte) *big.Int {
	n := new(big.Int).SetBytes(content)
	if len(content) > 0 && content[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(content))*8))
	}
	return n
}
