package pades

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"chop/internal/cms"
)

// An Identity is who signs, without the key: a certificate, its chain, and how
// signature values are made. It is immutable, and worth keeping per credential,
// because what can be computed once is computed here.
type Identity struct {
	cert   *x509.Certificate
	certs  [][]byte // embedded in each signature: the certificate and its chain, no root
	scheme cms.Scheme
	hash   crypto.Hash
	size   int // of the longest CMS without unsigned attributes, in bytes
}

// NewIdentity checks that scheme fits the certificate's key and that h is of the SHA-2
// family. An empty scheme takes the key's usual one (RSA: PKCS #1 v1.5). The chain
// starts with the certificate's issuer; a self-issued root at its end is not embedded,
// since a relying party must have it from elsewhere.
func NewIdentity(cert *x509.Certificate, chain []*x509.Certificate, scheme cms.Scheme, h crypto.Hash) (*Identity, error) {
	if cert == nil {
		return nil, fmt.Errorf("%w: no certificate", ErrRequest)
	}
	switch h {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, fmt.Errorf("%w: hash %v", ErrRequest, h)
	}
	scheme, err := cms.SchemeFor(cert.PublicKey, scheme)
	if err != nil {
		return nil, fmt.Errorf("signature scheme: %w", err)
	}
	id := &Identity{cert: cert, scheme: scheme, hash: h, certs: [][]byte{cert.Raw}}
	for _, c := range chain {
		if !bytes.Equal(c.RawSubject, c.RawIssuer) {
			id.certs = append(id.certs, c.Raw)
		}
	}
	if id.size, err = id.longest(); err != nil {
		return nil, fmt.Errorf("measure signature: %w", err)
	}
	return id, nil
}

// Certificate returns the signing certificate.
func (id *Identity) Certificate() *x509.Certificate { return id.cert }

// Certificates returns what is embedded in a signature, DER: the certificate and its
// chain without the root.
func (id *Identity) Certificates() [][]byte { return id.certs }

// Hash returns the hash of the document, of the attributes and of imprints.
func (id *Identity) Hash() crypto.Hash { return id.hash }

// Scheme returns how signature values are made.
func (id *Identity) Scheme() cms.Scheme { return id.scheme }

// SignerOpts returns what a crypto.Signer needs beside the digest.
func (id *Identity) SignerOpts() crypto.SignerOpts { return cms.SignerOpts(id.scheme, id.hash) }

// attributes returns the signed attributes over a document digest: content-type,
// message-digest and signing-certificate-v2. There is no signing-time: in a PDF the
// claimed time is the dictionary's /M (EN 319 142-1, clause 6.3, table 1).
func (id *Identity) attributes(digest []byte) ([]byte, error) {
	return cms.SignedAttributes{
		ContentType:   cms.OIDData,
		MessageDigest: digest,
		Certificate:   id.cert,
		Hash:          id.hash,
	}.Marshal()
}

func (id *Identity) build(attrs, signature []byte, unsigned []cms.Attribute) ([]byte, error) {
	return cms.Build(cms.BuildParams{
		ContentType:  cms.OIDData,
		Certificates: id.certs,
		Certificate:  id.cert,
		Hash:         id.hash,
		Scheme:       id.scheme,
		SignedAttrs:  attrs,
		Signature:    signature,
		Unsigned:     unsigned,
	})
}

func (id *Identity) longest() (int, error) {
	attrs, err := id.attributes(make([]byte, id.hash.Size()))
	if err != nil {
		return 0, err
	}
	var n int
	switch pub := id.cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		// A SEQUENCE of two INTEGERs, each with a sign octet at most, and their headers.
		n = 2*((pub.Curve.Params().BitSize+7)/8+3) + 3
	case *rsa.PublicKey:
		n = pub.Size()
	default:
		return 0, fmt.Errorf("key type %T", pub)
	}
	b, err := id.build(attrs, make([]byte, n), nil)
	return len(b), err
}

// Verify is the last look at a signature value before it enters a file: a wrong key, a
// faulty token or mixed-up callers must not yield a file that looks signed. ErrSignature.
func (id *Identity) Verify(dtbsr, signature []byte) error {
	ok := false
	switch pub := id.cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(pub, dtbsr, signature)
	case *rsa.PublicKey:
		if id.scheme == cms.PSS {
			ok = rsa.VerifyPSS(pub, id.hash, dtbsr, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(pub, id.hash, dtbsr, signature) == nil
		}
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
