package validation

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"

	"chop/internal/cms"
	"chop/internal/ocsp"
	"chop/validation/certpath"
)

// maxLinks bounds the memory of verified links, some 64 bytes each.
const maxLinks = 8192

// links remembers which certificates, CRLs and OCSP responses were verified to be
// signed by which key, so that the same ones do not cost a signature verification in
// every document: of CAs, TSAs and responders, and of a department that seals
// thousands of letters. Only what holds is kept: a stranger can at most push entries
// out. Safe for concurrent use.
type links struct {
	mu    sync.Mutex
	known map[link]struct{}
}

type link struct{ object, key digest }

// signed reports whether issuer's key signed child, inner and outer algorithm being
// the same (RFC 5280, 6.1.3 a 1). Old algorithms hold here: the suite judges them.
func (l *links) signed(child, issuer *x509.Certificate) bool {
	if !certpath.SameName(child.RawIssuer, issuer.RawSubject) {
		return false
	}
	return l.check(sha256.Sum256(child.Raw), issuer, func() bool {
		return cms.VerifySigned(issuer.PublicKey, child.Raw) == nil
	})
}

// answered reports whether the responder's key signed the response.
func (l *links) answered(resp *ocsp.Response, responder *x509.Certificate) bool {
	return l.check(sha256.Sum256(resp.Raw), responder, func() bool { return resp.CheckSignature(responder.PublicKey) == nil })
}

// check returns what verify says about the object with this digest and issuer's
// key, from memory where it once said yes.
func (l *links) check(object digest, issuer *x509.Certificate, verify func() bool) bool {
	id := link{object, sha256.Sum256(issuer.RawSubjectPublicKeyInfo)}
	l.mu.Lock()
	_, ok := l.known[id]
	l.mu.Unlock()
	if ok {
		return true
	}
	if !verify() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLinks {
		l.known = make(map[link]struct{})
	}
	l.known[id] = struct{}{}
	return true
}
