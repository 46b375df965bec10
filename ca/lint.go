package ca

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
	_ "github.com/zmap/zlint/v3/lints/community"
	_ "github.com/zmap/zlint/v3/lints/etsi"
	_ "github.com/zmap/zlint/v3/lints/rfc"

	"chop/policies"
)

// linter judges a certificate before it exists: by the public lints of the
// standards that apply to a CA for signatures, and by our own (ownlint.go).
// Browsers' and CA/Browser Forum lints do not apply: nothing here is for TLS.
type linter struct {
	public []*lint.CertificateLint
	config lint.Configuration
}

// lintRules are what one certificate is judged against.
type lintRules struct {
	profile *policies.Profile
	suite   *policies.Suite
	urls    URLs
	issuer  *issuer
}

func newLinter() (*linter, error) {
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{
			lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC6962, lint.RFC8813,
			lint.Community, lint.EtsiEsi,
		},
		// Looks each key up in a list of one foreign CA's keys: 5.5 ms of 5.9.
		ExcludeNames: []string{"e_cert_issued_by_compromised_emudhra_ca"},
	})
	if err != nil {
		return nil, fmt.Errorf("select lints: %w", err)
	}
	l := &linter{public: registry.CertificateLints().Lints(), config: registry.GetConfiguration()}
	if len(l.public) < 100 { // a registry that lost its lints would pass everything
		return nil, fmt.Errorf("select lints: only %d found", len(l.public))
	}
	return l, nil
}

// check returns an error that is ErrLint and names every lint that failed.
// Warnings count: a profile that deserves an exception says so with its reason.
func (l *linter) check(cert *x509.Certificate, rules lintRules) error {
	z, err := zx509.ParseCertificate(cert.Raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLint, err)
	}
	var failed []string
	for _, one := range l.public {
		if _, excepted := rules.profile.LintExceptions[one.Name]; excepted {
			continue
		}
		if r := one.Execute(z, l.config); r.Status >= lint.Warn {
			failed = append(failed, strings.TrimSpace(one.Name+" "+r.Details))
		}
	}
	for _, own := range ownLints {
		if what := own.check(cert, rules); what != "" {
			failed = append(failed, own.name+" "+what)
		}
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		return fmt.Errorf("%w: %s", ErrLint, strings.Join(failed, "; "))
	}
	return nil
}
