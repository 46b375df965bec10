package ca

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// draftCRL is a list with its number, before it is signed.
type draftCRL struct {
	ID         uuid.UUID
	Issuer     []byte
	Shard      int
	Number     int64
	BaseNumber *int64 // nil: a full list
	ThisUpdate time.Time
	NextUpdate time.Time
	Entries    []listed
	carried    []change // status changes that no list has carried yet
}

// listed is one certificate on a list.
type listed struct {
	Serial []byte
	Since  time.Time
	Reason int // CRLReason, or removeFromCRL
}

// storedCRL is a signed list.
type storedCRL struct {
	Number     int64
	ThisUpdate time.Time
	NextUpdate time.Time
	CRL        []byte
}

// scope is what a list is about (RFC 5280, 5.2.5) and where its delta is.
type scope struct {
	point string // the distribution point that the certificates name; empty: none
	only  uint8  // onlyUserCerts or onlyCACerts
	delta string // empty: no deltas
}

// signCRL makes a CRL and checks its signature with the issuer's certificate.
// A full list and its deltas have the same scope, or verifiers do not combine
// them (RFC 5280, 5.2.4).
func (i *issuer) signCRL(d *draftCRL, s scope) ([]byte, error) {
	t := &x509.RevocationList{
		SignatureAlgorithm: i.algorithm,
		Number:             big.NewInt(d.Number),
		ThisUpdate:         d.ThisUpdate,
		NextUpdate:         d.NextUpdate,
	}
	for _, e := range d.Entries {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: new(big.Int).SetBytes(e.Serial), RevocationTime: e.Since.UTC().Truncate(time.Second), ReasonCode: e.Reason,
		})
	}
	var err error
	add := func(e pkix.Extension, failed error) {
		t.ExtraExtensions = append(t.ExtraExtensions, e)
		if err == nil {
			err = failed
		}
	}
	add(issuingPointExtension(s.point, s.only))
	switch {
	case d.BaseNumber != nil:
		add(deltaIndicatorExtension(*d.BaseNumber))
	case s.delta != "":
		add(freshestExtension(s.delta))
	}
	add(expiredOnCRLExtension(i.cert.NotBefore))
	if err != nil {
		return nil, fmt.Errorf("encode CRL extension: %w", err)
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, i.cert, i.real.Signer)
	if err != nil {
		return nil, fmt.Errorf("sign CRL %d: %w", d.Number, err)
	}
	if err := checkCRLSignature(der, i.cert, i.algorithm); err != nil {
		return nil, fmt.Errorf("%w: CRL %d: %w", ErrMismatch, d.Number, err)
	}
	return der, nil
}

// checkCRLSignature verifies without parsing the entries: a long list would be
// in memory a second time.
func checkCRLSignature(der []byte, issuer *x509.Certificate, algorithm x509.SignatureAlgorithm) error {
	s := cryptobyte.String(der)
	var outer, tbs, skipped cryptobyte.String
	var signature asn1.BitString
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1Element(&tbs, cbasn1.SEQUENCE) ||
		!outer.ReadASN1(&skipped, cbasn1.SEQUENCE) || !outer.ReadASN1BitString(&signature) || !outer.Empty() {
		return fmt.Errorf("not a CertificateList")
	}
	return issuer.CheckSignature(algorithm, tbs, signature.RightAlign())
}

// rootID names the root in records.
type rootID struct{ id [sha256.Size]byte }

func newRootID(root *x509.Certificate) (rootID, error) {
	spki, err := x509.MarshalPKIXPublicKey(root.PublicKey)
	if err != nil {
		return rootID{}, fmt.Errorf("encode root key: %w", err)
	}
	return rootID{sha256.Sum256(spki)}, nil
}
