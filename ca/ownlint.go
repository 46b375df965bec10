package ca

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"chop/policies"
)

// ownLints judge the finished bytes against the profile anew, without using
// what built them: a mistake in template.go does not hide itself here. Each
// returns what is wrong, or nothing.
var ownLints = []struct {
	name  string
	check func(*x509.Certificate, lintRules) string
}{
	{"own_serial_has_128_random_bits", lintSerial},
	{"own_subject_has_no_identity_card_number", lintIdentityCard},
	{"own_subject_is_the_profile's", lintSubject},
	{"own_validity_is_the_profile's", lintValidity},
	{"own_key_usage_is_the_profile's", lintKeyUsage},
	{"own_ext_key_usage_is_the_profile's", lintExtKeyUsage},
	{"own_extensions_are_the_profile's", lintExtensions},
	{"own_pointers_are_ours", lintPointers},
	{"own_policy_is_the_profile's", lintPolicy},
	{"own_algorithms_are_suitable", lintAlgorithms},
}

func lintSerial(c *x509.Certificate, _ lintRules) string {
	if b := c.SerialNumber.Bytes(); len(b) < 17 || len(b) > 20 || b[0] > 0x7f {
		return fmt.Sprintf("serial has %d octets", len(b))
	}
	return ""
}

func lintIdentityCard(c *x509.Certificate, _ lintRules) string {
	for _, a := range c.Subject.Names {
		if v, ok := a.Value.(string); ok && namesIdentityCard(v) {
			return "in " + a.Type.String() // the value itself is personal data
		}
	}
	return ""
}

func lintSubject(c *x509.Certificate, r lintRules) string {
	var got []string
	for _, a := range c.Subject.Names {
		for name, known := range attributes {
			if known.oid.Equal(a.Type) {
				got = append(got, name)
			}
		}
	}
	var want []string
	for _, rule := range r.profile.Subject {
		if !rule.Optional || slices.Contains(got, rule.Type) {
			want = append(want, rule.Type)
		}
	}
	if !slices.Equal(got, want) || len(c.Subject.Names) != len(want) {
		return fmt.Sprintf("has %q", got)
	}
	return ""
}

func lintValidity(c *x509.Certificate, r lintRules) string {
	if want := r.profile.Validity.End(c.NotBefore); !c.NotAfter.Equal(want) {
		return "ends on " + c.NotAfter.Format(time.RFC3339)
	}
	return ""
}

func lintKeyUsage(c *x509.Certificate, r lintRules) string {
	if c.KeyUsage != r.profile.KeyUsage.X509() || !isCritical(c, asn1.ObjectIdentifier{2, 5, 29, 15}) {
		return fmt.Sprintf("is %b", c.KeyUsage)
	}
	return ""
}

func lintExtKeyUsage(c *x509.Certificate, r lintRules) string {
	var want []x509.ExtKeyUsage
	for _, p := range r.profile.ExtKeyUsage.Purposes {
		want = append(want, purposes[p])
	}
	if !slices.Equal(c.ExtKeyUsage, want) || len(c.UnknownExtKeyUsage) > 0 ||
		isCritical(c, oidExtKeyUsage) != r.profile.ExtKeyUsage.Critical {
		return fmt.Sprintf("is %v", c.ExtKeyUsage)
	}
	return ""
}

func isCritical(c *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) && e.Critical })
}

// lintExtensions wants exactly the extensions that the profile implies, each once.
func lintExtensions(c *x509.Certificate, r lintRules) string {
	p := r.profile
	want := []string{"2.5.29.14", "2.5.29.15"} // subjectKeyIdentifier, keyUsage
	add := func(yes bool, oid string) {
		if yes {
			want = append(want, oid)
		}
	}
	add(p.Name != "root", "2.5.29.35")                             // authorityKeyIdentifier
	add(p.CA != nil, "2.5.29.19")                                  // basicConstraints
	add(len(p.ExtKeyUsage.Purposes) > 0, oidExtKeyUsage.String())  //
	add(p.Policy != nil, oidPolicies.String())                     //
	add(p.Pointers.Issuer || p.Pointers.OCSP, "1.3.6.1.5.5.7.1.1") // authorityInfoAccess
	add(p.Pointers.CRL, "2.5.29.31")                               // cRLDistributionPoints
	add(p.Pointers.Freshest, oidFreshestCRL.String())              //
	add(!p.PrivateKeyUsage.IsZero(), oidPrivateKeyUsage.String())  //
	add(p.OCSPNoCheck, oidNoCheck.String())                        //
	var got []string
	for _, e := range c.Extensions {
		got = append(got, e.Id.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("has %s", strings.Join(got, " "))
	}
	return ""
}

func lintPointers(c *x509.Certificate, r lintRules) string {
	issuer, crl := r.urls.Issuing, r.urls.CRL
	if r.issuer.isRoot {
		issuer, crl = r.urls.Root, r.urls.ARL
	}
	p := r.profile.Pointers
	for _, one := range []struct {
		want bool
		url  string
		got  []string
	}{{p.Issuer, issuer, c.IssuingCertificateURL}, {p.OCSP, r.urls.OCSP, c.OCSPServer}, {p.CRL, crl, c.CRLDistributionPoints}} {
		var want []string
		if one.want {
			want = []string{one.url}
		}
		if !slices.Equal(one.got, want) {
			return fmt.Sprintf("has %q", one.got)
		}
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidFreshestCRL) && !bytes.HasSuffix(e.Value, []byte(r.urls.Delta)) {
			return "has another freshestCRL"
		}
	}
	return ""
}

func lintPolicy(c *x509.Certificate, r lintRules) string {
	switch p := r.profile.Policy; {
	case p == nil && len(c.PolicyIdentifiers) > 0,
		p != nil && (len(c.PolicyIdentifiers) != 1 || !c.PolicyIdentifiers[0].Equal(p.OID)):
		return fmt.Sprintf("is %v", c.PolicyIdentifiers)
	}
	return ""
}

// lintAlgorithms wants the subject's key to be suitable on the day of issue.
// That it stays so to the end no suite can promise; the renewal of archive
// timestamps is there for that.
func lintAlgorithms(c *x509.Certificate, r lintRules) string {
	if err := r.suite.Check(policies.KeyAlgorithm(c.PublicKey), c.NotBefore); err != nil {
		return err.Error()
	}
	return ""
}
