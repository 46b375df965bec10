package validation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
)

// A Fetcher gets validation data that a document lacks. Its results are not trusted:
// they are verified like those in the document. An error is reported and leaves the
// verdict to what is there.
type Fetcher interface {
	// Issuers returns certificates, DER, that may have issued cert (RFC 5280, 4.2.2.1).
	Issuers(ctx context.Context, cert *x509.Certificate) ([][]byte, error)
	// Revocation returns CRLs and OCSP responses, DER, that may speak of cert.
	Revocation(ctx context.Context, cert, issuer *x509.Certificate) (crls, ocsps [][]byte, err error)
}

// maxFetches bounds the questions that one document can make us ask.
const maxFetches = 32

// fetches are the questions that were asked for one document, each once, and their answers;
// its runs share them.
type fetches struct {
	fetcher Fetcher
	answers map[question]*fetched
}

// A question is about a certificate, by what it and its issuer are digests of; without an
// issuer it is who that may be.
type question struct{ cert, issuer [sha256.Size]byte }

type fetched struct {
	issuers, crls, ocsps [][]byte
	err                  error
}

func (v *Validator) newFetches(o Options) *fetches {
	if v.cfg.Fetcher == nil || o.Offline {
		return nil
	}
	return &fetches{fetcher: v.cfg.Fetcher, answers: map[question]*fetched{}}
}

// ask returns the answer to a question; nil if no more may be asked.
func (f *fetches) ask(ctx context.Context, cert, issuer *x509.Certificate) *fetched {
	q := question{cert: sha256.Sum256(cert.Raw)}
	if issuer != nil {
		q.issuer = sha256.Sum256(issuer.Raw)
	}
	if a := f.answers[q]; a != nil {
		return a
	}
	if len(f.answers) >= maxFetches {
		return nil
	}
	a := &fetched{}
	if f.answers[q] = a; issuer == nil {
		a.issuers, a.err = f.fetcher.Issuers(ctx, cert)
	} else {
		a.crls, a.ocsps, a.err = f.fetcher.Revocation(ctx, cert, issuer)
	}
	return a
}

// ask is the same in one run, which takes each answer once; nil if it has, or works offline.
func (r *run) ask(cert, issuer *x509.Certificate) *fetched {
	p := pair{cert, issuer}
	if r.fetches == nil || r.asked[p] {
		return nil
	}
	r.asked[p] = true
	return r.fetches.ask(r.ctx, cert, issuer)
}

// fetchIssuers follows the caIssuers pointers upwards from cert and reports whether
// the pool grew.
func (r *run) fetchIssuers(cert *x509.Certificate, l *checks) bool {
	grew := false
	for range maxPath {
		if r.anchors.has(cert) {
			break
		}
		answer := r.ask(cert, nil)
		if answer == nil {
			break
		}
		if answer.err != nil {
			l.add("XCV", Warning, "issuer of %s: %v", name(cert), answer.err)
		}
		before := len(r.pool.certs)
		for _, der := range answer.issuers {
			r.pool.addCertificate(der, never, false)
		}
		if len(r.pool.certs) == before {
			break
		}
		grew = true
		cert = r.pool.certs[len(r.pool.certs)-1].value
	}
	return grew
}

// fetchRevocation asks for the certificates of a chain of which the pool knows
// nothing that counts.
func (r *run) fetchRevocation(c chain, o occasion, l *checks) {
	if r.fetches == nil || r.revocation == RevocationNone {
		return
	}
	for i, cert := range c[:len(c)-1] {
		issuer := c[i+1]
		known := false
		for _, s := range r.statuses(cert, issuer) {
			known = known || s.revoked && !s.hold || s.speaksFor(o.use)
		}
		if known || o.seen.After(cert.NotAfter) {
			continue
		}
		answer := r.ask(cert, issuer)
		if answer == nil {
			continue
		}
		if answer.err != nil {
			l.add("RFC", Warning, "revocation information of %s: %v", name(cert), answer.err)
		}
		for _, der := range answer.crls {
			r.pool.addCRL(der, never, false)
		}
		for _, der := range answer.ocsps {
			r.pool.addOCSP(der, never, false)
		}
	}
}
