package cms

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// RevocationInfo is revocation evidence: CertificateList and OCSPResponse, DER.
type RevocationInfo struct {
	CRLs  [][]byte
	OCSPs [][]byte
}

// parseRevocation reads RevocationInfoChoices, RFC 5652, 10.2.1: CRLs, and OCSP responses by RFC 5940 or as the bare
// BasicOCSPResponse that CAdES signers write. Other kinds are passed over.
func (sd *SignedData) parseRevocation(s cryptobyte.String) error {
	for n := 0; !s.Empty(); n++ {
		var element cryptobyte.String
		var tag cbasn1.Tag
		if !s.ReadAnyASN1Element(&element, &tag) {
			return fmt.Errorf("%w: crls", ErrMalformed)
		}
		if n == maxCerts {
			return fmt.Errorf("%w: more than %d CRLs and OCSP responses", ErrLimit, maxCerts)
		}
		sd.otherElements = append(sd.otherElements, element)
		if tag == cbasn1.SEQUENCE {
			sd.CRLs = append(sd.CRLs, element)
		} else if ocsp := otherRevocation(element); ocsp != nil {
			sd.OCSPs = append(sd.OCSPs, ocsp)
		}
	}
	return nil
}

// otherRevocation gives the OCSPResponse in an OtherRevocationInfoFormat, nil if it holds something else.
func otherRevocation(s cryptobyte.String) []byte {
	var other, value cryptobyte.String
	if !s.ReadASN1(&other, tagConstructed1) {
		return nil
	}
	oid, _, ok := readOID(&other)
	if !ok || !other.ReadASN1Element(&value, cbasn1.SEQUENCE) {
		return nil
	}
	switch {
	case oid.Equal(oidRevInfoOCSP):
		return value
	case oid.Equal(oidOCSPBasic):
		return wrapBasicOCSP(value)
	}
	return nil
}

// wrapBasicOCSP makes a successful OCSPResponse around a BasicOCSPResponse, RFC 6960, 4.2.1. Only the inner part is
// signed, so nothing is pretended by that.
func wrapBasicOCSP(basic []byte) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidOCSPBasic)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.BytesOrPanic()
}

// encodeRevocation gives the elements of RevocationInfoChoices for Build.
func encodeRevocation(crls, ocsps [][]byte) ([][]byte, error) {
	elements := append([][]byte(nil), crls...)
	for _, ocsp := range ocsps {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidRevInfoOCSP)
			b.AddBytes(ocsp)
		})
		der, err := b.Bytes()
		if err != nil {
			return nil, fmt.Errorf("encode OCSP response: %w", err)
		}
		elements = append(elements, der)
	}
	return elements, nil
}

// AdobeRevocation gives the evidence in Adobe's signed attribute RevocationInfoArchival; nil if absent.
func (si *SignerInfo) AdobeRevocation() (*RevocationInfo, error) {
	v, err := single(si.SignedAttrs, OIDAdobeRevocation)
	if err != nil || v == nil {
		return nil, err
	}
	var seq cryptobyte.String
	info := new(RevocationInfo)
	if !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !v.Empty() || !readArchive(&seq, tagConstructed0, &info.CRLs) ||
		!readArchive(&seq, tagConstructed1, &info.OCSPs) || !seq.SkipOptionalASN1(tagConstructed2) || !seq.Empty() {
		return nil, malformedAttribute("revocation archive")
	}
	return info, nil
}

func readArchive(s *cryptobyte.String, tag cbasn1.Tag, out *[][]byte) bool {
	var explicit, list cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&explicit, &present, tag) {
		return false
	}
	if !present {
		return true
	}
	if !explicit.ReadASN1(&list, cbasn1.SEQUENCE) || !explicit.Empty() {
		return false
	}
	for !list.Empty() {
		var element cryptobyte.String
		if !list.ReadASN1Element(&element, cbasn1.SEQUENCE) || len(*out) == maxCerts {
			return false
		}
		*out = append(*out, element)
	}
	return true
}

// AdobeRevocationAttribute makes Adobe's signed attribute for the adbe.pkcs7.detached profile.
func AdobeRevocationAttribute(info RevocationInfo) (Attribute, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addArchive(b, tagConstructed0, info.CRLs)
		addArchive(b, tagConstructed1, info.OCSPs)
	})
	der, err := b.Bytes()
	if err != nil {
		return Attribute{}, fmt.Errorf("revocation archive: %w", err)
	}
	return Attribute{Type: OIDAdobeRevocation, Values: [][]byte{der}}, nil
}

func addArchive(b *cryptobyte.Builder, tag cbasn1.Tag, list [][]byte) {
	if len(list) == 0 {
		return
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, der := range list {
				b.AddBytes(der)
			}
		})
	})
}
