package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"chop/policies"
)

// maxCSR is the largest certification request in octets: an RSA-4096 key with a
// subject takes under 2,000.
const maxCSR = 8 << 10

// csr is a certification request (RFC 2986) whose signature was verified with
// its own key: its maker possesses the private key.
type csr struct {
	key     crypto.PublicKey
	spki    []byte // SubjectPublicKeyInfo as Go encodes it: one form for one key
	subject Subject
}

// parseCSR reads and verifies a certification request in DER. Attributes are
// ignored: what a certificate contains is the profile's to say.
func parseCSR(der []byte) (*csr, error) {
	if len(der) > maxCSR {
		return nil, fmt.Errorf("%w: %d octets", ErrCSR, len(der))
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	switch r.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
	default: // a signature over SHA-1 proves nothing any more
		return nil, fmt.Errorf("%w: signed with %s", ErrCSR, r.SignatureAlgorithm)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: no proof of possession: %w", ErrCSR, err)
	}
	spki, err := x509.MarshalPKIXPublicKey(r.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCSR, err)
	}
	subject, err := subjectOf(r.RawSubject)
	if err != nil {
		return nil, err
	}
	return &csr{key: r.PublicKey, spki: spki, subject: subject}, nil
}

// subjectOf reads a name whose attributes are all ones that profiles know.
func subjectOf(raw []byte) (Subject, error) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &rdns); err != nil || len(rest) > 0 {
		return Subject{}, fmt.Errorf("%w: subject", ErrCSR)
	}
	var s Subject
	for _, rdn := range rdns {
		if len(rdn) != 1 {
			return Subject{}, fmt.Errorf("%w: subject has several attributes in one set", ErrCSR)
		}
		name := ""
		for n, a := range attributes {
			if a.oid.Equal(rdn[0].Type) {
				name = n
			}
		}
		v, isText := rdn[0].Value.(string)
		if name == "" || !isText || v == "" {
			return Subject{}, fmt.Errorf("%w: subject has an attribute %s that no profile knows", ErrCSR, rdn[0].Type)
		}
		field := attributes[name].field(&s)
		if *field != "" {
			return Subject{}, fmt.Errorf("%w: subject has %s twice", ErrCSR, name)
		}
		*field = v
	}
	return s, nil
}

// NewCSR makes the proof of possession for a key: a certification request for
// the subject, in DER.
func NewCSR(key crypto.Signer, s Subject) ([]byte, error) {
	all := &policies.Profile{}
	for _, t := range []string{"C", "O", "OU", "organizationIdentifier", "CN", "surname", "givenName", "serialNumber"} {
		all.Subject = append(all.Subject, policies.Attribute{Type: t})
	}
	name, err := s.marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode subject: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{RawSubject: name}, key)
	if err != nil {
		return nil, fmt.Errorf("make certification request: %w", err)
	}
	return der, nil
}
