package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignedAttributes describes the attributes of a signature that is being made.
type SignedAttributes struct {
	ContentType   asn1.ObjectIdentifier // nil: absent, as in a counter-signature
	MessageDigest []byte
	SigningTime   time.Time         // zero: absent, as PAdES demands (EN 319 142-1, 6.3: the time is in the PDF's M)
	Certificate   *x509.Certificate // named by an ESS signing-certificate-v2; nil: no such attribute
	Hash          crypto.Hash       // of MessageDigest and of the ESS reference
	Extra         []Attribute
}

// Marshal gives the DER SET OF Attribute. Its digest under Hash is what the key signs.
func (a SignedAttributes) Marshal() ([]byte, error) {
	if len(a.MessageDigest) != a.Hash.Size() {
		return nil, fmt.Errorf("signed attributes: digest of %d octets for %v", len(a.MessageDigest), a.Hash)
	}
	list := []Attribute{{Type: OIDMessageDigest, Values: [][]byte{element(cbasn1.OCTET_STRING, a.MessageDigest)}}}
	if a.ContentType != nil {
		contentType, err := asn1.Marshal(a.ContentType)
		if err != nil {
			return nil, fmt.Errorf("signed attributes: content type: %w", err)
		}
		list = append(list, Attribute{Type: OIDContentType, Values: [][]byte{contentType}})
	}
	if !a.SigningTime.IsZero() {
		der, err := encodeTime(a.SigningTime)
		if err != nil {
			return nil, fmt.Errorf("signed attributes: signing time: %w", err)
		}
		list = append(list, Attribute{Type: OIDSigningTime, Values: [][]byte{der}})
	}
	if a.Certificate != nil {
		ess, err := signingCertificateV2(a.Certificate, a.Hash)
		if err != nil {
			return nil, fmt.Errorf("signed attributes: %w", err)
		}
		list = append(list, ess)
	}
	list = append(list, a.Extra...)
	if err := noDuplicates(list); err != nil {
		return nil, fmt.Errorf("signed attributes: %w", err)
	}
	content, err := encodeSet(list)
	if err != nil {
		return nil, fmt.Errorf("signed attributes: %w", err)
	}
	return element(cbasn1.SET, content), nil
}

// encodeTime: UTCTime through 2049, GeneralizedTime after, RFC 5652, 11.3.
func encodeTime(t time.Time) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	if y := t.UTC().Year(); y >= 1950 && y < 2050 {
		b.AddASN1UTCTime(t.UTC())
	} else {
		b.AddASN1GeneralizedTime(t.UTC())
	}
	return b.Bytes()
}

// encodeAttribute keeps the values in their order: a received attribute comes out as it was.
func encodeAttribute(a Attribute) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if a.oid != nil {
			b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(a.oid) })
		} else {
			b.AddASN1ObjectIdentifier(a.Type)
		}
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			for _, v := range a.Values {
				b.AddBytes(v)
			}
		})
	})
	return b.Bytes()
}

// encodeSet gives the content of a SET OF Attribute, sorted as DER demands (X.690, 11.6).
func encodeSet(list []Attribute) ([]byte, error) {
	encoded := make([][]byte, len(list))
	for i, a := range list {
		a.Values = slices.Clone(a.Values)
		slices.SortFunc(a.Values, bytes.Compare)
		var err error
		if encoded[i], err = encodeAttribute(a); err != nil {
			return nil, fmt.Errorf("attribute %v: %w", a.Type, err)
		}
	}
	slices.SortFunc(encoded, bytes.Compare)
	return bytes.Join(encoded, nil), nil
}
