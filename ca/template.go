package ca

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"go.step.sm/crypto/x509util"

	"chop/policies"
)

// template turns a profile and what the applicant chose into everything that a
// certificate contains. The times are whole seconds, as certificates have them.
func (i *issuer) template(p *policies.Profile, subject Subject, pub crypto.PublicKey, serial *big.Int, now time.Time, urls URLs) (*x509.Certificate, error) {
	name, err := subject.marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode subject: %w", err)
	}
	ski, err := x509util.GenerateSubjectKeyID(pub) // RFC 5280, 4.2.1.2, method 1
	if err != nil {
		return nil, fmt.Errorf("identify subject key: %w", err)
	}
	from := now.UTC().Truncate(time.Second)
	t := &x509.Certificate{
		SerialNumber:          serial,
		RawSubject:            name,
		NotBefore:             from,
		NotAfter:              p.Validity.End(from),
		KeyUsage:              p.KeyUsage.X509(),
		BasicConstraintsValid: p.CA != nil,
		IsCA:                  p.CA != nil,
		SubjectKeyId:          ski,
		PublicKey:             pub,
		SignatureAlgorithm:    i.algorithm,
	}
	if p.CA != nil && p.CA.PathLen != nil {
		t.MaxPathLen, t.MaxPathLenZero = *p.CA.PathLen, *p.CA.PathLen == 0
	}
	for _, purpose := range p.ExtKeyUsage.Purposes {
		t.ExtKeyUsage = append(t.ExtKeyUsage, purposes[purpose])
	}
	i.addPointers(t, p.Pointers, urls)
	return t, addExtensions(t, p, urls)
}

var purposes = map[string]x509.ExtKeyUsage{
	"timeStamping": x509.ExtKeyUsageTimeStamping,
	"OCSPSigning":  x509.ExtKeyUsageOCSPSigning,
}

func (i *issuer) addPointers(t *x509.Certificate, p policies.Pointers, urls URLs) {
	issuer, crl := urls.Issuing, urls.CRL
	if i.isRoot {
		issuer, crl = urls.Root, urls.ARL
	}
	if p.Issuer {
		t.IssuingCertificateURL = []string{issuer}
	}
	if p.OCSP {
		t.OCSPServer = []string{urls.OCSP}
	}
	if p.CRL {
		t.CRLDistributionPoints = []string{crl}
	}
}

func addExtensions(t *x509.Certificate, p *policies.Profile, urls URLs) error {
	var made []func() (pkix.Extension, error)
	if p.Policy != nil {
		made = append(made, func() (pkix.Extension, error) { return policiesExtension(p.Policy) })
	}
	if p.ExtKeyUsage.Critical {
		// crypto/x509 marks the extension not critical.
		made = append(made, func() (pkix.Extension, error) { return criticalExtKeyUsage(p.ExtKeyUsage.Purposes) })
	}
	if !p.PrivateKeyUsage.IsZero() {
		made = append(made, func() (pkix.Extension, error) {
			return privateKeyUsageExtension(t.NotBefore, p.PrivateKeyUsage.End(t.NotBefore))
		})
	}
	if p.Pointers.Freshest {
		made = append(made, func() (pkix.Extension, error) { return freshestExtension(urls.Delta) })
	}
	if p.OCSPNoCheck {
		made = append(made, noCheckExtension)
	}
	for _, f := range made {
		ext, err := f()
		if err != nil {
			return fmt.Errorf("encode extension: %w", err)
		}
		t.ExtraExtensions = append(t.ExtraExtensions, ext)
	}
	return nil
}
