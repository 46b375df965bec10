// Package ocsp is the Online Certificate Status Protocol's two messages
// (RFC 6960, with the nonce of RFC 9654), as bytes: it parses and builds
// requests and responses, asks and answers nothing by itself, and knows no key,
// network or database.
//
// It is written here because a responder needs what the common library does not
// give: several certificates in one request, the nonce in the place where it
// belongs, the CertID echoed as it came, times to the second.
//
// Parsing is strict DER. The package refuses messages over its size limits, a
// nonce outside 1 to 128 octets, any extension it does not know when that is
// critical, and trailing bytes anywhere.
package ocsp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // CertIDs name certificates by SHA-1; no security rests on it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Limits on what is parsed: a request is read from anyone, a response from
// inside any document.
const (
	// MaxRequestSize is the largest request in octets.
	MaxRequestSize = 16 << 10
	// MaxRequests is the largest number of certificates in one request; each
	// may cost a look into the database.
	MaxRequests = 64
	// MaxResponseSize is the largest response in octets.
	MaxResponseSize = 1 << 20
	// MaxSingles is the largest number of answers in one response.
	MaxSingles = 1024
	// MaxNonce is the longest nonce in octets (RFC 9654, 2.1).
	MaxNonce = 128
)

var (
	// ErrMalformed says that the bytes are not the DER that the RFC defines, or break a limit.
	ErrMalformed = errors.New("malformed OCSP message")
	// ErrSignature says that a response's signature does not verify with the key.
	ErrSignature = errors.New("OCSP signature is wrong")
	// ErrAlgorithm says that a response is signed by an algorithm that is not supported.
	ErrAlgorithm = errors.New("OCSP signature algorithm is not supported")
)

var (
	oidBasic         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidNonce         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidArchiveCutoff = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 6}
)

var (
	tag0 = cbasn1.Tag(0).ContextSpecific().Constructed()
	tag1 = cbasn1.Tag(1).ContextSpecific().Constructed()
	tag2 = cbasn1.Tag(2).ContextSpecific().Constructed()
)

// CertID names one certificate (RFC 6960, 4.1.1).
type CertID struct {
	// HashAlgorithm is the hash of the two fields below; zero when it is one
	// that we do not know, and then nothing can match.
	HashAlgorithm crypto.Hash
	// IssuerNameHash is over the issuer's name in DER.
	IssuerNameHash []byte
	// IssuerKeyHash is over the issuer's key: the BIT STRING's content.
	IssuerKeyHash []byte
	// Serial is the certificate's.
	Serial *big.Int
	// Raw is the DER as received. An answer echoes it, so that a client that
	// compares bytes finds its own.
	Raw []byte
}

// NewCertID names the certificate with the serial that issuer issued.
func NewCertID(h crypto.Hash, issuer *x509.Certificate, serial *big.Int) (CertID, error) {
	oid, ok := hashOIDs[h]
	if !ok || !h.Available() {
		return CertID{}, fmt.Errorf("name certificate by hash %d: %w", h, ErrAlgorithm)
	}
	key, err := subjectPublicKey(issuer.RawSubjectPublicKeyInfo)
	if err != nil {
		return CertID{}, err
	}
	id := CertID{HashAlgorithm: h, IssuerNameHash: digest(h, issuer.RawSubject), IssuerKeyHash: digest(h, key), Serial: serial}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(id.IssuerNameHash)
		b.AddASN1OctetString(id.IssuerKeyHash)
		b.AddASN1BigInt(serial)
	})
	id.Raw, err = b.Bytes()
	return id, err
}

// Names reports whether the CertID's issuer is this certificate's subject and key.
func (id *CertID) Names(issuer *x509.Certificate) bool {
	if id.HashAlgorithm == 0 {
		return false
	}
	want, err := NewCertID(id.HashAlgorithm, issuer, id.Serial)
	return err == nil && bytes.Equal(want.IssuerNameHash, id.IssuerNameHash) && bytes.Equal(want.IssuerKeyHash, id.IssuerKeyHash)
}

func readCertID(s *cryptobyte.String) (id CertID, ok bool) {
	var raw, seq, alg cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
		return id, false
	}
	id.Raw = raw
	id.Serial = new(big.Int)
	if !raw.ReadASN1(&seq, cbasn1.SEQUENCE) ||
		!seq.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) ||
		!seq.ReadASN1Bytes(&id.IssuerNameHash, cbasn1.OCTET_STRING) ||
		!seq.ReadASN1Bytes(&id.IssuerKeyHash, cbasn1.OCTET_STRING) ||
		!seq.ReadASN1Integer(id.Serial) || !seq.Empty() {
		return id, false
	}
	if !alg.Empty() { // parameters: NULL or absent, for every hash there is
		var null cryptobyte.String
		if !alg.ReadASN1(&null, cbasn1.NULL) || !null.Empty() || !alg.Empty() {
			return id, false
		}
	}
	id.HashAlgorithm = hashOf(oid)
	if h := id.HashAlgorithm; h != 0 && (len(id.IssuerNameHash) != h.Size() || len(id.IssuerKeyHash) != h.Size()) {
		return id, false
	}
	return id, true
}

// subjectPublicKey is the content of the BIT STRING in an SPKI.
func subjectPublicKey(spki []byte) ([]byte, error) {
	s := cryptobyte.String(spki)
	var seq, alg cryptobyte.String
	var key asn1.BitString
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&alg, cbasn1.SEQUENCE) || !seq.ReadASN1BitString(&key) {
		return nil, fmt.Errorf("%w: subjectPublicKeyInfo", ErrMalformed)
	}
	return key.RightAlign(), nil
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
