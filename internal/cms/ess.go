package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SigningCertificate is an ESS signing-certificate attribute: v1 by SHA-1 (RFC 2634, 5.4), v2 (RFC 5035, 3).
// The first reference names the signer's certificate, the others the chain that the signer had in mind.
type SigningCertificate struct {
	Version int // 1 or 2
	Certs   []ESSCertID
}

// ESSCertID is one reference to a certificate.
type ESSCertID struct {
	Hash     crypto.Hash // 0 if the algorithm is not one of ours
	HashOID  asn1.ObjectIdentifier
	CertHash []byte
	Issuer   []byte // RDNSequence; nil if issuerSerial is absent
	Serial   *big.Int

	serial []byte
}

// SigningCertificate gives the v2 attribute, or v1 where there is no v2; nil without error if both are absent.
func (si *SignerInfo) SigningCertificate() (*SigningCertificate, error) {
	if sc, err := si.essAttribute(OIDSigningCertificateV2, 2); sc != nil || err != nil {
		return sc, err
	}
	return si.essAttribute(OIDSigningCertificate, 1)
}

func (si *SignerInfo) essAttribute(oid asn1.ObjectIdentifier, version int) (*SigningCertificate, error) {
	v, err := single(si.SignedAttrs, oid)
	if err != nil || v == nil {
		return nil, err
	}
	sc := &SigningCertificate{Version: version}
	var seq, certs cryptobyte.String
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() || !seq.ReadASN1(&certs, cbasn1.SEQUENCE) || certs.Empty() {
		return nil, malformedAttribute("signing-certificate")
	}
	for !certs.Empty() {
		id, ok := readESSCertID(&certs, version)
		if !ok {
			return nil, malformedAttribute("signing-certificate")
		}
		if sc.Certs = append(sc.Certs, id); len(sc.Certs) > maxAttributes {
			return nil, fmt.Errorf("%w: signing-certificate with over %d references", ErrAttributes, maxAttributes)
		}
	}
	if !seq.SkipOptionalASN1(cbasn1.SEQUENCE) || !seq.Empty() { // policies
		return nil, malformedAttribute("signing-certificate")
	}
	return sc, nil
}

func readESSCertID(in *cryptobyte.String, version int) (ESSCertID, bool) {
	id := ESSCertID{Hash: crypto.SHA1}
	var s cryptobyte.String
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) {
		return id, false
	}
	if version == 2 {
		id.Hash = crypto.SHA256 // the default, which DER omits
		if s.PeekASN1Tag(cbasn1.SEQUENCE) {
			a, ok := readAlgorithm(&s)
			if !ok {
				return id, false
			}
			id.Hash, id.HashOID = a.Hash(), a.OID
		}
	}
	if id.HashOID == nil {
		id.HashOID = OIDOfHash(id.Hash)
	}
	if !s.ReadASN1Bytes(&id.CertHash, cbasn1.OCTET_STRING) {
		return id, false
	}
	if s.Empty() {
		return id, true
	}
	var is, names, directory, name, serial cryptobyte.String
	if !s.ReadASN1(&is, cbasn1.SEQUENCE) || !s.Empty() || !is.ReadASN1(&names, cbasn1.SEQUENCE) ||
		!is.ReadASN1(&serial, cbasn1.INTEGER) || !is.Empty() || len(serial) == 0 {
		return id, false
	}
	id.serial, id.Serial = serial, signedInteger(serial)
	if names.ReadASN1(&directory, tagConstructed4) && directory.ReadASN1Element(&name, cbasn1.SEQUENCE) {
		id.Issuer = name
	}
	return id, true
}

// BindsCertificate is nil if every ESS attribute that is present names cert (DER) in its first reference, by hash and,
// where given, by issuer and serial number; and at least one is present. Else it wraps ErrAttributes or ErrAlgorithm.
func (si *SignerInfo) BindsCertificate(cert []byte) error {
	v1, err := si.essAttribute(OIDSigningCertificate, 1)
	if err != nil {
		return err
	}
	v2, err := si.essAttribute(OIDSigningCertificateV2, 2)
	if err != nil {
		return err
	}
	if v1 == nil && v2 == nil {
		return fmt.Errorf("%w: no signing-certificate", ErrAttributes)
	}
	for _, sc := range []*SigningCertificate{v1, v2} {
		if sc == nil {
			continue
		}
		if err := sc.Certs[0].matches(cert); err != nil {
			return err
		}
	}
	return nil
}

func (e ESSCertID) matches(cert []byte) error {
	if e.Hash == 0 {
		return fmt.Errorf("%w: hash %v in signing-certificate", ErrAlgorithm, e.HashOID)
	}
	h := e.Hash.New()
	h.Write(cert)
	if !bytes.Equal(h.Sum(nil), e.CertHash) {
		return fmt.Errorf("%w: signing-certificate names another certificate", ErrAttributes)
	}
	if e.Serial == nil {
		return nil
	}
	id, ok := readIdentity(cert)
	if !ok || !bytes.Equal(id.serial, e.serial) || e.Issuer != nil && !bytes.Equal(id.issuer, e.Issuer) {
		return fmt.Errorf("%w: signing-certificate's hash and issuerSerial name two certificates", ErrAttributes)
	}
	return nil
}

// signingCertificateV2 makes the attribute for one certificate. The hash algorithm is left out where it is the
// default SHA-256, as DER demands; issuerSerial is given.
func signingCertificateV2(cert *x509.Certificate, h crypto.Hash) (Attribute, error) {
	algorithm, err := DigestAlgorithm(h)
	if err != nil {
		return Attribute{}, fmt.Errorf("signing-certificate-v2: %w", err)
	}
	digest := h.New()
	digest.Write(cert.Raw)
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // SigningCertificateV2
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // certs
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // ESSCertIDv2
				if h != crypto.SHA256 {
					b.AddBytes(algorithm)
				}
				b.AddASN1OctetString(digest.Sum(nil))
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // IssuerSerial
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(tagConstructed4, func(b *cryptobyte.Builder) { b.AddBytes(cert.RawIssuer) })
					})
					b.AddASN1BigInt(cert.SerialNumber)
				})
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return Attribute{}, fmt.Errorf("signing-certificate-v2: %w", err)
	}
	return Attribute{Type: OIDSigningCertificateV2, Values: [][]byte{der}}, nil
}
