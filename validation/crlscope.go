package validation

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/validation/certpath"
)

// A scope is an IssuingDistributionPoint (RFC 5280, 5.2.5); the zero scope is all
// certificates of the issuer.
type scope struct {
	present    bool                   // the extension names a distribution point ...
	names      []certpath.GeneralName // ... in full
	relative   []byte                 // ... or relative to the list's issuer
	users, cas bool                   // onlyContainsUserCerts, onlyContainsCACerts
	attributes bool                   // onlyContainsAttributeCerts
	some       bool                   // onlySomeReasons
	reasons    reasons                // those that the list speaks of
	indirect   bool                   // indirectCRL
}

// reasons is a set of ReasonFlags (RFC 5280, 4.2.1.13), bit n for reason n.
type reasons uint16

// allReasons are keyCompromise to aACompromise.
const allReasons reasons = 0x1fe

func reasonsOf(b *asn1.BitString) reasons {
	if b == nil {
		return allReasons
	}
	var out reasons
	for i := 1; i <= 8; i++ {
		if b.At(i) == 1 {
			out |= 1 << i
		}
	}
	return out
}

// parseScope reads an IssuingDistributionPoint, strict DER.
func parseScope(der []byte) (scope, error) {
	s := scope{reasons: allReasons}
	in := cryptobyte.String(der)
	var seq, name, flags cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadOptionalASN1(&name, &s.present, cbasn1.Tag(0).Constructed().ContextSpecific()) {
		return s, fmt.Errorf("%w: issuing distribution point", errCRL)
	}
	if s.present {
		var ok bool
		if s.names, s.relative, ok = certpath.ReadDistributionPointName(name); !ok {
			return s, fmt.Errorf("%w: distribution point name", errCRL)
		}
	}
	ok := readFlag(&seq, 1, &s.users) && readFlag(&seq, 2, &s.cas) &&
		seq.ReadOptionalASN1(&flags, &s.some, cbasn1.Tag(3).ContextSpecific()) &&
		readFlag(&seq, 4, &s.indirect) && readFlag(&seq, 5, &s.attributes) && seq.Empty()
	if ok && s.some {
		var b *asn1.BitString
		b, ok = certpath.ReadReasons(flags)
		s.reasons = reasonsOf(b)
	}
	if !ok {
		return s, fmt.Errorf("%w: issuing distribution point", errCRL)
	}
	return s, nil
}

// readFlag reads an IMPLICIT BOOLEAN DEFAULT FALSE.
func readFlag(in *cryptobyte.String, tag uint8, out *bool) bool {
	var v cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&v, &present, cbasn1.Tag(tag).ContextSpecific()) {
		return false
	}
	*out = present && len(v) == 1 && v[0] != 0
	return !present || len(v) == 1
}

// covers returns the reasons for which the list speaks of cert (RFC 5280, 6.3.3 a, b, d):
// right kind of certificate, right issuer, and one of the distribution points that the
// certificate names. Without the last rule the list of another shard would clear a
// revoked certificate.
func (c *crl) covers(cert *x509.Certificate) reasons {
	s := c.scope
	if s.attributes || s.users && cert.IsCA || s.cas && !cert.IsCA {
		return 0
	}
	all := s.reasons
	if !s.some {
		all = allReasons
	}
	var got reasons
	issuer := certpath.Canonical(cert.RawIssuer)
	if c.issuer == issuer && (!s.present || c.named(cert.RawIssuer, certpath.DistributionPoint{
		Names: []certpath.GeneralName{{Kind: certpath.DirectoryName, Value: cert.RawIssuer}},
	})) {
		return all // a list of all the issuer's certificates, wherever it lies
	}
	points, err := certpath.DistributionPoints(cert)
	if err != nil {
		return 0
	}
	for _, dp := range points {
		switch {
		case len(dp.CRLIssuer) > 0:
			if !s.indirect || !slices.ContainsFunc(dp.CRLIssuer, func(n certpath.GeneralName) bool {
				return n.Kind == certpath.DirectoryName && certpath.Canonical(n.Value) == c.issuer
			}) {
				continue
			}
		case c.issuer != issuer:
			continue
		}
		if !s.present || c.named(cert.RawIssuer, dp) {
			got |= all & reasonsOf(dp.Reasons)
		}
	}
	return got
}

// named reports whether the list's distribution point is the certificate's: they share
// a name, or where the certificate gives none, it is the list's issuer (6.3.3 b 2 i).
func (c *crl) named(issuer []byte, dp certpath.DistributionPoint) bool {
	theirs := dp.Names
	switch {
	case dp.Relative != nil:
		base := issuer
		if len(dp.CRLIssuer) > 0 {
			base = c.RawIssuer // which is the CRL issuer that dp names
		}
		theirs = []certpath.GeneralName{{Kind: certpath.DirectoryName, Value: relativeTo(base, dp.Relative)}}
	case len(theirs) == 0:
		theirs = dp.CRLIssuer
	}
	ours := c.scope.names
	if c.scope.relative != nil {
		ours = []certpath.GeneralName{{Kind: certpath.DirectoryName, Value: relativeTo(c.RawIssuer, c.scope.relative)}}
	}
	return slices.ContainsFunc(ours, func(a certpath.GeneralName) bool {
		return slices.ContainsFunc(theirs, func(b certpath.GeneralName) bool {
			return a.Kind == b.Kind && len(a.Value) > 0 && (string(a.Value) == string(b.Value) ||
				a.Kind == certpath.DirectoryName && certpath.SameName(a.Value, b.Value))
		})
	})
}

// relativeTo is the name below base with one RDN more (RFC 5280, 4.2.1.13).
func relativeTo(base, rdn []byte) []byte {
	in := cryptobyte.String(base)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(seq)
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(rdn) })
	})
	der, err := b.Bytes()
	if err != nil {
		return nil
	}
	return der
}
