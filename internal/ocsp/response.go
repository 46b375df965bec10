package ocsp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ResponseStatus says whether a response holds answers (RFC 6960, 4.2.1).
type ResponseStatus int

// The statuses of RFC 6960, 4.2.1; 4 is not used.
const (
	Successful       ResponseStatus = 0
	MalformedRequest ResponseStatus = 1
	InternalError    ResponseStatus = 2
	TryLater         ResponseStatus = 3
	SigRequired      ResponseStatus = 5
	Unauthorized     ResponseStatus = 6
)

// CertStatus is the state of one certificate.
type CertStatus int

// The choices of CertStatus.
const (
	Good    CertStatus = 0
	Revoked CertStatus = 1
	Unknown CertStatus = 2
)

func (s CertStatus) String() string {
	switch s {
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	}
	return "unknown"
}

// ReasonAbsent is Single.Reason when a revoked answer carries none.
const ReasonAbsent = -1

// Single is the answer about one certificate.
type Single struct {
	CertID CertID
	Status CertStatus
	// RevokedAt and Reason (a CRLReason, or ReasonAbsent) go with Revoked.
	RevokedAt time.Time
	Reason    int
	// ThisUpdate is when the status was known to be correct; NextUpdate, when
	// not zero, is when newer information will be available.
	ThisUpdate, NextUpdate time.Time
	// ArchiveCutoff, when not zero, says since when expired certificates are
	// answered for (RFC 6960, 4.4.4).
	ArchiveCutoff time.Time
}

// ResponderID names the responder: exactly one of its fields is set.
type ResponderID struct {
	Name    []byte // the subject in DER
	KeyHash []byte // SHA-1 of the key's BIT STRING content
}

// Matches reports whether cert could be the responder named.
func (id ResponderID) Matches(cert *x509.Certificate) bool {
	if id.Name != nil {
		return bytes.Equal(id.Name, cert.RawSubject)
	}
	key, err := subjectPublicKey(cert.RawSubjectPublicKeyInfo)
	return err == nil && len(id.KeyHash) > 0 && bytes.Equal(id.KeyHash, digest(crypto.SHA1, key))
}

// Response is a parsed OCSPResponse. Nothing in it is verified until
// CheckSignature has been asked.
type Response struct {
	Status ResponseStatus
	// Raw is the whole OCSPResponse; BasicRaw the BasicOCSPResponse within,
	// the form in which CMS attributes carry it.
	Raw, BasicRaw []byte

	ResponderID ResponderID
	ProducedAt  time.Time
	Nonce       []byte // nil when absent
	Singles     []Single
	// Certificates are those that crypto/x509 can read, RawCertificates all.
	Certificates    []*x509.Certificate
	RawCertificates [][]byte
	// Hash is the signature's digest algorithm, zero when unknown or none.
	Hash crypto.Hash

	tbs, signature []byte
	scheme         scheme
}

// ParseResponse reads an OCSPResponse in DER. A Response whose Status is not
// Successful has no other content.
func ParseResponse(der []byte) (*Response, error) {
	if len(der) > MaxResponseSize {
		return nil, fmt.Errorf("%w: response of %d octets", ErrMalformed, len(der))
	}
	s := cryptobyte.String(der)
	var outer, explicit, rb, basic cryptobyte.String
	var status int
	var present bool
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !s.Empty() || !outer.ReadASN1Enum(&status) ||
		!outer.ReadOptionalASN1(&explicit, &present, tag0) || !outer.Empty() {
		return nil, fmt.Errorf("%w: OCSPResponse", ErrMalformed)
	}
	if status < 0 || status > 6 || status == 4 || present != (status == 0) {
		return nil, fmt.Errorf("%w: responseStatus %d", ErrMalformed, status)
	}
	if !present {
		return &Response{Status: ResponseStatus(status), Raw: der}, nil
	}
	if !explicit.ReadASN1(&rb, cbasn1.SEQUENCE) || !explicit.Empty() ||
		!rb.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidBasic) ||
		!rb.ReadASN1(&basic, cbasn1.OCTET_STRING) || !rb.Empty() {
		return nil, fmt.Errorf("%w: responseBytes", ErrMalformed)
	}
	r, err := ParseBasic(basic)
	if err != nil {
		return nil, err
	}
	r.Raw = der
	return r, nil
}

// ParseBasic reads a BasicOCSPResponse in DER. Raw stays nil.
func ParseBasic(der []byte) (*Response, error) {
	if len(der) > MaxResponseSize {
		return nil, fmt.Errorf("%w: response of %d octets", ErrMalformed, len(der))
	}
	bad := func(what string) (*Response, error) { return nil, fmt.Errorf("%w: %s", ErrMalformed, what) }
	r := &Response{BasicRaw: der}
	s := cryptobyte.String(der)
	var outer, tbs, algorithm, explicit, certs cryptobyte.String
	var signature asn1.BitString
	var hasCerts, ok bool
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !s.Empty() ||
		!outer.ReadASN1Element(&tbs, cbasn1.SEQUENCE) ||
		!outer.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!outer.ReadASN1BitString(&signature) || signature.BitLength%8 != 0 ||
		!outer.ReadOptionalASN1(&explicit, &hasCerts, tag0) || !outer.Empty() {
		return bad("BasicOCSPResponse")
	}
	r.tbs, r.signature = tbs, signature.Bytes
	if r.scheme, ok = schemeOf(algorithm); !ok {
		return bad("signatureAlgorithm")
	}
	r.Hash = r.scheme.hash
	if hasCerts {
		if !explicit.ReadASN1(&certs, cbasn1.SEQUENCE) || !explicit.Empty() {
			return bad("certs")
		}
		for !certs.Empty() {
			var raw cryptobyte.String
			if !certs.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
				return bad("certs")
			}
			r.RawCertificates = append(r.RawCertificates, raw)
			if c, err := x509.ParseCertificate(raw); err == nil {
				r.Certificates = append(r.Certificates, c)
			}
		}
	}
	return r, r.readData(tbs)
}

// CheckSignature verifies the response with the responder's public key. Whether
// that key may answer for the issuer (RFC 6960, 4.2.2.2) is the caller's to ask.
func (r *Response) CheckSignature(pub crypto.PublicKey) error {
	if r.scheme.kind == "" {
		return ErrAlgorithm
	}
	return r.scheme.verify(pub, r.tbs, r.signature)
}

// Find returns the answer about a certificate with this issuer and serial, or nil.
func (r *Response) Find(issuer, cert *x509.Certificate) *Single {
	for i := range r.Singles {
		if s := &r.Singles[i]; s.CertID.Serial.Cmp(cert.SerialNumber) == 0 && s.CertID.Names(issuer) {
			return s
		}
	}
	return nil
}
