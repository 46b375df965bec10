package validation

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/validation/certpath"
)

// Extensions of CRLs and CRL entries (RFC 5280, 5.2 and 5.3).
var (
	oidCRLNumber           = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidDeltaCRLIndicator   = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingDistribution = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidAuthorityKeyID      = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidReasonCode          = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidCertificateIssuer   = asn1.ObjectIdentifier{2, 5, 29, 29}
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
	entries map[string]*x509.RevocationListEntry // by serial; nil in short lists, and in indirect ones
	// issuers are the canonical names of the issuers of the entries' certificates, one
	// an entry, of an indirect list; nil otherwise.
	issuers []string
	issuer  string // canonical
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
	c := &crl{RevocationList: list, issuer: certpath.Canonical(list.RawIssuer)}
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

// index reads the entries. One without a certificateIssuer of its own is about the
// same issuer's certificate as the one before (RFC 5280, 5.3.3).
func (c *crl) index() error {
	list := c.RevokedCertificateEntries
	if len(list) >= longList && !c.scope.indirect {
		c.entries = make(map[string]*x509.RevocationListEntry, len(list))
	}
	about := c.issuer
	for i := range list {
		for _, e := range list[i].Extensions {
			switch {
			case e.Id.Equal(oidCertificateIssuer) && c.scope.indirect:
				var err error
				if about, err = certificateIssuer(e.Value); err != nil {
					return err
				}
			case e.Critical && !e.Id.Equal(oidReasonCode) && !e.Id.Equal(oidInvalidityDate):
				return fmt.Errorf("%w: critical extension %v in an entry", errCRL, e.Id)
			}
		}
		if c.scope.indirect {
			c.issuers = append(c.issuers, about)
		}
		if c.entries != nil {
			c.entries[string(list[i].SerialNumber.Bytes())] = &list[i]
		}
	}
	return nil
}

// certificateIssuer reads the one directory name in the extension.
func certificateIssuer(der []byte) (string, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if in.ReadASN1(&seq, cbasn1.SEQUENCE) && in.Empty() {
		names, ok := certpath.ReadGeneralNames(seq)
		for _, n := range names {
			if ok && n.Kind == certpath.DirectoryName {
				return certpath.Canonical(n.Value), nil
			}
		}
	}
	return "", fmt.Errorf("%w: certificate issuer of an entry", errCRL)
}

// entry returns the entry of a certificate, or nil.
func (c *crl) entry(cert *x509.Certificate) *x509.RevocationListEntry {
	if c.entries != nil {
		return c.entries[string(cert.SerialNumber.Bytes())]
	}
	issuer := ""
	if c.scope.indirect {
		issuer = certpath.Canonical(cert.RawIssuer)
	}
	for i := range c.RevokedCertificateEntries {
		e := &c.RevokedCertificateEntries[i]
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 && (!c.scope.indirect || c.issuers[i] == issuer) {
			return e
		}
	}
	return nil
}
