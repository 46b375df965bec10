package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TemplateConfig is a signer that makes many messages which differ in content and signature only.
type TemplateConfig struct {
	ContentType  asn1.ObjectIdentifier
	Certificate  *x509.Certificate // the signer's
	Certificates [][]byte          // DER; embedded on demand
	Hash         crypto.Hash
	Scheme       Scheme
}

// Template holds what these messages have in common, encoded once: a timestamping authority has no time to encode its
// certificate for each token. It gives the bytes that Build gives. It is safe for concurrent use.
type Template struct {
	hash       crypto.Hash
	attributes []byte // SET OF, with zeros for the message digest
	digestAt   int    // where the digest belongs in it

	head        []byte // version and digestAlgorithms
	contentType []byte
	certs       []byte // [0], or nothing
	signer      []byte // version, SID, digestAlgorithm
	algorithm   []byte // signatureAlgorithm
}

// NewTemplate checks c and encodes what is constant.
func NewTemplate(c TemplateConfig) (*Template, error) {
	t, err := newTemplate(c)
	if err != nil {
		return nil, fmt.Errorf("CMS template: %w", err)
	}
	return t, nil
}

func newTemplate(c TemplateConfig) (*Template, error) {
	digestAlgorithm, err := DigestAlgorithm(c.Hash)
	if err != nil {
		return nil, err
	}
	t := &Template{hash: c.Hash}
	if t.algorithm, err = SignatureAlgorithmFor(c.Scheme, c.Hash); err != nil {
		return nil, err
	}
	// The order of a SET OF never depends on the digest: attributes of the same length differ in their types before it.
	marker := bytes.Repeat([]byte{0xd5}, c.Hash.Size())
	attributes := SignedAttributes{ContentType: c.ContentType, MessageDigest: marker, Certificate: c.Certificate, Hash: c.Hash}
	if t.attributes, err = attributes.Marshal(); err != nil {
		return nil, err
	}
	t.digestAt = bytes.Index(t.attributes, marker)
	sid, err := encodeSID(c.Certificate, false)
	if err != nil {
		return nil, err
	}
	t.signer = bytes.Join([][]byte{{2, 1, 1}, sid, digestAlgorithm}, nil)
	version := byte(1)
	if !c.ContentType.Equal(OIDData) {
		version = 3
	}
	t.head = append([]byte{2, 1, version}, element(cbasn1.SET, digestAlgorithm)...)
	if t.contentType, err = asn1.Marshal(c.ContentType); err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(nil)
	addSortedSet(b, tagConstructed0, c.Certificates)
	t.certs, err = b.Bytes()
	return t, err
}

// SignedAttributes gives the SET OF for a content: its digest is what the key signs.
func (t *Template) SignedAttributes(content []byte) []byte {
	attributes := bytes.Clone(t.attributes)
	h := t.hash.New()
	h.Write(content)
	h.Sum(attributes[t.digestAt:t.digestAt])
	return attributes
}

// Message assembles the ContentInfo around a content, the attributes made for it, and the signature over them.
func (t *Template) Message(content, attributes, signature []byte, certs bool) []byte {
	m := t.measure(content, attributes, signature, certs)
	return m.append(make([]byte, 0, tlv(m.info)))
}

// Granted assembles the TimeStampResp (RFC 3161, 2.4.2) around that message, in one buffer.
func (t *Template) Granted(content, attributes, signature []byte, certs bool) []byte {
	m := t.measure(content, attributes, signature, certs)
	response := len(statusGranted) + tlv(m.info)
	b := make([]byte, 0, tlv(response))
	b = appendHeader(b, 0x30, response)
	b = append(b, statusGranted...)
	return m.append(b)
}

// statusGranted is a PKIStatusInfo of StatusGranted alone, DER.
const statusGranted = "\x30\x03\x02\x01\x00"

// measured is a message of which all lengths are known: DER writes them first.
type measured struct {
	*Template
	content, attributes, signature, certificates []byte
	info, body, encap, octets, signerInfo        int // lengths of contents, from the outside in
}

func (t *Template) measure(content, attributes, signature []byte, certs bool) measured {
	m := measured{Template: t, content: content, attributes: attributes, signature: signature}
	if certs {
		m.certificates = t.certs
	}
	m.octets = tlv(len(content))
	m.encap = len(t.contentType) + tlv(m.octets)
	m.signerInfo = len(t.signer) + len(attributes) + len(t.algorithm) + tlv(len(signature))
	m.body = len(t.head) + tlv(m.encap) + len(m.certificates) + tlv(tlv(m.signerInfo))
	m.info = len(signedDataOID) + tlv(tlv(m.body))
	return m
}

func (m *measured) append(b []byte) []byte {
	b = appendHeader(b, 0x30, m.info)
	b = append(b, signedDataOID...)
	b = appendHeader(b, 0xa0, tlv(m.body))
	b = appendHeader(b, 0x30, m.body)
	b = append(b, m.head...)
	b = appendHeader(b, 0x30, m.encap)
	b = append(b, m.contentType...)
	b = appendHeader(b, 0xa0, m.octets)
	b = appendHeader(b, 0x04, len(m.content))
	b = append(b, m.content...)
	b = append(b, m.certificates...)
	b = appendHeader(b, 0x31, tlv(m.signerInfo))
	b = appendHeader(b, 0x30, m.signerInfo)
	b = append(b, m.signer...)
	b = append(b, 0xa0) // signedAttrs is IMPLICIT: the SET's tag changes, its length does not
	b = append(b, m.attributes[1:]...)
	b = append(b, m.algorithm...)
	b = appendHeader(b, 0x04, len(m.signature))
	return append(b, m.signature...)
}

// signedDataOID is OIDSignedData, DER.
const signedDataOID = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

// tlv is the length of an element with n octets of content.
func tlv(n int) int {
	size := 2
	if n >= 0x80 {
		for m := n; m > 0; m >>= 8 {
			size++
		}
	}
	return size + n
}

func appendHeader(b []byte, tag byte, n int) []byte {
	b = append(b, tag)
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x100:
		return append(b, 0x81, byte(n))
	case n < 0x10000:
		return append(b, 0x82, byte(n>>8), byte(n))
	case n < 0x1000000:
		return append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
