package validation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"chop/validation"
)

// Paths of more than one CA: each case signs below the CAs it makes, the topmost of
// which the root certified.
func TestPaths(t *testing.T) {
	w := newWorld(t)
	ca := func(name string, by *person, change func(*x509.Certificate)) *person {
		c := &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotBefore: years(-1), NotAfter: years(9), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, MaxPathLen: -1,
		}
		if change != nil {
			change(c)
		}
		return w.issue(c, by)
	}
	const general = "INDETERMINATE/CERTIFICATE_CHAIN_GENERAL_FAILURE"
	for _, c := range []struct {
		name   string
		upper  func(*x509.Certificate)
		lower  func(*x509.Certificate)
		signer func(*x509.Certificate)
		want   string
	}{
		{"two CAs", nil, nil, nil, passed},
		{"path length 0 above a CA", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }, nil, nil, general},
		{"path length 1 above a CA", func(c *x509.Certificate) { c.MaxPathLen = 1 }, nil, nil, passed},
		{"a CA that may not sign certificates", nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, nil, general},
		{"a CA without basic constraints", nil, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }, nil, general},
		{"a CA that has expired", func(c *x509.Certificate) { c.NotAfter = day.AddDate(0, 0, -1) }, nil, nil, "INDETERMINATE/OUT_OF_BOUNDS_NO_POE"},
		{"name constraint kept", nil, permits("example.hk"), func(c *x509.Certificate) { c.EmailAddresses = []string{"chan@example.hk"} }, passed},
		{"name constraint broken", nil, permits("example.hk"), func(c *x509.Certificate) { c.EmailAddresses = []string{"chan@example.test"} }, general},
		{"name constraint of a CA further up", permits("example.hk"), nil, func(c *x509.Certificate) { c.EmailAddresses = []string{"chan@example.test"} }, general},
		{"explicit policy without one", requiresPolicy, nil, nil, general},
		{"unknown critical extension in a CA", nil, critical, nil, general},
		{"unknown critical extension in the signer's", nil, nil, critical, general},
		{"the signer is a CA", nil, nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }, "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"},
		{"a certificate for servers", nil, nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE"},
		{"a certificate for documents", nil, nil, func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}}
		}, passed},
	} {
		t.Run(c.name, func(t *testing.T) {
			upper := ca("Upper", w.root, c.upper)
			lower := ca("Lower", upper, c.lower)
			leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "Chan Tai Man"}, KeyUsage: x509.KeyUsageContentCommitment}
			if c.signer != nil {
				c.signer(leaf)
			}
			by := w.issue(leaf, lower)
			doc := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{lower.cert.Raw, by.cert.Raw, upper.cert.Raw}})
			want(t, w.validate(doc, day, soft), c.want)
		})
	}
}

func permits(domain string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedEmailAddresses = true, []string{domain}
	}
}

func requiresPolicy(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 0x03, 0x80, 0x01, 0x00}}}
}

func critical(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 9}, Critical: true, Value: []byte{5, 0}}}
}

// A CA with several certificates for one key: the path that is good counts.
func TestSeveralIssuers(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	renewed, alien := *w.ca, newWorld(t)
	crossed := *w.ca
	w.certify(&renewed, &x509.Certificate{
		Subject: w.ca.cert.Subject, NotBefore: years(-5), NotAfter: day.AddDate(0, 0, -1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, w.root)
	w.certify(&crossed, &x509.Certificate{
		Subject: w.ca.cert.Subject, NotBefore: years(-1), NotAfter: years(9), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, alien.root)
	for name, certs := range map[string][][]byte{
		"the good one last":  {by.cert.Raw, renewed.cert.Raw, crossed.cert.Raw, w.ca.cert.Raw},
		"the good one first": {by.cert.Raw, w.ca.cert.Raw, crossed.cert.Raw, renewed.cert.Raw},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, w.validate(w.sign(blank(0), draft{by: by, field: "S", certs: certs}), day, soft), passed)
		})
	}
	t.Run("only the expired one", func(t *testing.T) {
		doc := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{by.cert.Raw, renewed.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/OUT_OF_BOUNDS_NO_POE")
	})
	t.Run("through the cross certificate", func(t *testing.T) {
		o := validation.Options{Revocation: validation.RevocationSoft, Trust: []*x509.Certificate{alien.root.cert}}
		doc := w.sign(blank(0), draft{by: by, field: "S", certs: [][]byte{by.cert.Raw, crossed.cert.Raw}})
		want(t, w.validate(doc, day, o), passed)
	})
	t.Run("the signer's own certificate is trusted", func(t *testing.T) {
		o := validation.Options{Trust: []*x509.Certificate{by.cert}}
		want(t, w.validate(w.sign(blank(0), draft{by: by, field: "S"}), day, o), passed)
	})
	t.Run("circles of names", func(t *testing.T) {
		a := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "A"}, IsCA: true, BasicConstraintsValid: true, NotBefore: years(-1), NotAfter: years(9)}, nil)
		b := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "B"}, IsCA: true, BasicConstraintsValid: true, NotBefore: years(-1), NotAfter: years(9)}, a)
		w.certify(a, &x509.Certificate{Subject: pkix.Name{CommonName: "A"}, IsCA: true, BasicConstraintsValid: true, NotBefore: years(-1), NotAfter: years(9)}, b)
		lost := w.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Lost"}, KeyUsage: x509.KeyUsageContentCommitment}, a)
		doc := w.sign(blank(0), draft{by: lost, field: "S", certs: [][]byte{lost.cert.Raw, a.cert.Raw, b.cert.Raw}})
		want(t, w.validate(doc, day, soft), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND")
	})
}
