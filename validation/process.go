package validation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
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
	// contentBound is what contentTime found, once it was asked.
	contentBound *time.Time
}

// judge runs the process for signatures with time and long-term validation data
// (EN 319 102-1, 5.5; with the archive time-stamps already in r.timeline also 5.6)
// on one signature. Cryptographic verification comes before X.509 validation: that a
// signature is broken does not depend on whom one trusts.
func (r *run) judge(s *signature) {
	l := &s.checks
	s.best = r.now
	if s.fatal.ind != "" {
		s.result = l.conclude("FC", s.fatal, "")
		return
	}
	s.result = l.conclude("FC", orPass(s.strict), "format and coverage of "+s.format)
	raw, got := r.identify(s)
	if l.conclude("ISC", got, "signing certificate named by the signature"); !got.passed() {
		s.settle(got)
		return
	}
	r.validationContext(s)
	got = r.verify(s, raw)
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
	s.settle(l.conclude("SAV", r.acceptance(s), "attributes and algorithms acceptable"))
}

// settle keeps the first thing that went wrong, except that a failure outdoes what
// was undecided before.
func (s *signature) settle(c conclusion) {
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

// identify is identification of the signing certificate (5.2.3). The certificate is
// the one that the signer identifier names and the signed ESS attribute binds; where
// it stands in the message, or what else stands there, plays no part.
func (r *run) identify(s *signature) ([]byte, conclusion) {
	raw := s.signer.FindCertificate(slices.Concat(s.message.Certificates, r.pool.raw()))
	if raw == nil {
		return nil, undecided(NoSigningCertificateFound, "no certificate for the signer identifier")
	}
	if ref, err := s.signer.SigningCertificate(); err == nil && ref == nil {
		return raw, pass() // whether the format demands the attribute is judged by acceptance
	}
	if err := s.signer.BindsCertificate(raw); err != nil {
		return nil, undecided(NoSigningCertificateFound, "%v", err)
	}
	return raw, pass()
}

// validationContext is initialisation of the validation context (5.2.4): a policy that the signer named
// is reported, and the signature judged under our own.
func (r *run) validationContext(s *signature) {
	for _, a := range s.signer.SignedAttrs {
		if a.Type.Equal(cms.OIDSignaturePolicy) {
			s.checks.add("VCI", Warning, "the signature names a policy of its own, which was not applied")
			return
		}
	}
	s.checks.add("VCI", Passed, "algorithm suite %s", r.v.cfg.Suite.Name)
}

// verify is cryptographic verification (5.2.7).
func (r *run) verify(s *signature, raw []byte) conclusion {
	if s.timestamp() {
		if !bytes.Equal(s.content[s.stamp.Info.HashAlgorithm], s.stamp.Info.Imprint) || len(s.stamp.Info.Imprint) == 0 {
			return fail(HashFailure, "message imprint differs from the digest of the document")
		}
		return cryptographic(s.stamp.VerifySignature(raw))
	}
	if why := misnamed(s.signer); why != "" {
		return fail(FormatFailure, "%s", why)
	}
	key, err := cms.PublicKey(raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "key of the signing certificate: %v", err)
	}
	sum := s.content[s.signer.Digest]
	if s.format == FormatPKCS7SHA1 {
		if !bytes.Equal(s.content[crypto.SHA1], s.message.Content) {
			return fail(HashFailure, "encapsulated digest differs from the digest of the document")
		}
		if !s.signer.Digest.Available() {
			return undecided(CryptoConstraintsFailure, "digest algorithm %v", s.signer.DigestAlgorithm.OID)
		}
		h := s.signer.Digest.New()
		h.Write(s.message.Content)
		sum = h.Sum(nil)
	}
	if sum == nil {
		return undecided(CryptoConstraintsFailure, "digest algorithm %v", s.signer.DigestAlgorithm.OID)
	}
	return cryptographic(s.signer.Verify(key, sum))
}

// misnamed reports algorithm identifiers of another kind of algorithm, under which
// nothing can verify, unlike under one that is merely not supported here.
func misnamed(signer *cms.SignerInfo) string {
	for _, arc := range signatureArcs {
		if under(signer.DigestAlgorithm.OID, arc) {
			return fmt.Sprintf("digest algorithm %v is a signature algorithm", signer.DigestAlgorithm.OID)
		}
	}
	if oid := signer.SignatureAlgorithm.OID; under(oid, curveArc) {
		return fmt.Sprintf("signature algorithm %v is a curve", oid)
	}
	return ""
}

var (
	signatureArcs = []asn1.ObjectIdentifier{{1, 2, 840, 113549, 1, 1}, {1, 2, 840, 10045, 4}}
	curveArc      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3}
)

func under(oid, arc asn1.ObjectIdentifier) bool {
	return len(oid) > len(arc) && oid[:len(arc)].Equal(arc)
}

// certificate is X.509 validation at best-signature-time, and the comparison of
// times of 5.5.4: what the certificate was when the signature was made.
func (r *run) certificate(s *signature) conclusion {
	got, t := r.xcv(s.cert, occasion{role: roleSigner, use: s.best, seen: s.best, bound: s.bindsSigner()}, &s.checks)
	s.trail = t
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

// bindsSigner reports whether the signature names its certificate by a digest, so
// that a proof of the one is a proof of the other.
func (s *signature) bindsSigner() bool {
	ref, err := s.signer.SigningCertificate()
	return err == nil && ref != nil
}

// acceptance is signature acceptance validation (5.2.8).
func (r *run) acceptance(s *signature) conclusion {
	ref, err := s.signer.SigningCertificate()
	if err == nil && ref == nil && s.format == FormatCAdES {
		return undecided(SigConstraintsFailure, "no signing-certificate attribute, which EN 319 142-1 demands")
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
	return r.reliable([]material{{
		what: "signature", known: s.best,
		algs: suiteNames(key, s.signer.SignatureAlgorithm.Scheme == cms.PSS, s.signer.Digest),
	}})
}

var errImprint = errors.New("imprint is not the digest of what it should be")
