package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// identity is the little that a signer identifier and a verification need of a certificate. It is read without
// crypto/x509, which refuses whole certificates for an odd name or extension.
type identity struct {
	issuer, serial, ski, spki []byte // RDNSequence, content octets, content octets, element
}

func readIdentity(cert []byte) (identity, bool) {
	var id identity
	in := cryptobyte.String(cert)
	var whole, tbs, issuer, serial, spki cryptobyte.String
	if !in.ReadASN1(&whole, cbasn1.SEQUENCE) || !in.Empty() || !whole.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(tagConstructed0) || // version
		!tbs.ReadASN1(&serial, cbasn1.INTEGER) ||
		!tbs.SkipASN1(cbasn1.SEQUENCE) || // signature algorithm
		!tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!tbs.SkipASN1(cbasn1.SEQUENCE) || // validity
		!tbs.SkipASN1(cbasn1.SEQUENCE) || // subject
		!tbs.ReadASN1Element(&spki, cbasn1.SEQUENCE) {
		return id, false
	}
	id.issuer, id.serial, id.spki = issuer, serial, spki
	var explicit, extensions cryptobyte.String
	var present bool
	if !tbs.SkipOptionalASN1(tagContext1) || !tbs.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific()) || // unique ids
		!tbs.ReadOptionalASN1(&explicit, &present, tagConstructed3) || !present ||
		!explicit.ReadASN1(&extensions, cbasn1.SEQUENCE) {
		return id, true
	}
	for !extensions.Empty() {
		var ext, value cryptobyte.String
		if !extensions.ReadASN1(&ext, cbasn1.SEQUENCE) {
			break
		}
		oid, _, ok := readOID(&ext)
		if ok && oid.Equal(oidSubjectKeyIdentifier) && ext.SkipOptionalASN1(cbasn1.BOOLEAN) &&
			ext.ReadASN1(&value, cbasn1.OCTET_STRING) {
			value.ReadASN1Bytes(&id.ski, cbasn1.OCTET_STRING)
		}
	}
	return id, true
}

// isNamedBy: the signer identifier of si names the certificate.
func (id identity) isNamedBy(si *SignerInfo) bool {
	if si.SKI != nil {
		return bytes.Equal(id.ski, si.SKI)
	}
	return bytes.Equal(id.issuer, si.Issuer) && bytes.Equal(id.serial, si.serial)
}

// FindCertificate gives that one of certs (DER) which the signer identifier names, nil if there is none. Issuer and
// serial number can be forged into a second certificate that is placed first: of several, the one that the ESS
// attributes bind is taken.
func (si *SignerInfo) FindCertificate(certs [][]byte) []byte {
	var first []byte
	for _, cert := range certs {
		id, ok := readIdentity(cert)
		if !ok || !id.isNamedBy(si) {
			continue
		}
		if si.BindsCertificate(cert) == nil {
			return cert
		}
		if first == nil {
			first = cert
		}
	}
	return first
}

// PublicKey gives the key of a certificate (DER), also where crypto/x509 refuses the rest of it, and also an RSA key
// that is restricted to PSS (RFC 4055, 1.2), which crypto/x509 does not read.
func PublicKey(cert []byte) (crypto.PublicKey, error) {
	id, ok := readIdentity(cert)
	if !ok {
		return nil, fmt.Errorf("public key of certificate: %w", ErrMalformed)
	}
	s := cryptobyte.String(id.spki)
	var spki cryptobyte.String
	var key asn1.BitString
	if !s.ReadASN1(&spki, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("public key of certificate: %w", ErrMalformed)
	}
	algorithm, ok := readAlgorithm(&spki)
	if ok && algorithm.OID.Equal(oidPSS) && spki.ReadASN1BitString(&key) {
		pub, err := x509.ParsePKCS1PublicKey(key.RightAlign())
		if err != nil {
			return nil, fmt.Errorf("public key of certificate: %w", err)
		}
		return pub, nil
	}
	pub, err := x509.ParsePKIXPublicKey(id.spki)
	if err != nil {
		return nil, fmt.Errorf("public key of certificate: %w", err)
	}
	return pub, nil
}
