// Package issuer makes identity cards that do not exist: a made-up country
// signing CA with a document signer (ICAO 9303-12, 4.1), cards personalised for
// made-up people, and the card's side of the stand-in protocol of docs/hkic-card.md.
// It is for tests, for trying out and for the demo; nothing of the appliance that
// judges cards imports it, and a real appliance does not trust its CA.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"chop/internal/cms"
	"chop/registration/hkic"
)

// Issuer is a country signing CA and its document signer.
type Issuer struct {
	Country, Signer *x509.Certificate
	signerKey       *ecdsa.PrivateKey
}

const (
	countryLife = 20 * 365 * 24 * time.Hour
	signerLife  = 11 * 365 * 24 * time.Hour
)

// New makes an issuer whose certificates begin a day before now. The CA's key is
// used for the document signer and forgotten.
func New(now time.Time) (*Issuer, error) {
	countryKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make issuer: %w", err)
	}
	i := &Issuer{}
	if i.signerKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make issuer: %w", err)
	}
	begins := now.Add(-24 * time.Hour).UTC().Truncate(time.Second)
	country := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: begins, NotAfter: begins.Add(countryLife), Subject: name("Made-up country signing CA"),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if i.Country, err = sign(country, country, countryKey.Public(), countryKey); err != nil {
		return nil, err
	}
	signer := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: begins, NotAfter: begins.Add(signerLife), Subject: name("Made-up document signer"),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if i.Signer, err = sign(signer, i.Country, i.signerKey.Public(), countryKey); err != nil {
		return nil, err
	}
	return i, nil
}

func name(cn string) pkix.Name {
	return pkix.Name{Country: []string{"HK"}, Organization: []string{"Chop stand-in"}, CommonName: cn}
}

func sign(t, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key, by)
	if err != nil {
		return nil, fmt.Errorf("make issuer: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Trust is what a reader needs to believe this issuer's cards.
func (i *Issuer) Trust() hkic.Trust { return hkic.Trust{Issuers: []*x509.Certificate{i.Country}} }

// Personalise makes a card for the data, with a key and a serial number of its own.
func (i *Issuer) Personalise(d hkic.ChipData) (*Card, error) {
	c := &Card{}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("personalise card: %w", err)
	}
	d.Key = &c.key.PublicKey
	rand.Read(d.Serial[:])
	if c.groups, err = d.Groups(); err != nil {
		return nil, fmt.Errorf("personalise card: %w", err)
	}
	if c.security, err = i.secure(c.groups); err != nil {
		return nil, fmt.Errorf("personalise card: %w", err)
	}
	return c, nil
}

// secure makes the security object's file.
func (i *Issuer) secure(g hkic.Groups) ([]byte, error) {
	content, err := g.Hashes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	attributes, err := cms.SignedAttributes{ContentType: hkic.OIDSecurityObject, MessageDigest: sum[:], Certificate: i.Signer, Hash: crypto.SHA256}.Marshal()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(attributes)
	signature, err := i.signerKey.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	message, err := cms.Build(cms.BuildParams{
		ContentType: hkic.OIDSecurityObject, Content: content, Certificates: [][]byte{i.Signer.Raw}, Certificate: i.Signer,
		Hash: crypto.SHA256, Scheme: cms.ECDSA, SignedAttrs: attributes, Signature: signature,
	})
	if err != nil {
		return nil, err
	}
	return hkic.SecurityFile(message)
}
