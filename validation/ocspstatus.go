package validation

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"time"

	"chop/internal/ocsp"
	"chop/validation/certpath"
)

// ocspStatuses returns what the pool's OCSP responses say of cert.
func (r *run) ocspStatuses(cert, issuer *x509.Certificate) []status {
	var out []status
	for _, p := range r.pool.ocsps {
		single := p.value.Find(issuer, cert)
		if single == nil || single.Status == ocsp.Unknown {
			continue // unknown says nothing: it neither clears nor revokes
		}
		responder := r.responder(p.value, issuer)
		if responder == nil {
			continue
		}
		s := status{
			this: single.ThisUpdate, next: single.NextUpdate, retains: single.ArchiveCutoff,
			source: "OCSP response", place: p.place, embedded: p.embedded,
			made: []material{{
				what: "OCSP response of " + name(responder),
				algs: suiteNames(responder.PublicKey, false, p.value.Hash),
			}},
		}
		if responder != issuer {
			s.made = append(s.made, signedMaterial(name(responder), issuer.PublicKey, responder.SignatureAlgorithm, time.Time{}))
		}
		if single.Status == ocsp.Revoked {
			s.revoked, s.hold, s.at = true, single.Reason == reasonHold, single.RevokedAt
		}
		out = append(out, s)
	}
	return out
}

// responder returns the certificate whose key signed the response and may answer
// for issuer's certificates (RFC 6960, 4.2.2.2), or nil: the issuer itself, a
// responder that the same key certified for it, or one that the caller trusts.
func (r *run) responder(resp *ocsp.Response, issuer *x509.Certificate) *x509.Certificate {
	key := responderKey{resp, issuer}
	if known, ok := r.responders[key]; ok {
		return known
	}
	found := r.findResponder(resp, issuer)
	r.responders[key] = found
	return found
}

type responderKey struct {
	response *ocsp.Response
	issuer   *x509.Certificate
}

func (r *run) findResponder(resp *ocsp.Response, issuer *x509.Certificate) *x509.Certificate {
	if resp.ResponderID.Matches(issuer) && r.v.links.answered(resp, issuer) {
		return issuer
	}
	candidates := slices.Clone(resp.Certificates)
	for _, p := range r.pool.certs {
		candidates = append(candidates, p.value)
	}
	for _, cert := range candidates {
		if resp.ResponderID.Matches(cert) && r.mayAnswer(cert, resp, issuer) && r.v.links.answered(resp, cert) {
			return cert
		}
	}
	return nil
}

// mayAnswer reports whether cert is a delegated responder of issuer that was good
// when it produced the response. The period is judged at producedAt and not now:
// responder certificates live for days, the responses in an archive for decades.
func (r *run) mayAnswer(cert *x509.Certificate, resp *ocsp.Response, issuer *x509.Certificate) bool {
	if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) ||
		cert.KeyUsage != 0 && cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 ||
		resp.ProducedAt.Before(cert.NotBefore) || resp.ProducedAt.After(cert.NotAfter) {
		return false
	}
	if r.anchors.has(cert) {
		return true
	}
	return certpath.Unhandled(cert) == nil && r.v.links.signed(cert, issuer) && r.unrevokedResponder(cert, resp, issuer)
}

// unrevokedResponder asks the issuer's own CRLs about a responder without
// id-pkix-ocsp-nocheck. Another response would have to be believed first, so none
// is asked.
func (r *run) unrevokedResponder(cert *x509.Certificate, resp *ocsp.Response, issuer *x509.Certificate) bool {
	if slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidOCSPNoCheck) }) {
		return true
	}
	cleared := r.revocation != RevocationRequired
	for _, s := range r.crlStatuses(cert, issuer) {
		if s.revoked {
			return false
		}
		cleared = cleared || s.speaksFor(resp.ProducedAt)
	}
	return cleared
}
