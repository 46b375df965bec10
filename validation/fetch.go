package validation

import (
	"context"
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

// fetching is the Fetcher's use in one run: each question is asked once.
type fetching struct {
	fetcher Fetcher
	asked   map[pair]bool
}

func (f *fetching) may(cert, issuer *x509.Certificate) bool {
	if f == nil || f.asked[pair{cert, issuer}] || len(f.asked) >= maxFetches {
		return false
	}
	if f.asked == nil {
		f.asked = map[pair]bool{}
	}
	f.asked[pair{cert, issuer}] = true
	return true
}

// fetchIssuers follows the caIssuers pointers upwards from cert and reports whether
// the pool grew.
func (r *run) fetchIssuers(cert *x509.Certificate, l *checks) bool {
	grew := false
	for range maxPath {
		if r.anchors.has(cert) || !r.fetch.may(cert, nil) {
			break
		}
		list, err := r.fetch.fetcher.Issuers(r.ctx, cert)
		if err != nil {
			l.add("XCV", Warning, "issuer of %s: %v", name(cert), err)
		}
		before := len(r.pool.certs)
		for _, der := range list {
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
	if r.fetch == nil || r.revocation == RevocationNone {
		return
	}
	for i, cert := range c[:len(c)-1] {
		issuer := c[i+1]
		known := false
		for _, s := range r.statuses(cert, issuer) {
			known = known || s.revoked && !s.hold || s.speaksFor(o.use)
		}
		if known || o.seen.After(cert.NotAfter) || !r.fetch.may(cert, issuer) {
			continue
		}
		crls, ocsps, err := r.fetch.fetcher.Revocation(r.ctx, cert, issuer)
		if err != nil {
			l.add("RFC", Warning, "revocation information of %s: %v", name(cert), err)
		}
		for _, der := range crls {
			r.pool.addCRL(der, never, false)
		}
		for _, der := range ocsps {
			r.pool.addOCSP(der, never, false)
		}
	}
}
