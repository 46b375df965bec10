package validation

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"chop/internal/cms"
	"chop/policies"
)

// A token is a time-stamp token with what it was found to be worth.
type token struct {
	*cms.TimestampToken
	place int // of its bytes
	cert  *x509.Certificate
	conclusion
	trail trail
}

// judgeToken is the time-stamp validation building block (EN 319 102-1, 5.4) and,
// where that cannot decide, past signature validation (5.6.2.4): a token that is
// proven to have existed at some moment is judged as it would have been judged at
// that moment, with the evidence that then existed. Whether the token covers what
// it should is the caller's to check, before.
func (r *run) judgeToken(t *token, l *checks) {
	r.used.stamped(t.Raw)
	defer func() { r.used.judged(t.trail.chain) }()
	raw := t.Signer.FindCertificate(slices.Concat(t.Certificates, r.pool.raw()))
	if raw == nil {
		t.conclusion = undecided(NoSigningCertificateFound, "the certificate of the time-stamping unit is not there")
		return
	}
	if t.conclusion = cryptographic(t.VerifySignature(raw)); !t.passed() {
		return
	}
	cert, err := r.pool.certificate(raw)
	if err != nil {
		t.conclusion = undecided(NoCertificateChainFound, "certificate of the time-stamping unit: %v", err)
		return
	}
	t.cert = cert
	if t.Info.GenTime.After(r.now.Add(skew)) {
		t.conclusion = undecided(TimestampOrderFailure, "genTime %s lies after the time of validation", stamp(t.Info.GenTime))
		return
	}
	for i, seen := range r.timeline.moments(t.place) {
		if i > 0 && t.Info.GenTime.After(seen) {
			continue
		}
		var attempt checks
		got, tr := r.tokenAt(t, seen, i > 0, &attempt)
		if got.passed() {
			*l = append(*l, attempt...)
			t.conclusion, t.trail = got, tr
			if i > 0 {
				l.add("PSV", Passed, "token of %s judged as of %s, when an archive time-stamp proves it", stamp(t.Info.GenTime), stamp(seen))
			}
			return
		}
		if i == 0 {
			*l = append(*l, attempt...)
			t.conclusion, t.trail = got, tr
		}
	}
}

func (r *run) tokenAt(t *token, seen time.Time, archived bool, l *checks) (conclusion, trail) {
	got, tr := r.xcv(t.cert, occasion{
		role: roleTSU, use: t.Info.GenTime, seen: seen, archived: archived, bound: true,
	}, l)
	if !got.passed() {
		return got, tr
	}
	return r.reliable([]material{
		{what: "time-stamp", algs: suiteNames(t.cert.PublicKey, t.Signer.SignatureAlgorithm.Scheme == cms.PSS, t.Signer.Digest), known: seen},
		{what: "imprint of the time-stamp", algs: []string{policies.HashAlgorithm(t.Info.HashAlgorithm)}, known: seen},
	}), tr
}

// cryptographic turns an error of package cms into the conclusion of cryptographic
// verification (EN 319 102-1, 5.2.7).
func cryptographic(err error) conclusion {
	switch {
	case err == nil:
		return pass()
	case errors.Is(err, cms.ErrDigest):
		return fail(HashFailure, "%v", err)
	case errors.Is(err, cms.ErrSignature):
		return fail(SigCryptoFailure, "%v", err)
	case errors.Is(err, cms.ErrHashMismatch), errors.Is(err, cms.ErrAlgorithm):
		return undecided(CryptoConstraintsFailure, "%v", err)
	case errors.Is(err, cms.ErrAttributes):
		return undecided(SigConstraintsFailure, "%v", err)
	}
	return fail(FormatFailure, "%v", err)
}
