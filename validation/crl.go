package validation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Extensions of CRLs and CRL entries (RFC 5280, 5.2 and 5.3).
var (
	oidCRLNumber           = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidDeltaCRLIndicator   = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingDistribution = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidAuthorityKeyID      = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidReasonCode          = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidityDate      = asn1.ObjectIdentifier{2, 5, 29, 24}
	oidExpiredCertsOnCRL   = asn1.ObjectIdentifier{2, 5, 29, 60}
)

// Reason codes with a meaning of their own (RFC 5280, 5.3.1).
const (
	reasonHold          = 6
	reasonRemoveFromCRL = 8
)

// A crl is a certificate revocation list with the scope that it claims.
type crl struct {
	*x509.RevocationList
	scope scope
	// base is the BaseCRLNumber of a delta CRL, nil in a complete one.
	base *big.Int
	// retains is ExpiredCertsOnCRL: certificates that expired since then stay listed.
	retains time.Time
	entries map[string]*x509.RevocationListEntry // by serial; nil in short lists
}

// A scope is an IssuingDistributionPoint (RFC 5280, 5.2.5); the zero scope is all
// certificates of the issuer.
type scope struct {
	present     bool     // the extension names a distribution point ...
	uris        []string // ... by these URIs of its fullName
	users, cas  bool     // onlyContainsUserCerts, onlyContainsCACerts
	attributes  bool     // onlyContainsAttributeCerts
	someReasons bool     // onlySomeReasons
	indirect    bool     // indirectCRL
}

var errCRL = errors.New("malformed CRL")

// longList is the number of entries from which an index pays.
const longList = 32

// parseCRL reads a CertificateList. A critical extension that is not understood
// makes the list unusable, also when it stands in one entry: it could say that the
// entry is of another issuer's certificate (RFC 5280, 5.3.3).
func parseCRL(der []byte) (*crl, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCRL, err)
	}
	c := &crl{RevocationList: list}
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(oidIssuingDistribution):
			c.scope, err = parseScope(e.Value)
		case e.Id.Equal(oidDeltaCRLIndicator):
			c.base = new(big.Int)
			in := cryptobyte.String(e.Value)
			if !in.ReadASN1Integer(c.base) || !in.Empty() {
				err = fmt.Errorf("%w: delta CRL indicator", errCRL)
			}
		case e.Id.Equal(oidExpiredCertsOnCRL):
			in := cryptobyte.String(e.Value)
			if !in.ReadASN1GeneralizedTime(&c.retains) || !in.Empty() {
				err = fmt.Errorf("%w: expiredCertsOnCRL", errCRL)
			}
		case e.Id.Equal(oidCRLNumber), e.Id.Equal(oidAuthorityKeyID):
		case e.Critical:
			err = fmt.Errorf("%w: critical extension %v", errCRL, e.Id)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := c.index(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *crl) index() error {
	list := c.RevokedCertificateEntries
	if len(list) >= longList {
		c.entries = make(map[string]*x509.RevocationListEntry, len(list))
	}
	for i := range list {
		for _, e := range list[i].Extensions {
			if e.Critical && !e.Id.Equal(oidReasonCode) && !e.Id.Equal(oidInvalidityDate) {
				return fmt.Errorf("%w: critical extension %v in an entry", errCRL, e.Id)
			}
		}
		if c.entries != nil {
			c.entries[string(list[i].SerialNumber.Bytes())] = &list[i]
		}
	}
	return nil
}

// entry returns the entry of a serial number, or nil.
func (c *crl) entry(serial *big.Int) *x509.RevocationListEntry {
	if c.entries != nil {
		return c.entries[string(serial.Bytes())]
	}
	for i := range c.RevokedCertificateEntries {
		if e := &c.RevokedCertificateEntries[i]; e.SerialNumber.Cmp(serial) == 0 {
			return e
		}
	}
	return nil
}

// parseScope reads an IssuingDistributionPoint, strict DER. A distribution point
// that is named by anything but a URI matches no certificate here.
func parseScope(der []byte) (scope, error) {
	var s scope
	in := cryptobyte.String(der)
	var seq, dp, name cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadOptionalASN1(&dp, &s.present, cbasn1.Tag(0).Constructed().ContextSpecific()) {
		return s, fmt.Errorf("%w: issuing distribution point", errCRL)
	}
	full := false
	if s.present && !dp.ReadOptionalASN1(&name, &full, cbasn1.Tag(0).Constructed().ContextSpecific()) {
		return s, fmt.Errorf("%w: distribution point name", errCRL)
	}
	for full && !name.Empty() {
		var general cryptobyte.String
		var tag cbasn1.Tag
		if !name.ReadAnyASN1(&general, &tag) {
			return s, fmt.Errorf("%w: distribution point name", errCRL)
		}
		if tag == cbasn1.Tag(6).ContextSpecific() {
			s.uris = append(s.uris, string(general))
		}
	}
	var reasons cryptobyte.String
	ok := readFlag(&seq, 1, &s.users) && readFlag(&seq, 2, &s.cas) &&
		seq.ReadOptionalASN1(&reasons, &s.someReasons, cbasn1.Tag(3).ContextSpecific()) &&
		readFlag(&seq, 4, &s.indirect) && readFlag(&seq, 5, &s.attributes) && seq.Empty()
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

// covers reports whether the list speaks of cert at all (RFC 5280, 6.3.3 b): right
// kind of certificate, and one of the shards that the certificate itself names.
// Without the last rule the list of another shard would clear a revoked
// certificate. Indirect lists are not used.
func (c *crl) covers(cert *x509.Certificate) bool {
	s := c.scope
	if !bytes.Equal(c.RawIssuer, cert.RawIssuer) || s.indirect || s.attributes {
		return false
	}
	if s.users && cert.IsCA || s.cas && !cert.IsCA {
		return false
	}
	return !s.present || slices.ContainsFunc(s.uris, func(uri string) bool {
		return slices.Contains(cert.CRLDistributionPoints, uri)
	})
}
