package ca

import (
	"encoding/asn1"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/text/unicode/norm"

	"chop/policies"
)

// Subject is a distinguished name as our profiles have it: each attribute at
// most once, each in a set of its own.
type Subject struct {
	Country                string // C; the profiles fix it to HK
	Organization           string // O
	OrganizationalUnit     string // OU
	OrganizationIdentifier string // organizationIdentifier (EN 319 412-1, 5.1.4)
	CommonName             string // CN
	Surname                string
	GivenName              string
	SerialNumber           string // the subscriber reference number, never an identity card's
}

// attribute is what encoding needs to know of one type.
type attribute struct {
	oid       asn1.ObjectIdentifier
	printable bool // PrintableString (RFC 5280, appendix A.1), else UTF8String
	max       int  // upper bound in characters (RFC 5280, appendix A.1; X.520)
	field     func(*Subject) *string
}

var attributes = map[string]attribute{
	"C":                      {asn1.ObjectIdentifier{2, 5, 4, 6}, true, 2, func(s *Subject) *string { return &s.Country }},
	"O":                      {asn1.ObjectIdentifier{2, 5, 4, 10}, false, 64, func(s *Subject) *string { return &s.Organization }},
	"OU":                     {asn1.ObjectIdentifier{2, 5, 4, 11}, false, 64, func(s *Subject) *string { return &s.OrganizationalUnit }},
	"organizationIdentifier": {asn1.ObjectIdentifier{2, 5, 4, 97}, false, 64, func(s *Subject) *string { return &s.OrganizationIdentifier }},
	"CN":                     {asn1.ObjectIdentifier{2, 5, 4, 3}, false, 64, func(s *Subject) *string { return &s.CommonName }},
	"surname":                {asn1.ObjectIdentifier{2, 5, 4, 4}, false, 40, func(s *Subject) *string { return &s.Surname }},
	"givenName":              {asn1.ObjectIdentifier{2, 5, 4, 42}, false, 40, func(s *Subject) *string { return &s.GivenName }},
	"serialNumber":           {asn1.ObjectIdentifier{2, 5, 4, 5}, true, 64, func(s *Subject) *string { return &s.SerialNumber }},
}

// String writes the name for people and logs, in the order of encoding.
func (s Subject) String() string {
	var parts []string
	for _, t := range []string{"C", "O", "OU", "organizationIdentifier", "CN", "surname", "givenName", "serialNumber"} {
		if v := *attributes[t].field(&s); v != "" {
			parts = append(parts, t+"="+v)
		}
	}
	return strings.Join(parts, ", ")
}

// fit completes a subject with the profile's fixed values and refuses one that
// the profile does not allow.
func (s Subject) fit(p *policies.Profile) (Subject, error) {
	allowed := make(map[string]bool)
	for _, rule := range p.Subject {
		allowed[rule.Type] = true
		v := attributes[rule.Type].field(&s)
		if rule.Value != "" && *v == "" {
			*v = rule.Value
		}
		switch {
		case *v == "" && rule.Optional:
			continue
		case *v == "":
			return s, fmt.Errorf("%w: profile %q wants %s in the subject", ErrRequest, p.Name, rule.Type)
		case rule.Value != "" && *v != rule.Value:
			return s, fmt.Errorf("%w: profile %q wants %s=%s", ErrRequest, p.Name, rule.Type, rule.Value)
		case rule.Pattern.Regexp != nil && !rule.Pattern.MatchString(*v):
			return s, fmt.Errorf("%w: %s has not the form that profile %q wants", ErrRequest, rule.Type, p.Name)
		}
	}
	for name, a := range attributes {
		v := *a.field(&s)
		if v == "" {
			continue
		}
		if !allowed[name] {
			return s, fmt.Errorf("%w: profile %q has no %s in the subject", ErrRequest, p.Name, name)
		}
		if err := checkText(v, a); err != nil {
			return s, fmt.Errorf("%w: %s %w", ErrRequest, name, err)
		}
	}
	return s, nil
}

// checkText refuses values that do not mean to a person what they mean to a
// program: invisible or direction-changing characters, unnormalized forms,
// blanks at the ends.
func checkText(v string, a attribute) error {
	switch {
	case !utf8.ValidString(v) || !norm.NFC.IsNormalString(v):
		return fmt.Errorf("is not normalized UTF-8")
	case utf8.RuneCountInString(v) > a.max:
		return fmt.Errorf("is longer than %d characters", a.max)
	case v != strings.Join(strings.Fields(v), " "):
		return fmt.Errorf("has blanks at its ends or in a row")
	case strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("has characters that do not print")
	case a.printable && strings.ContainsFunc(v, notPrintableString):
		return fmt.Errorf("has characters outside PrintableString")
	}
	return nil
}

func notPrintableString(r rune) bool {
	return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(" '()+,-./:=?", r))
}

// marshal encodes the name with the attributes in the profile's order.
func (s Subject) marshal(p *policies.Profile) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, rule := range p.Subject {
			a := attributes[rule.Type]
			v := *a.field(&s)
			if v == "" {
				continue
			}
			tag := cbasn1.UTF8String
			if a.printable {
				tag = cbasn1.PrintableString
			}
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(a.oid)
					b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(v)) })
				})
			})
		}
	})
	return b.Bytes()
}

// identityCard matches the shape of an identity card number, with or without
// its check digit, whether or not that is right: one that was mistyped is
// personal data too.
var identityCard = regexp.MustCompile(`(?i)(^|[^A-Z0-9])[A-Z]{1,2}[ -]?[0-9]{6}[ -]?(\(?[0-9A]\)?)?($|[^A-Z0-9])`)

// namesIdentityCard reports whether a text holds the number of an identity
// card, in any width of letters.
func namesIdentityCard(v string) bool { return identityCard.MatchString(norm.NFKC.String(v)) }
