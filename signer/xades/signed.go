package xades

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/internal/xmldsig"
)

// signedProperties returns the SignedProperties element, EN 319 132-1, 5.2 and 6.3.
func signedProperties(r *Request, id string, data []reference) (string, error) {
	cert := r.Identity.Certificate()
	serial, err := issuerSerial(cert)
	if err != nil {
		return "", err
	}
	h := r.Identity.Hash()
	var b strings.Builder
	b.WriteString(`<xades:SignedProperties Id="p-` + id + `"><xades:SignedSignatureProperties>` +
		element("SigningTime", r.Time.UTC().Format(time.RFC3339)) +
		"<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>" + digest(xmldsig.DigestURI(h), sum(h, cert.Raw)) +
		"</xades:CertDigest>" + element("IssuerSerialV2", base64.StdEncoding.EncodeToString(serial)) +
		"</xades:Cert></xades:SigningCertificateV2>")
	b.WriteString(r.Policy.element() + r.Place.element())
	if len(r.Roles) > 0 {
		b.WriteString("<xades:SignerRoleV2><xades:ClaimedRoles>")
		for _, role := range r.Roles {
			b.WriteString(element("ClaimedRole", role))
		}
		b.WriteString("</xades:ClaimedRoles></xades:SignerRoleV2>")
	}
	b.WriteString("</xades:SignedSignatureProperties>" + dataObjectProperties(r, data) + "</xades:SignedProperties>")
	return b.String(), nil
}

// dataObjectProperties say what is signed, but for the value of a signature, which is no data
// (EN 319 132-1, 6.3).
func dataObjectProperties(r *Request, data []reference) string {
	var b strings.Builder
	for _, d := range data {
		if d.kind == xmldsig.TypeCountersigned {
			continue
		}
		b.WriteString(`<xades:DataObjectFormat ObjectReference="#` + d.id + `">` + element("MimeType", d.mimeType) + "</xades:DataObjectFormat>")
	}
	if r.Commitment != "" {
		b.WriteString("<xades:CommitmentTypeIndication><xades:CommitmentTypeId>" + element("Identifier", string(r.Commitment)) +
			"</xades:CommitmentTypeId><xades:AllSignedDataObjects/></xades:CommitmentTypeIndication>")
	}
	if b.Len() == 0 {
		return ""
	}
	return "<xades:SignedDataObjectProperties>" + b.String() + "</xades:SignedDataObjectProperties>"
}

func element(name, content string) string {
	return "<xades:" + name + ">" + escape(content) + "</xades:" + name + ">"
}

func (p *Policy) element() string {
	if p == nil {
		return ""
	}
	s := `<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier Qualifier="OIDAsURN">urn:oid:` +
		p.OID.String() + "</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash>" + digest(xmldsig.DigestURI(p.Hash), p.Digest) + "</xades:SigPolicyHash>"
	if p.URL != "" {
		s += "<xades:SigPolicyQualifiers><xades:SigPolicyQualifier>" + element("SPURI", p.URL) + "</xades:SigPolicyQualifier></xades:SigPolicyQualifiers>"
	}
	return s + "</xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>"
}

func (p Place) element() string {
	if p == (Place{}) {
		return ""
	}
	s := "<xades:SignatureProductionPlaceV2>"
	for _, part := range [][2]string{{"City", p.City}, {"StreetAddress", p.Street}, {"StateOrProvince", p.State},
		{"PostalCode", p.PostalCode}, {"CountryName", p.Country}} {
		if part[1] != "" {
			s += element(part[0], part[1])
		}
	}
	return s + "</xades:SignatureProductionPlaceV2>"
}

// issuerSerial is IssuerSerial of RFC 5035, 3, as IssuerSerialV2 holds it.
func issuerSerial(cert *x509.Certificate) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(4).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(cert.RawIssuer) })
		})
		b.AddASN1BigInt(cert.SerialNumber)
	})
	return b.Bytes()
}
