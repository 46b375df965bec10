package validation

import (
	"crypto/x509"
	"fmt"
	"reflect"
	"time"
)

// crlStatuses returns what the pool's CRLs say of cert (RFC 5280, 6.3.3): each
// complete list by itself, and each with the delta CRLs that build on it.
func (r *run) crlStatuses(cert, issuer *x509.Certificate) []status {
	var out []status
	for _, p := range r.pool.crls {
		if p.value.base != nil || !p.value.covers(cert) || !r.signedCRL(p, issuer) {
			continue
		}
		s := listed(p.value, cert)
		s.place, s.embedded = p.place, p.embedded
		s.made = []material{crlMaterial(p.value, issuer)}
		if s.revoked || !p.value.scope.someReasons {
			out = append(out, s)
		}
		for _, d := range r.pool.crls {
			if !p.value.extendedBy(d.value) || !d.value.covers(cert) || !r.signedCRL(d, issuer) {
				continue
			}
			updated := s.update(d.value, cert)
			updated.place, updated.embedded = max(p.place, d.place), p.embedded && d.embedded
			updated.made = append(updated.made, crlMaterial(d.value, issuer))
			if updated.revoked || !d.value.scope.someReasons {
				out = append(out, updated)
			}
		}
	}
	return out
}

// signedCRL verifies a list with the certificate's own issuer, whose key usage must
// allow it. A CA that signs lists with another key than certificates is not
// supported.
func (r *run) signedCRL(p *pooled[*crl], issuer *x509.Certificate) bool {
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return false
	}
	return r.v.links.check(p.hash, issuer, func() bool {
		l := p.value.RevocationList
		return issuer.CheckSignature(l.SignatureAlgorithm, l.RawTBSRevocationList, l.Signature) == nil
	})
}

func crlMaterial(c *crl, issuer *x509.Certificate) material {
	return signedMaterial("CRL of "+name(issuer), issuer.PublicKey, c.SignatureAlgorithm, time.Time{})
}

// listed is what a complete list says.
func listed(c *crl, cert *x509.Certificate) status {
	s := status{this: c.ThisUpdate, next: c.NextUpdate, retains: c.retains, source: c.title()}
	if e := c.entry(cert.SerialNumber); e != nil && e.ReasonCode != reasonRemoveFromCRL {
		s.revoked, s.hold, s.at = true, e.ReasonCode == reasonHold, e.RevocationTime
	}
	return s
}

// update is what a list says together with a delta CRL (RFC 5280, 5.2.4). Only an
// entry of the delta takes a certificate off hold.
func (s status) update(delta *crl, cert *x509.Certificate) status {
	s.this, s.next, s.source = delta.ThisUpdate, delta.NextUpdate, delta.title()
	e := delta.entry(cert.SerialNumber)
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
		string(c.RawIssuer) == string(delta.RawIssuer) && reflect.DeepEqual(c.scope, delta.scope) &&
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
