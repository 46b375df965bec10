package validation

import (
	"bytes"
	"crypto/x509"
	"slices"

	"chop/validation/certpath"
)

// Limits on path building. A certificate may have several issuers (cross
// certificates, renewed CA certificates), and a hostile pool may hold many of one
// name: the number of signature checks bounds what that costs.
const (
	maxPath      = 10
	maxPaths     = 8
	maxPathSteps = 128
)

// A chain is a prospective certification path, the certificate in question first,
// the trust anchor last (RFC 5280, 6.1). A certificate that is itself an anchor is a
// chain of one.
type chain []*x509.Certificate

// anchors are the certificates trusted for one run.
type anchors struct {
	byName map[string][]*x509.Certificate // by certpath.Canonical
}

func newAnchors(lists ...[]*x509.Certificate) anchors {
	a := anchors{byName: map[string][]*x509.Certificate{}}
	for _, list := range lists {
		for _, c := range list {
			if !a.has(c) {
				key := certpath.Canonical(c.RawSubject)
				a.byName[key] = append(a.byName[key], c)
			}
		}
	}
	return a
}

// has reports whether c is an anchor, byte for byte.
func (a anchors) has(c *x509.Certificate) bool {
	return slices.ContainsFunc(a.byName[certpath.Canonical(c.RawSubject)], c.Equal)
}

// A builder finds the chains from certificates to anchors.
type builder struct {
	anchors anchors
	// named are those of the anchors that a path never leads past; one that a list has
	// may have been withdrawn, and another be above it.
	named anchors
	pool  *pool
	links *links
	steps int
	found []chain
	known map[*x509.Certificate]chains
}

// chains are those of one certificate, with the size of the pool that they were built
// from.
type chains struct {
	pool int
	list []chain
}

// chains returns the chains from cert to an anchor, at most maxPaths. Every
// signature in them is verified, nothing else is.
func (b *builder) chains(cert *x509.Certificate) []chain {
	if k, ok := b.known[cert]; ok && k.pool == len(b.pool.certs) {
		return k.list
	}
	b.steps, b.found = 0, nil
	b.extend(chain{cert})
	b.known[cert] = chains{len(b.pool.certs), b.found}
	return b.found
}

func (b *builder) extend(c chain) {
	last := c[len(c)-1]
	if b.anchors.has(last) {
		b.found = append(b.found, slices.Clone(c))
		if b.named.has(last) {
			return
		}
	}
	if len(c) >= maxPath {
		return
	}
	// An anchor that is the issuer ends the path at once.
	for _, issuer := range b.anchors.byName[certpath.Canonical(last.RawIssuer)] {
		switch {
		case len(b.found) >= maxPaths || b.steps >= maxPathSteps:
			return
		case c.holds(issuer) || !b.try(last, issuer):
		case b.named.has(issuer):
			b.found = append(b.found, append(slices.Clone(c), issuer))
		default:
			b.extend(append(slices.Clone(c), issuer))
		}
	}
	for _, issuer := range b.candidates(last) {
		if len(b.found) >= maxPaths || b.steps >= maxPathSteps {
			return
		}
		if !c.holds(issuer) && !b.anchors.has(issuer) && b.try(last, issuer) {
			b.extend(append(slices.Clone(c), issuer))
		}
	}
}

func (b *builder) try(child, issuer *x509.Certificate) bool {
	b.steps++
	return b.links.signed(child, issuer)
}

// candidates returns the pool's certificates with the issuer's name, those first
// whose key identifier is the one that cert names (RFC 5280, 4.2.1.1). The
// identifier is a hint and excludes nothing.
func (b *builder) candidates(cert *x509.Certificate) []*x509.Certificate {
	var named, others []*x509.Certificate
	for _, p := range b.pool.bySubject[certpath.Canonical(cert.RawIssuer)] {
		if len(cert.AuthorityKeyId) > 0 && bytes.Equal(p.value.SubjectKeyId, cert.AuthorityKeyId) {
			named = append(named, p.value)
		} else {
			others = append(others, p.value)
		}
	}
	return append(named, others...)
}

// holds reports whether the path already leads through the same name and key, which
// would make it a circle.
func (c chain) holds(cert *x509.Certificate) bool {
	return slices.ContainsFunc(c, func(in *x509.Certificate) bool {
		return certpath.SameName(in.RawSubject, cert.RawSubject) &&
			bytes.Equal(in.RawSubjectPublicKeyInfo, cert.RawSubjectPublicKeyInfo)
	})
}
