package certpath

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Strict says what of section 4 of RFC 5280 a chain breaks at a time: what issuers
// must write, whether or not path validation would look at it. It also looks at the
// anchor, as a certificate like the others. Certificates in documents break many of
// these rules, so documents are not judged by it.
func Strict(chain []*x509.Certificate, at time.Time) error {
	for i, cert := range chain {
		if err := conforms(cert, i == len(chain)-1, i > 0); err != nil {
			return fmt.Errorf("%w (%v)", err, cert.Subject)
		}
	}
	if len(chain) == 0 {
		return nil
	}
	anchor := chain[len(chain)-1]
	if at.Before(anchor.NotBefore) || at.After(anchor.NotAfter) {
		return fmt.Errorf("%w: the anchor %v is not valid at %v", ErrProfile, anchor.Subject, at)
	}
	return nil
}

func conforms(cert *x509.Certificate, anchor, issues bool) error {
	breach := func(text string, args ...any) error {
		return fmt.Errorf("%w: "+text, append([]any{ErrProfile}, args...)...)
	}
	if err := Unhandled(cert); err != nil {
		return err
	}
	switch serial := cert.SerialNumber; { // 4.1.2.2, 4.1.2.4, 4.1.2.6
	case serial.Sign() <= 0 || len(serial.Bytes()) > 20 || len(serial.Bytes()) == 20 && serial.Bytes()[0] >= 0x80:
		return breach("serial number %v", serial)
	case emptyName(cert.RawIssuer):
		return breach("no issuer")
	case emptyName(cert.RawSubject) && (cert.IsCA || !critical(cert, oidSubjectAltName)):
		return breach("no subject, and no critical alternative name in its place")
	}
	if err := identifiers(cert, anchor); err != nil {
		return err
	}
	_, constrains := extension(cert, oidNameConstraints)
	_, policy := extension(cert, oidPolicyConstraints)
	_, inhibits := extension(cert, oidInhibitAnyPolicy)
	_, limited := pathLength(cert)
	signs := cert.KeyUsage&x509.KeyUsageCertSign != 0
	switch { // 4.2.1.3, 4.2.1.9 to 4.2.1.11, 4.2.1.14
	case constrains && !cert.IsCA:
		return breach("name constraints of no CA")
	case constrains && !critical(cert, oidNameConstraints):
		return breach("name constraints are not critical")
	case policy && !critical(cert, oidPolicyConstraints):
		return breach("policy constraints are not critical")
	case inhibits && !critical(cert, oidInhibitAnyPolicy):
		return breach("inhibitAnyPolicy is not critical")
	case signs && !cert.IsCA:
		return breach("keyCertSign of no CA")
	case issues && (!cert.BasicConstraintsValid || !cert.IsCA):
		return breach("an issuer that is no CA")
	case issues && !critical(cert, oidBasicConstraints):
		return breach("basic constraints of a CA are not critical")
	case issues && hasKeyUsage(cert) && !signs:
		return breach("a CA without keyCertSign")
	case limited && !cert.IsCA:
		return breach("a path length of no CA")
	}
	return alternativeNames(cert)
}

// identifiers are the key identifiers and access information: 4.2.1.1, 4.2.1.2, 4.2.2.1.
func identifiers(cert *x509.Certificate, anchor bool) error {
	for _, oid := range []asn1.ObjectIdentifier{oidAuthorityKeyID, oidSubjectKeyID, oidAuthorityInfoAccess} {
		if critical(cert, oid) {
			return fmt.Errorf("%w: critical %v", ErrProfile, oid)
		}
	}
	if cert.IsCA && len(cert.SubjectKeyId) == 0 {
		return fmt.Errorf("%w: a CA without subject key identifier", ErrProfile)
	}
	if !anchor && len(cert.AuthorityKeyId) == 0 {
		return fmt.Errorf("%w: no authority key identifier", ErrProfile)
	}
	return nil
}

// alternativeNames are in the syntax of 4.2.1.6: host names without underscores, which
// are no addresses.
func alternativeNames(cert *x509.Certificate) error {
	der, ok := extension(cert, oidSubjectAltName)
	if !ok {
		return nil
	}
	names, err := parseGeneralNames(der)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: empty alternative names", ErrProfile)
	}
	for _, n := range names {
		if err := soundName(n); err != nil {
			return err
		}
		if n.Kind != DNSName {
			continue
		}
		if _, err := netip.ParseAddr(string(n.Value)); err == nil || strings.Contains(string(n.Value), "_") {
			return fmt.Errorf("%w: host name %q", ErrProfile, n.Value)
		}
	}
	return nil
}
