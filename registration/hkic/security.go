package hkic

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/internal/cms"
)

// OIDSecurityObject is the content type of a security object: below the example
// arc, because the stand-in is nobody's standard.
var OIDSecurityObject = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 553, 9, 1}

// Trust is whose cards are believed.
type Trust struct {
	// Issuers are the country signing certificates (ICAO 9303-12, 4.1.1).
	Issuers []*x509.Certificate
}

// Hashes is the content of a security object over data groups, in the manner of
// LDSSecurityObject (ICAO 9303-10, 4.6.2.3): version 0, SHA-256, and the hash of each group under its number.
func (g Groups) Hashes() ([]byte, error) {
	algorithm, err := cms.DigestAlgorithm(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(algorithm)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i, group := range g {
				sum := sha256.Sum256(group)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(int64(i + 1))
					b.AddASN1OctetString(sum[:])
				})
			}
		})
	})
	return b.Bytes()
}

// SecurityFile wraps a CMS message as the file on the card.
func SecurityFile(message []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tagSecurity, func(b *cryptobyte.Builder) { b.AddBytes(message) })
	return b.Bytes()
}

// checkSecurity is passive authentication (ICAO 9303-11, 5.1): the security object
// is by a document signer under a trusted issuer, and its hashes are those of the
// groups. ErrUnreadable, ErrForeign, ErrExpired, ErrTampered, in this order.
func checkSecurity(file []byte, g Groups, trust Trust, now time.Time) error {
	s := cryptobyte.String(file)
	var message cryptobyte.String
	if len(file) > maxSecurity || !s.ReadASN1(&message, tagSecurity) || !s.Empty() {
		return fmt.Errorf("%w: security object", ErrUnreadable)
	}
	sd, err := cms.Parse(message)
	if err != nil {
		return fmt.Errorf("%w: security object: %w", ErrUnreadable, err)
	}
	if sd.BER || !sd.ContentType.Equal(OIDSecurityObject) || len(sd.SignerInfos) != 1 || len(sd.Certificates) != 1 || len(sd.CRLs) != 0 || len(sd.OCSPs) != 0 {
		return fmt.Errorf("%w: security object is not one signature with its certificate", ErrUnreadable)
	}
	signer, err := x509.ParseCertificate(sd.Certificates[0])
	if err != nil {
		return fmt.Errorf("%w: document signer: %w", ErrUnreadable, err)
	}
	if err := checkSigner(signer, trust, now); err != nil {
		return err
	}
	si := sd.SignerInfos[0]
	sum := sha256.Sum256(sd.Content)
	if si.Digest != crypto.SHA256 || si.FindCertificate(sd.Certificates) == nil || len(si.SignedAttrs) == 0 {
		return fmt.Errorf("%w: security object names another signer or hash", ErrTampered)
	}
	if err := si.Verify(signer.PublicKey, sum[:]); err != nil {
		return fmt.Errorf("%w: security object: %w", ErrTampered, err)
	}
	// There is one encoding of these hashes: no parser, and none that could be led astray.
	hashes, err := g.Hashes()
	if err != nil {
		return err
	}
	if !bytes.Equal(hashes, sd.Content) {
		return fmt.Errorf("%w: data groups are not those that were signed", ErrTampered)
	}
	return nil
}

// checkSigner is nil for a document signer under a trusted issuer, at this time.
func checkSigner(signer *x509.Certificate, trust Trust, now time.Time) error {
	roots := x509.NewCertPool()
	for _, c := range trust.Issuers {
		roots.AddCert(c)
	}
	_, err := signer.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("%w: document signer: %w", ErrExpired, err)
	}
	if err != nil {
		return fmt.Errorf("%w: document signer: %w", ErrForeign, err)
	}
	if signer.IsCA || signer.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fmt.Errorf("%w: the certificate is not a document signer's", ErrForeign)
	}
	return nil
}
