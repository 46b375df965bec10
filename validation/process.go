package validation

import (
	"crypto/x509"
	"errors"
	"time"

	"chop/internal/cms"
)

// A verdict is what the validation process of EN 319 102-1 arrives at.
type verdict struct {
	result conclusion
	cert   *x509.Certificate
	tokens []*token // valid signature time-stamps
	// best is best-signature-time; without a proof it is the time of validation.
	best   time.Time
	proven bool
	trail  trail
	anchor *Anchor
	known  *SignerEvidence
	// contentBound is what contentTime found, once it was asked.
	contentBound *time.Time
}

// judge runs the process for signatures with time and long-term validation data
// (EN 319 102-1, 5.5; with the archive time-stamps already in r.timeline also 5.6)
// on one signature. Cryptographic verification comes before X.509 validation: that a
// signature is broken does not depend on whom one trusts.
func (r *run) judge(s *subject) {
	l := &s.checks
	s.best = r.now
	if s.fatal.ind != "" {
		s.result = l.conclude("FC", s.fatal, "")
		return
	}
	s.result = l.conclude("FC", orPass(s.strict), "format and coverage of "+s.format)
	raw, got := s.form.identify(r)
	if l.conclude("ISC", got, "signing certificate named by the signature"); !got.passed() {
		s.settle(got)
		return
	}
	s.settle(r.validationContext(s))
	got = s.form.verify(r, raw)
	if l.conclude("CV", got, "digest and signature value"); !got.passed() {
		s.settle(got)
		return
	}
	var err error
	if s.cert, err = r.pool.certificate(raw); err != nil {
		s.settle(l.conclude("XCV", undecided(NoCertificateChainFound, "signing certificate: %v", err), ""))
		return
	}
	s.settle(r.timestamps(s))
	s.settle(r.certificate(s))
	s.known = r.evidence(s)
	s.settle(l.conclude("SAV", r.acceptance(s), "attributes and algorithms acceptable"))
	r.applyPolicy(s)
}

// settle keeps the first thing that went wrong, except that a failure outdoes what
// was undecided before.
func (s *subject) settle(c conclusion) {
	if s.result.passed() && !c.passed() || s.result.ind == Indeterminate && c.ind == TotalFailed {
		s.result = c
	}
}

func orPass(c conclusion) conclusion {
	if c.ind == "" {
		return pass()
	}
	return c
}

// certificate is X.509 validation at best-signature-time, and the comparison of
// times of 5.5.4: what the certificate was when the signature was made.
func (r *run) certificate(s *subject) conclusion {
	got, t := r.xcv(s.cert, occasion{role: roleSigner, use: s.best, seen: s.best, bound: s.form.binds()}, &s.checks)
	s.trail = t
	r.used.judged(t.chain)
	s.anchor = r.anchor(t.chain, roleSigner, s.best)
	if a := s.anchor; a != nil && a.List != nil && a.List.Stale {
		s.checks.add("XCV", Warning, "list %s %d speaks for times up to its next update, and %s is after that", a.List.Territory, a.List.Sequence, stamp(s.best))
	}
	after := r.contentTime(s)
	switch {
	case got.sub == RevokedNoPOE && after.After(got.revoked):
		got = fail(Revoked, "a content time-stamp of %s proves that the signature was made after the revocation at %s", stamp(after), stamp(got.revoked))
	case got.sub == OutOfBoundsNoPOE && after.After(s.cert.NotAfter):
		got = fail(Expired, "a content time-stamp of %s proves that the signature was made after the certificate expired", stamp(after))
	case got.sub == OutOfBoundsNoPOE && s.proven && s.best.Before(s.cert.NotBefore):
		got = fail(NotYetValid, "the signature existed at %s, before its certificate was valid", stamp(s.best))
	}
	return s.checks.conclude("XCV", got, "chain of "+name(s.cert)+" good at "+stamp(s.best))
}

// acceptance is signature acceptance validation (5.2.8).
func (r *run) acceptance(s *subject) conclusion {
	if got := s.form.complete(); !got.passed() {
		return got
	}
	if got := r.contentStamps(s); !got.passed() {
		return got
	}
	if after := r.contentTime(s); after.After(s.best.Add(skew)) {
		return undecided(TimestampOrderFailure, "content time-stamp of %s is later than the signature, which existed at %s", stamp(after), stamp(s.best))
	}
	key, err := cms.PublicKey(s.cert.Raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "%v", err)
	}
	algs := s.form.algorithms(key)
	list := make([]material, len(algs))
	for i, names := range algs {
		list[i] = material{what: "signature", known: s.best, algs: names}
	}
	return r.reliable(list)
}

var errImprint = errors.New("imprint is not the digest of what it should be")
