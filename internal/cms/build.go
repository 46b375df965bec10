package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignedAttributes describes the attributes of a signature that is being made.
type SignedAttributes struct {
	ContentType   asn1.ObjectIdentifier
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
	contentType, err := asn1.Marshal(a.ContentType)
	if err != nil {
		return nil, fmt.Errorf("signed attributes: content type: %w", err)
	}
	list := []Attribute{
		{Type: OIDContentType, Values: [][]byte{contentType}},
		{Type: OIDMessageDigest, Values: [][]byte{element(cbasn1.OCTET_STRING, a.MessageDigest)}},
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

// BuildParams is a message with one signer.
type BuildParams struct {
	ContentType  asn1.ObjectIdentifier
	Content      []byte            // nil: detached
	Certificates [][]byte          // DER; exactly these are embedded, so the signer's own belongs among them
	Certificate  *x509.Certificate // the signer's; only its identifier is taken
	KeyID        bool              // identify the signer by subject key identifier instead of issuer and serial number
	Hash         crypto.Hash
	Scheme       Scheme
	SignedAttrs  []byte // from SignedAttributes.Marshal
	Signature    []byte
	Unsigned     []Attribute
	CRLs         [][]byte
	OCSPs        [][]byte
}

// Build makes the ContentInfo, DER throughout: sets are sorted, double certificates dropped.
func Build(p BuildParams) ([]byte, error) {
	der, err := build(p)
	if err != nil {
		return nil, fmt.Errorf("build CMS: %w", err)
	}
	return der, nil
}

func build(p BuildParams) ([]byte, error) {
	digestAlgorithm, err := DigestAlgorithm(p.Hash)
	if err != nil {
		return nil, err
	}
	signer, err := encodeSigner(p, digestAlgorithm)
	if err != nil {
		return nil, err
	}
	revocation, err := encodeRevocation(p.CRLs, p.OCSPs)
	if err != nil {
		return nil, err
	}
	version := int64(1)
	if p.KeyID || !p.ContentType.Equal(OIDData) {
		version = 3
	}
	if len(p.OCSPs) > 0 {
		version = 5 // RFC 5652, 5.1
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1Int64(version)
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(digestAlgorithm) })
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(p.ContentType)
		if p.Content != nil {
			b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(p.Content) })
		}
	})
	addSortedSet(b, tagConstructed0, p.Certificates)
	addSortedSet(b, tagConstructed1, revocation)
	head, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	return wrapSignedData(head, [][]byte{signer})
}

// wrapSignedData puts the ContentInfo around the fields of SignedData.
func wrapSignedData(head []byte, signers [][]byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(OIDSignedData)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(head)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					for _, s := range signers {
						b.AddBytes(s)
					}
				})
			})
		})
	})
	return b.Bytes()
}

func addSortedSet(b *cryptobyte.Builder, tag cbasn1.Tag, elements [][]byte) {
	if len(elements) == 0 {
		return
	}
	sorted := slices.Clone(elements)
	slices.SortFunc(sorted, bytes.Compare)
	sorted = slices.CompactFunc(sorted, bytes.Equal)
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, e := range sorted {
			b.AddBytes(e)
		}
	})
}

func encodeSigner(p BuildParams, digestAlgorithm []byte) ([]byte, error) {
	algorithm, err := SignatureAlgorithmFor(p.Scheme, p.Hash)
	if err != nil {
		return nil, err
	}
	sid, err := encodeSID(p.Certificate, p.KeyID)
	if err != nil {
		return nil, err
	}
	if len(p.Signature) == 0 {
		return nil, errors.New("no signature")
	}
	set := cryptobyte.String(p.SignedAttrs)
	var attributes cryptobyte.String
	if !set.ReadASN1(&attributes, cbasn1.SET) || !set.Empty() {
		return nil, fmt.Errorf("%w: signed attributes", ErrMalformed)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(signerVersion(p.KeyID))
		b.AddBytes(sid)
		b.AddBytes(digestAlgorithm)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
		b.AddBytes(algorithm)
		b.AddASN1OctetString(p.Signature)
		if len(p.Unsigned) > 0 {
			unsigned, err := encodeSet(p.Unsigned)
			if err != nil {
				b.SetError(err)
				return
			}
			b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) { b.AddBytes(unsigned) })
		}
	})
	return b.Bytes()
}

func signerVersion(keyID bool) int64 {
	if keyID {
		return 3
	}
	return 1
}

func encodeSID(cert *x509.Certificate, keyID bool) ([]byte, error) {
	switch {
	case cert == nil:
		return nil, errors.New("no certificate for the signer identifier")
	case keyID && len(cert.SubjectKeyId) == 0:
		return nil, errors.New("certificate has no subject key identifier")
	case keyID:
		return element(tagContext0, cert.SubjectKeyId), nil
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(cert.RawIssuer)
		b.AddASN1BigInt(cert.SerialNumber)
	})
	return b.Bytes()
}
