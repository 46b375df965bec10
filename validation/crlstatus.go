package validation

import (
	"crypto/x509"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// crlStatuses returns what the pool's CRLs say of cert (RFC 5280, 6.3.3): each
// complete list by itself, and each with the delta CRLs that build on it. Lists of some
// reasons revoke each by itself, but clear only together.
func (r *run) crlStatuses(cert, issuer *x509.Certificate) []status {
	var out []status
	var parts []partial
	add := func(s status, covered reasons) {
		if s.revoked || covered == allReasons {
			out = append(out, s)
			return
		}
		parts = append(parts, partial{s, covered})
	}
	for _, p := range r.pool.crls {
		if p.value.base != nil {
			continue
		}
		covered := p.value.covers(cert)
		if covered == 0 {
			continue
		}
		by := r.crlSigner(p, issuer)
		if by == nil {
			continue
		}
		s := listed(p.value, cert)
		s.place, s.embedded = p.place, p.embedded
		s.made = []material{crlMaterial(p.value, by)}
		add(s, covered)
		for _, d := range r.pool.crls {
			if !p.value.extendedBy(d.value) || d.value.covers(cert) == 0 {
				continue
			}
			by := r.crlSigner(d, issuer)
			if by == nil {
				continue
			}
			updated := s.update(d.value, cert)
			updated.place, updated.embedded = max(p.place, d.place), p.embedded && d.embedded
			updated.made = append(slices.Clone(updated.made), crlMaterial(d.value, by))
			add(updated, covered)
		}
	}
	return append(out, joined(parts)...)
}

// A partial is what a list of some reasons does not revoke.
type partial struct {
	status
	covered reasons
}

// joined puts lists of some reasons together: the newest for each reason. Together they
// are as old as the oldest of them.
func joined(parts []partial) []status {
	slices.SortStableFunc(parts, func(a, b partial) int { return b.this.Compare(a.this) })
	var all status
	var covered reasons
	for _, p := range parts {
		if p.covered&^covered == 0 {
			continue
		}
		if covered == 0 {
			all = p.status
			all.made = slices.Clone(p.made)
		} else {
			all.this = p.this // which is older
			if !p.next.IsZero() && (all.next.IsZero() || p.next.Before(all.next)) {
				all.next = p.next
			}
			all.place, all.embedded = max(all.place, p.place), all.embedded && p.embedded
			all.made = append(all.made, p.made...)
			all.source += ", " + p.source
		}
		if p.next.IsZero() {
			all.next = p.this
		}
		covered |= p.covered
	}
	if covered != allReasons {
		return nil
	}
	return []status{all}
}

func crlMaterial(c *crl, issuer *x509.Certificate) material {
	return signedMaterial("CRL of "+name(issuer), issuer.PublicKey, c.SignatureAlgorithm, time.Time{})
}

// listed is what a complete list says.
func listed(c *crl, cert *x509.Certificate) status {
	s := status{this: c.ThisUpdate, next: c.NextUpdate, retains: c.retains, source: c.title()}
	if e := c.entry(cert); e != nil && e.ReasonCode != reasonRemoveFromCRL {
		s.revoked, s.hold, s.at = true, e.ReasonCode == reasonHold, e.RevocationTime
	}
	return s
}

// update is what a list says together with a delta CRL (RFC 5280, 5.2.4). Only an
// entry of the delta takes a certificate off hold.
func (s status) update(delta *crl, cert *x509.Certificate) status {
	s.this, s.next, s.source = delta.ThisUpdate, delta.NextUpdate, delta.title()
	e := delta.entry(cert)
	switch {
	case e == nil:
	case e.ReasonCode == reasonRemoveFromCRL:
		if s.hold || !s.revoked {
			s.revoked, s.hold, s.at = false, false, time.Time{}
		}
	default:
		s.revoked, s.hold, s.at = true, e.ReasonCode == reasonHold, e.RevocationTime
	}
	return s
}

// extendedBy reports whether delta builds on c: same issuer and scope, its base not
// newer than c, itself newer (RFC 5280, 5.2.4 a-c).
func (c *crl) extendedBy(delta *crl) bool {
	return delta.base != nil && c.Number != nil && delta.Number != nil &&
		c.issuer == delta.issuer && reflect.DeepEqual(c.scope, delta.scope) &&
		delta.base.Cmp(c.Number) <= 0 && delta.Number.Cmp(c.Number) > 0
}

func (c *crl) title() string {
	kind := "CRL"
	if c.base != nil {
		kind = "delta CRL"
	}
	if c.Number == nil {
		return kind
	}
	return fmt.Sprintf("%s %v", kind, c.Number)
}
