package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Namespaces of the qualifying properties of XAdES (EN 319 132-1) and of what came before
// them.
const (
	XAdES    = "http://uri.etsi.org/01903/v1.3.2#"
	XAdES141 = "http://uri.etsi.org/01903/v1.4.1#"

	xades122 = "http://uri.etsi.org/01903/v1.2.2#"
	xades111 = "http://uri.etsi.org/01903/v1.1.1#"
)

// Types of references (EN 319 132-1, 5.2.7.2 and 4.4.2): to the value of the signature that
// this one countersigns, and to the signed properties.
const (
	TypeSignedProperties = "http://uri.etsi.org/01903#SignedProperties"
	TypeCountersigned    = "http://uri.etsi.org/01903#CountersignedSignature"
)

// Properties are the qualifying properties of one signature.
type Properties struct {
	// NS is the namespace that they are in.
	NS string
	// Element is QualifyingProperties, Object the ds:Object that holds it.
	Element, Object *Element
	// Signed is SignedProperties; Reference the reference that signs exactly it, or nil.
	Signed    *Element
	Reference *Reference
	// Unsigned are the unsigned signature properties in their order.
	Unsigned []*Element

	// SigningTime is claimed by the signer; zero if absent.
	SigningTime time.Time
	// Certificates are the references of SigningCertificate (Version 1) or
	// SigningCertificateV2 (2), the signer's first; Version 0: there is none.
	Certificates []CertificateRef
	Version      int
	// Policy is the identifier of a signature policy, ImpliedPolicy, or "". PolicyHash and
	// PolicyDigest are of its document; PolicyDerived: of what transforms make of it.
	Policy        string
	PolicyHash    crypto.Hash // 0: one that is not known here
	PolicyDigest  []byte
	PolicyDerived bool
	// Commitments are the identifiers of commitment types, Roles the texts of claimed roles.
	Commitments, Roles []string
	// Content are the time-stamps in the signed properties.
	Content []Stamp
}

// A CertificateRef names a certificate by its digest.
type CertificateRef struct {
	// Hash is 0 if the digest algorithm is not known here.
	Hash   crypto.Hash
	Digest []byte
	// Serial is nil if it is not given. IssuerSerial is the DER of version 2.
	Serial       *big.Int
	IssuerSerial []byte
}

// ReadProperties finds and reads the properties of a signature whose references were
// checked; nil if there are none. They count only in one of the signature's own Objects
// and with its id as their target.
func (s *Signature) ReadProperties() (*Properties, error) {
	var p *Properties
	for _, o := range s.Objects {
		for _, e := range Elements(o) {
			if e.LocalName() != "QualifyingProperties" || !IsXAdES(e.URI()) || e.URI() == XAdES141 {
				continue
			}
			if p != nil {
				return nil, fmt.Errorf("%w: several QualifyingProperties", ErrMalformed)
			}
			p = &Properties{NS: e.URI(), Element: e, Object: o}
		}
	}
	if p == nil {
		return nil, nil
	}
	if target, _ := Attr(p.Element, "Target"); target != "#"+s.ID || s.ID == "" {
		return nil, fmt.Errorf("%w: QualifyingProperties for %q in signature %q", ErrMalformed, clip(target), clip(s.ID))
	}
	if _, err := s.doc.ByID(s.ID); err != nil {
		return nil, err
	}
	return p, p.read(s)
}

// IsXAdES reports whether a namespace is one of XAdES.
func IsXAdES(ns string) bool {
	return ns == XAdES || ns == XAdES141 || ns == xades122 || ns == xades111
}

func (p *Properties) read(s *Signature) error {
	var err error
	if p.Signed, err = Child(p.Element, p.NS, "SignedProperties"); err != nil {
		return err
	}
	unsigned, err := p.path(p.Element, "UnsignedProperties", "UnsignedSignatureProperties")
	if err != nil {
		return err
	}
	if unsigned != nil {
		p.Unsigned = Elements(unsigned)
	}
	if p.Signed == nil {
		return nil
	}
	for _, r := range s.References {
		if r.Signed != nil && !r.Signed.Whole() && r.Signed.Apex() == p.Signed && r.Signed.Complete() && !r.Decoded {
			p.Reference = r
		}
	}
	if err := p.readSigned(); err != nil {
		return err
	}
	data, err := p.path(p.Signed, "SignedDataObjectProperties")
	if err != nil || data == nil {
		return err
	}
	for _, e := range Elements(data) {
		if e.LocalName() == "CommitmentTypeIndication" {
			p.readCommitment(e)
		}
		if e.LocalName() == "AllDataObjectsTimeStamp" || e.LocalName() == "IndividualDataObjectsTimeStamp" {
			t, err := readStamp(e)
			if err != nil {
				return err
			}
			p.Content = append(p.Content, t)
		}
	}
	return nil
}

// path follows children of one name each; nil if one is not there.
func (p *Properties) path(e *Element, names ...string) (*Element, error) {
	for _, name := range names {
		var err error
		if e, err = Child(e, p.NS, name); err != nil || e == nil {
			return nil, err
		}
	}
	return e, nil
}

func (p *Properties) readSigned() error {
	sp, err := p.path(p.Signed, "SignedSignatureProperties")
	if err != nil || sp == nil {
		return err
	}
	at, err := p.path(sp, "SigningTime")
	if err != nil {
		return err
	}
	if at != nil {
		text, err := Text(at)
		if err != nil {
			return err
		}
		p.SigningTime = parseTime(trim(text))
	}
	for i, name := range []string{"SigningCertificate", "SigningCertificateV2"} {
		e, err := p.path(sp, name)
		if err != nil {
			return err
		}
		if e != nil {
			p.Version = i + 1
			if p.Certificates, err = p.readRefs(e, i+1); err != nil {
				return err
			}
		}
	}
	p.readRoles(sp)
	return p.readPolicy(sp)
}

// parseTime reads xsd:dateTime; zero for what has no time zone or is no time.
func parseTime(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return at
}

// readRefs reads Cert elements of one of the two versions.
func (p *Properties) readRefs(e *Element, version int) ([]CertificateRef, error) {
	var list []CertificateRef
	for _, cert := range Children(e, p.NS, "Cert") {
		digest, err := p.path(cert, "CertDigest")
		if err != nil || digest == nil {
			return nil, orMalformed(err, "a Cert without CertDigest")
		}
		ref := CertificateRef{}
		method, err := Child(digest, NS, "DigestMethod")
		if err == nil && method == nil {
			method, err = p.path(digest, "DigestMethod")
		}
		value, err2 := Child(digest, NS, "DigestValue")
		if err2 == nil && value == nil {
			value, err2 = p.path(digest, "DigestValue")
		}
		if err != nil || err2 != nil || method == nil || value == nil {
			return nil, orMalformed(err, "CertDigest")
		}
		uri, _ := Attr(method, "Algorithm")
		ref.Hash, _ = ParseDigest(uri)
		if ref.Digest, err = Bytes(value); err != nil {
			return nil, err
		}
		if err := p.readSerial(cert, version, &ref); err != nil {
			return nil, err
		}
		if list = append(list, ref); len(list) > maxKeyInfo {
			return nil, fmt.Errorf("%w: certificate references", ErrLimit)
		}
	}
	return list, nil
}

func (p *Properties) readSerial(cert *Element, version int, ref *CertificateRef) error {
	if version == 2 {
		e, err := p.path(cert, "IssuerSerialV2")
		if err == nil && e != nil {
			ref.IssuerSerial, err = Bytes(e)
		}
		return err
	}
	e, err := p.path(cert, "IssuerSerial")
	if err != nil || e == nil {
		return err
	}
	n, err := Child(e, NS, "X509SerialNumber")
	if err != nil || n == nil {
		return err
	}
	text, err := Text(n)
	if err != nil || len(text) > 100 {
		return orMalformed(err, "serial number")
	}
	ref.Serial, _ = new(big.Int).SetString(strings.TrimSpace(text), 10)
	return nil
}

func orMalformed(err error, what string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrMalformed, what)
}

// Names reports whether the properties name the certificate, DER, by its digest.
func (p *Properties) Names(der []byte) bool {
	return slices.ContainsFunc(p.Certificates, func(r CertificateRef) bool { return r.Matches(der) })
}

// CheckSerial says whether what the properties give beside the certificate's digest, its
// serial number, is the certificate's.
func (p *Properties) CheckSerial(der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil // whoever uses it finds out
	}
	for _, r := range p.Certificates {
		if !r.Matches(der) {
			continue
		}
		serial := r.Serial
		if len(r.IssuerSerial) > 0 {
			if serial, err = readIssuerSerial(r.IssuerSerial); err != nil {
				return err
			}
		}
		if serial != nil && serial.Cmp(cert.SerialNumber) != 0 {
			return fmt.Errorf("%w: the certificate that is named has another serial number", ErrMalformed)
		}
	}
	return nil
}

// readIssuerSerial reads the serial number of IssuerSerial (RFC 5035, 3).
func readIssuerSerial(der []byte) (*big.Int, error) {
	in := cryptobyte.String(der)
	var seq, issuer cryptobyte.String
	serial := new(big.Int)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&issuer, cbasn1.SEQUENCE) || !seq.ReadASN1Integer(serial) {
		return nil, fmt.Errorf("%w: IssuerSerialV2", ErrMalformed)
	}
	return serial, nil
}

// Matches reports whether the reference is to this certificate, DER.
func (r CertificateRef) Matches(der []byte) bool {
	return r.Hash.Available() && bytes.Equal(sum(r.Hash, der), r.Digest)
}
