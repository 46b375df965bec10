// Package certpath is certification path validation (RFC 5280, 6.1) with the policy
// graph of RFC 9618: name constraints of every kind, policies and their mappings, path
// lengths, key usage of CAs, critical extensions. It also knows how names compare
// (RFC 5280, 7.1), how a peer's name is matched (RFC 9525), and what section 4 of
// RFC 5280 demands of certificates besides, for those who want a strict profile.
//
// It judges a path that somebody else built, whose signatures somebody else verified.
// Validity periods and revocation depend on a time and are not looked at here.
package certpath

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Errors of Check, which say what of RFC 5280, 6.1, a path fails.
var (
	ErrExtension   = errors.New("extension not understood")
	ErrNotCA       = errors.New("not a CA that may issue")
	ErrPathLength  = errors.New("path length exceeded")
	ErrConstraints = errors.New("name constraints not kept")
	ErrPolicy      = errors.New("no acceptable policy")
	ErrMalformed   = errors.New("malformed extension")
	ErrProfile     = errors.New("against the profile")
	ErrPeerName    = errors.New("another name")
)

// Inputs are those of RFC 5280, 6.1.1 (c) to (g). The zero value asks for nothing.
type Inputs struct {
	// Policies is user-initial-policy-set; empty is any-policy.
	Policies []asn1.ObjectIdentifier
	// The three initial flags.
	ExplicitPolicy, InhibitMapping, InhibitAnyPolicy bool
}

// Check judges a chain, the certificate in question first, the trust anchor last. Of
// the anchor only its name constraints count (RFC 5937, 3.2): everything else about it
// was declared with its trust. It wraps one of the errors above.
func Check(chain []*x509.Certificate, in Inputs) error {
	n := len(chain) - 1
	policies := newPolicies(in, n)
	var names constraints
	if n < 1 {
		return nil
	}
	if err := names.add(chain[n]); err != nil {
		return err
	}
	limit, limiter := -1, (*x509.Certificate)(nil)
	for i := n - 1; i >= 0; i-- {
		cert := chain[i]
		if err := Unhandled(cert); err != nil {
			return err
		}
		if i == 0 || !SelfIssued(cert) {
			if err := names.check(cert); err != nil {
				return err
			}
		}
		if err := policies.certificate(cert, i == 0); err != nil {
			return err
		}
		if i == 0 {
			break
		}
		if err := mayIssue(cert); err != nil {
			return err
		}
		if !SelfIssued(cert) {
			if limit == 0 {
				return fmt.Errorf("%w: the one of %v", ErrPathLength, limiter.Subject)
			}
			limit = max(limit-1, -1)
		}
		if l, ok := pathLength(cert); ok && (limit < 0 || l < limit) {
			limit, limiter = l, cert
		}
		if err := names.add(cert); err != nil {
			return err
		}
		if err := policies.prepare(cert); err != nil {
			return err
		}
	}
	return policies.wrapUp(chain[0])
}

// SelfIssued reports whether subject and issuer are the same name.
func SelfIssued(cert *x509.Certificate) bool { return SameName(cert.RawSubject, cert.RawIssuer) }

// mayIssue is 6.1.4 (k) and (n).
func mayIssue(cert *x509.Certificate) error {
	switch {
	case cert.Version != 3 || !cert.BasicConstraintsValid || !cert.IsCA:
		return fmt.Errorf("%w: %v is not a CA certificate", ErrNotCA, cert.Subject)
	case hasKeyUsage(cert) && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("%w: key usage of %v does not include keyCertSign", ErrNotCA, cert.Subject)
	}
	return nil
}

// hasKeyUsage reports whether the extension is there at all: one without bits allows
// nothing.
func hasKeyUsage(cert *x509.Certificate) bool {
	_, ok := extension(cert, oidKeyUsage)
	return ok
}

func pathLength(cert *x509.Certificate) (int, bool) {
	return cert.MaxPathLen, cert.MaxPathLen > 0 || cert.MaxPathLen == 0 && cert.MaxPathLenZero
}

// Extensions that are handled here, or by who uses the package: crypto/x509 lists some
// of them as unhandled.
var handled = []asn1.ObjectIdentifier{
	oidKeyUsage, oidSubjectAltName, oidBasicConstraints, oidNameConstraints, oidCRLDistributionPoints,
	oidCertificatePolicies, oidPolicyMappings, oidPolicyConstraints, oidExtKeyUsage, oidInhibitAnyPolicy, oidFreshestCRL,
	{2, 5, 29, 16},              // privateKeyUsagePeriod, whose user applies it
	{1, 3, 6, 1, 5, 5, 7, 1, 3}, // qcStatements, which grant and do not forbid
}

// Unhandled reports a critical extension that nobody here understands (6.1.4 o, 6.1.5 e).
func Unhandled(cert *x509.Certificate) error {
	for _, oid := range cert.UnhandledCriticalExtensions {
		if !slices.ContainsFunc(handled, oid.Equal) {
			return fmt.Errorf("%w: critical %v of %v", ErrExtension, oid, cert.Subject)
		}
	}
	return nil
}

var (
	oidSubjectKeyID          = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage              = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectAltName        = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints      = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidNameConstraints       = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidCRLDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidCertificatePolicies   = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidPolicyMappings        = asn1.ObjectIdentifier{2, 5, 29, 33}
	oidAuthorityKeyID        = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidPolicyConstraints     = asn1.ObjectIdentifier{2, 5, 29, 36}
	oidExtKeyUsage           = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidFreshestCRL           = asn1.ObjectIdentifier{2, 5, 29, 46}
	oidInhibitAnyPolicy      = asn1.ObjectIdentifier{2, 5, 29, 54}
	oidAuthorityInfoAccess   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidAnyPolicy             = asn1.ObjectIdentifier{2, 5, 29, 32, 0}
	oidEmailAddress          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// extension returns the value of an extension.
func extension(cert *x509.Certificate, oid asn1.ObjectIdentifier) ([]byte, bool) {
	for _, e := range cert.Extensions {
		if e.Id.Equal(oid) {
			return e.Value, true
		}
	}
	return nil, false
}

func critical(cert *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	for _, e := range cert.Extensions {
		if e.Id.Equal(oid) {
			return e.Critical
		}
	}
	return false
}

func emptyName(raw []byte) bool { return bytes.Equal(raw, []byte{0x30, 0}) }
