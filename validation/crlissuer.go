package validation

import (
	"crypto/x509"
	"slices"

	"chop/internal/cms"
	"chop/validation/certpath"
)

// maxCRLIssuerTries bounds the signatures that are tried to find who signed a list: a
// hostile pool may hold many certificates of its issuer's name.
const maxCRLIssuerTries = 256

// crlIssuers is what was found out about who signed lists in one run.
type crlIssuers struct {
	tries   int
	judging []*x509.Certificate // whose revocation is being looked at, for circles
}

// crlSigner returns the certificate whose key signed a list that speaks of issuer's
// certificates, or nil: the issuer's own, else one of the list's issuer's name that
// leads to the same anchor, may sign lists, and was good when it did (RFC 5280,
// 6.3.3 f and g).
func (r *run) crlSigner(p *pooled[*crl], issuer *x509.Certificate) *x509.Certificate {
	if r.rules.strict && !p.value.conforms() {
		return nil
	}
	if p.value.issuer == certpath.Canonical(issuer.RawSubject) && signsLists(issuer) && r.signedList(p, issuer) {
		return issuer
	}
	var candidates []*x509.Certificate
	for _, c := range r.pool.bySubject[p.value.issuer] {
		candidates = append(candidates, c.value)
	}
	for _, c := range append(candidates, r.anchors.byName[p.value.issuer]...) {
		if c.Equal(issuer) || !signsLists(c) || slices.ContainsFunc(r.lists.judging, c.Equal) {
			continue
		}
		if r.lists.tries++; r.lists.tries > maxCRLIssuerTries {
			return nil
		}
		if r.signedList(p, c) && r.mayList(c, p.value, issuer) {
			return c
		}
	}
	return nil
}

func signsLists(cert *x509.Certificate) bool {
	return cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageCRLSign != 0
}

func (r *run) signedList(p *pooled[*crl], by *x509.Certificate) bool {
	return r.v.links.check(p.hash, by, func() bool { return cms.VerifySigned(by.PublicKey, p.value.Raw) == nil })
}

// mayList judges the path of a certificate that signed a list for issuer.
func (r *run) mayList(cert *x509.Certificate, list *crl, issuer *x509.Certificate) bool {
	r.lists.judging = append(r.lists.judging, cert)
	defer func() { r.lists.judging = r.lists.judging[:len(r.lists.judging)-1] }()
	b := r.builder
	b.known = map[*x509.Certificate]chains{} // the run's own memory has one certificate's chains at a time
	var tops []*x509.Certificate
	for _, c := range slices.Clone(b.chains(issuer)) {
		tops = append(tops, c[len(c)-1])
	}
	for _, c := range b.chains(cert) {
		if slices.ContainsFunc(tops, c[len(c)-1].Equal) && certpath.Check(c, certpath.Inputs{}) == nil && r.goodAt(c, list) {
			return true
		}
	}
	return false
}

// goodAt reports whether a list's issuer was valid when the list was made, by algorithms
// that are relied on, and is not revoked: the key of one that was could date a list back.
func (r *run) goodAt(c chain, list *crl) bool {
	for i, cert := range c[:len(c)-1] {
		if list.ThisUpdate.Before(cert.NotBefore) || list.ThisUpdate.After(cert.NotAfter) {
			return false
		}
		known := r.timeline.earliest(r.pool.place(cert.Raw))
		if !r.reliable([]material{signedMaterial(name(cert), c[i+1].PublicKey, cert.SignatureAlgorithm, known)}).passed() {
			return false
		}
		if r.revocation == RevocationNone {
			continue
		}
		cleared := r.revocation != RevocationRequired
		for _, s := range append(r.crlStatuses(cert, c[i+1]), r.ocspStatuses(cert, c[i+1])...) {
			if s.revoked {
				return false
			}
			cleared = cleared || s.speaksFor(list.ThisUpdate)
		}
		if !cleared {
			return false
		}
	}
	return true
}

// conforms reports whether a list is written as RFC 5280, 5.2.1 and 5.2.3, has it: with
// an authority key identifier and a number, neither of them critical.
func (c *crl) conforms() bool {
	found := 0
	for _, e := range c.Extensions {
		if e.Id.Equal(oidCRLNumber) || e.Id.Equal(oidAuthorityKeyID) {
			if e.Critical {
				return false
			}
			found++
		}
	}
	return found == 2
}
