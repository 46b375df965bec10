package cms

import (
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignerAttributesAttribute makes the signed signer-attributes-v2 with roles that the signer claims (EN 319 122-1,
// 5.2.6): each a title of X.520.
func SignerAttributesAttribute(roles []string) (Attribute, error) {
	return makeAttribute(OIDSignerAttributesV2, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { // claimedAttributes, explicit
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, role := range roles {
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(oidTitle)
							b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { addUTF8(b, role) })
						})
					}
				})
			})
		})
	})
}

// ClaimedRoles gives the texts in the claimed attributes of signer-attributes-v2; nil if there are none.
func (si *SignerInfo) ClaimedRoles() ([]string, error) {
	v, err := single(si.SignedAttrs, OIDSignerAttributesV2)
	if err != nil || v == nil {
		return nil, err
	}
	var seq, explicit, list cryptobyte.String
	var present bool
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() || !seq.ReadOptionalASN1(&explicit, &present, tagConstructed0) ||
		present && (!explicit.ReadASN1(&list, cbasn1.SEQUENCE) || !explicit.Empty()) {
		return nil, malformedAttribute("signer-attributes-v2")
	}
	claimed, err := readAttributes(list)
	if err != nil {
		return nil, malformedAttribute("signer-attributes-v2")
	}
	var roles []string
	for _, a := range claimed {
		for _, value := range a.Values {
			var role string
			if s := cryptobyte.String(value); readText(&s, &role) && s.Empty() {
				roles = append(roles, role)
			}
		}
	}
	return roles, nil
}

// MIMETypeAttribute makes the signed mime-type of the content (EN 319 122-1, 5.2.4.2).
func MIMETypeAttribute(mimeType string) (Attribute, error) {
	return makeAttribute(OIDMIMEType, func(b *cryptobyte.Builder) { addUTF8(b, mimeType) })
}

func addUTF8(b *cryptobyte.Builder, s string) {
	b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
}

// EvidenceValues gives what the unsigned attributes certificate-values and revocation-values of older signatures hold
// (EN 319 122-1, A.1.1.2 and A.1.2.2). Values that do not parse hold nothing.
func EvidenceValues(attribute Attribute) (certs [][]byte, info RevocationInfo) {
	for _, value := range attribute.Values {
		in := cryptobyte.String(value)
		var s cryptobyte.String
		if !in.ReadASN1(&s, cbasn1.SEQUENCE) || !in.Empty() {
			continue
		}
		switch {
		case attribute.Type.Equal(OIDCertificateValues):
			for !s.Empty() {
				var cert cryptobyte.String
				if !s.ReadASN1Element(&cert, cbasn1.SEQUENCE) || len(certs) == maxCerts {
					break
				}
				certs = append(certs, cert)
			}
		case attribute.Type.Equal(OIDRevocationValues):
			var basics [][]byte
			if readArchive(&s, tagConstructed0, &info.CRLs) && readArchive(&s, tagConstructed1, &basics) {
				for _, basic := range basics {
					info.OCSPs = append(info.OCSPs, wrapBasicOCSP(basic))
				}
			}
		}
	}
	return certs, info
}
