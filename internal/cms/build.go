package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

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
