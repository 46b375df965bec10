package validation

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"chop/validation/certpath"
)

// PathOptions say what a certificate by itself is judged for.
type PathOptions struct {
	// Inputs are those of path validation (RFC 5280, 6.1.1).
	certpath.Inputs
	// Strict is the profile rfc5280-strict: every certificate, the anchor too, as
	// section 4 of RFC 5280 has it written, and revocation lists of an issuer that was
	// given any must be usable.
	Strict bool
	// AnyAlgorithm asks nothing of algorithms, as RFC 5280 asks nothing.
	AnyAlgorithm bool
	// MaxDepth is the most CA certificates between, self-issued ones not counted; -1
	// and less set no limit.
	MaxDepth int
	// Names must all be the certificate's.
	Names []certpath.PeerName
	// Usages must all be allowed by the certificate and each CA that states any.
	Usages []x509.ExtKeyUsage
}

// rules are PathOptions in a run; the zero value is for documents.
type rules struct {
	inputs certpath.Inputs
	strict bool
	anyAlg bool
	ask    PathOptions
}

// CertificateReport is the verdict on one certificate.
type CertificateReport struct {
	Indication    Indication    `json:"indication"`
	SubIndication SubIndication `json:"sub_indication"`
	// Chain are the subjects from the certificate to the anchor, of the best chain.
	Chain  []string `json:"chain"`
	Checks []Check  `json:"checks"`
}

// ValidateCertificate is X.509 validation (EN 319 102-1, 5.2.6; RFC 5280, 6) of one
// certificate, DER, at a time and for nothing signed by it.
func (v *Validator) ValidateCertificate(ctx context.Context, der []byte, o Options, p PathOptions) (*CertificateReport, error) {
	if o.Revocation == "" {
		o.Revocation = RevocationRequired
	}
	r := v.newRun(ctx, o, v.newFetches(o))
	r.now = r.now.Truncate(time.Second) // as certificates count time
	r.rules = rules{inputs: p.Inputs, strict: p.Strict, anyAlg: p.AnyAlgorithm, ask: p}
	r.addGiven(o)
	out := &CertificateReport{Chain: []string{}}
	l := checks{}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		got := l.conclude("XCV", undecided(CertificateChainGeneralFailure, "%v", err), "")
		out.Indication, out.SubIndication, out.Checks = got.ind, got.sub, l
		return out, nil
	}
	got, t := r.xcv(cert, occasion{role: roleAny, use: r.now, seen: r.now}, &l)
	got = l.conclude("XCV", got, "chain of "+name(cert)+" good at "+stamp(r.now))
	for _, c := range t.chain {
		out.Chain = append(out.Chain, name(c))
	}
	out.Indication, out.SubIndication, out.Checks = got.ind, got.sub, l
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("validate certificate: %w", err)
	}
	return out, nil
}

// check judges a chain by what was asked of it.
func (r rules) check(c chain, at time.Time) conclusion {
	if r.strict {
		if err := certpath.Strict(c, at); err != nil {
			return undecided(ChainConstraintsFailure, "%v", err)
		}
	}
	depth := 0
	for _, cert := range c[1:max(len(c)-1, 1)] {
		if !certpath.SelfIssued(cert) {
			depth++
		}
	}
	if r.ask.MaxDepth >= 0 && depth > r.ask.MaxDepth {
		return undecided(ChainConstraintsFailure, "%d CA certificates between, more than %d", depth, r.ask.MaxDepth)
	}
	for _, n := range r.ask.Names {
		if err := n.Matches(c[0]); err != nil {
			return undecided(ChainConstraintsFailure, "%s: %v", name(c[0]), err)
		}
	}
	for _, u := range r.ask.Usages {
		for _, cert := range c[:max(len(c)-1, 1)] {
			if !allows(cert, u) {
				return undecided(ChainConstraintsFailure, "%s: extended key usage", name(cert))
			}
		}
	}
	return pass()
}

// allows reports whether a certificate's extended key usage, if it states any, includes
// one (RFC 5280, 4.2.1.12).
func allows(cert *x509.Certificate, u x509.ExtKeyUsage) bool {
	return len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0 ||
		slices.Contains(cert.ExtKeyUsage, u) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
}
