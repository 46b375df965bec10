package policies

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Profile is a certificate profile: everything about a certificate that its
// applicant does not choose.
type Profile struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Issuer is the profile of the signing CA; "root" signs itself.
	Issuer string `yaml:"issuer"`
	// Policy is the certificate policy; nil leaves the extension out (a root
	// is trusted by decision, not by policy).
	Policy *CertificatePolicy `yaml:"policy"`
	// Subject lists the attributes of the subject in the order in which they
	// are encoded.
	Subject []Attribute `yaml:"subject"`
	// Keys are the accepted kinds of subject key: "p256", "p384", "rsa2048", "rsa3072", "rsa4096".
	Keys []string `yaml:"keys"`
	// Validity is the certificate's length of life.
	Validity Period `yaml:"validity"`
	// PrivateKeyUsage, when not zero, is the privateKeyUsagePeriod
	// (RFC 3280, 4.2.1.4), from notBefore on.
	PrivateKeyUsage Period `yaml:"private_key_usage"`
	// KeyUsage is always present and critical.
	KeyUsage KeyUsage `yaml:"key_usage"`
	// ExtKeyUsage is absent when it has no purpose.
	ExtKeyUsage ExtKeyUsage `yaml:"ext_key_usage"`
	// CA, when not nil, makes it a CA certificate.
	CA *CAConstraint `yaml:"ca"`
	// OCSPNoCheck adds id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1).
	OCSPNoCheck bool `yaml:"ocsp_nocheck"`
	// Pointers say where the certificate's issuer and status are found.
	Pointers Pointers `yaml:"pointers"`
	// LintExceptions are public lints that do not apply to this profile, each
	// with the reason why.
	LintExceptions map[string]string `yaml:"lint_exceptions"`
	// Enrolment is EnrolmentStatement, or empty: who asks proves possession of the key
	// and nothing more.
	Enrolment string `yaml:"enrolment"`
	// Passkey goes with an enrolment, and is nil without.
	Passkey *PasskeyRule `yaml:"passkey"`
}

// CertificatePolicy is one entry of certificatePolicies (RFC 5280, 4.2.1.4).
type CertificatePolicy struct {
	// ID is relative to the arc, or "any" for anyPolicy.
	ID string `yaml:"oid"`
	// Notice is the text of the user notice, at most 200 characters; %s stands
	// for the reliance limit.
	Notice string `yaml:"notice"`
	// RelianceLimit is the limit of s.42 of the Ordinance as a text, for example "HK$200,000".
	RelianceLimit string `yaml:"reliance_limit"`

	// OID is ID resolved, CPS the pointer from Options or empty.
	OID asn1.ObjectIdentifier `yaml:"-"`
	CPS string                `yaml:"-"`
}

// Text is the user notice with the reliance limit filled in, or empty.
func (p *CertificatePolicy) Text() string {
	return strings.ReplaceAll(p.Notice, "%s", p.RelianceLimit)
}

// Attribute is a rule for one attribute of the subject.
type Attribute struct {
	// Type is C, O, OU, organizationIdentifier, CN, surname, givenName or serialNumber.
	Type     string `yaml:"type"`
	Optional bool   `yaml:"optional"`
	// Value, when given, is the only value.
	Value string `yaml:"value"`
	// Pattern, when given, must match the whole value.
	Pattern Pattern `yaml:"pattern"`
}

// Pattern is a regular expression that matches whole values.
type Pattern struct{ *regexp.Regexp }

// UnmarshalText anchors and compiles the expression.
func (p *Pattern) UnmarshalText(b []byte) (err error) {
	p.Regexp, err = regexp.Compile(`^(?:` + string(b) + `)$`)
	return err
}

// ExtKeyUsage is the extended key usage extension.
type ExtKeyUsage struct {
	Critical bool `yaml:"critical"`
	// Purposes are "timeStamping" and "OCSPSigning".
	Purposes []string `yaml:"purposes"`
}

// CAConstraint is basicConstraints with cA TRUE.
type CAConstraint struct {
	// PathLen is the largest number of CA certificates below; nil: no limit.
	PathLen *int `yaml:"path_len"`
}

// Pointers select the extensions that carry URLs.
type Pointers struct {
	// Issuer: authorityInfoAccess caIssuers.
	Issuer bool `yaml:"issuer"`
	// OCSP: authorityInfoAccess ocsp.
	OCSP bool `yaml:"ocsp"`
	// CRL: cRLDistributionPoints.
	CRL bool `yaml:"crl"`
	// Freshest: freshestCRL, the delta's address.
	Freshest bool `yaml:"freshest"`
}

// AcceptsKey reports whether a subject key of this kind ("p256", …) is allowed.
func (p *Profile) AcceptsKey(kind string) bool { return slices.Contains(p.Keys, kind) }

var (
	attributeTypes = []string{"C", "O", "OU", "organizationIdentifier", "CN", "surname", "givenName", "serialNumber"}
	keyKinds       = []string{"p256", "p384", "rsa2048", "rsa3072", "rsa4096"}
	purposes       = []string{"timeStamping", "OCSPSigning"}
	anyPolicy      = asn1.ObjectIdentifier{2, 5, 29, 32, 0}
)

func (p *Profile) resolve(arc asn1.ObjectIdentifier, cps string) error {
	if p.Description == "" || p.Issuer == "" {
		return errors.New("description and issuer are wanted")
	}
	if p.Validity.IsZero() || p.KeyUsage == 0 {
		return errors.New("validity and key_usage are wanted")
	}
	seen := make(map[string]bool)
	for _, a := range p.Subject {
		if !slices.Contains(attributeTypes, a.Type) || seen[a.Type] {
			return fmt.Errorf("subject attribute %q is unknown or occurs twice", a.Type)
		}
		seen[a.Type] = true
	}
	if !seen["CN"] {
		return errors.New("subject has no CN")
	}
	if err := among(p.Keys, keyKinds); err != nil || len(p.Keys) == 0 {
		return fmt.Errorf("keys %q", p.Keys)
	}
	if err := among(p.ExtKeyUsage.Purposes, purposes); err != nil {
		return fmt.Errorf("ext_key_usage: %w", err)
	}
	if p.OCSPNoCheck != slices.Contains(p.ExtKeyUsage.Purposes, "OCSPSigning") {
		return errors.New("ocsp_nocheck and the purpose OCSPSigning go together")
	}
	if (p.CA != nil) != p.KeyUsage.CertSign() {
		return errors.New("ca and the key usage keyCertSign go together")
	}
	for name, why := range p.LintExceptions {
		if why == "" {
			return fmt.Errorf("lint exception %q has no reason", name)
		}
	}
	if err := p.resolveEnrolment(); err != nil {
		return err
	}
	return p.Policy.resolve(arc, cps)
}

func (p *CertificatePolicy) resolve(arc asn1.ObjectIdentifier, cps string) (err error) {
	if p == nil {
		return nil
	}
	p.CPS = cps
	if p.OID = anyPolicy; p.ID != "any" {
		if p.OID, err = under(arc, p.ID); err != nil {
			return err
		}
	}
	if (p.RelianceLimit != "") != strings.Contains(p.Notice, "%s") {
		return errors.New("notice and reliance_limit do not fit together")
	}
	if n := len([]rune(p.Text())); n > 200 { // RFC 5280, 4.2.1.4: DisplayText SIZE (1..200)
		return fmt.Errorf("notice has %d characters, 200 are allowed", n)
	}
	return nil
}

func among(list, known []string) error {
	for _, v := range list {
		if !slices.Contains(known, v) {
			return fmt.Errorf("unknown %q", v)
		}
	}
	return nil
}
