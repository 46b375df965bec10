package certpath

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// A DistributionPoint is one of a certificate's (4.2.1.13): where its CRL is, for which
// reasons, and who issues it.
type DistributionPoint struct {
	// Names are the names in full; Relative is one relative to the issuer's, DER.
	Names    []GeneralName
	Relative []byte
	// Reasons is nil for all.
	Reasons *asn1.BitString
	// CRLIssuer is empty for the certificate's own.
	CRLIssuer []GeneralName
}

// DistributionPoints reads those of a certificate.
func DistributionPoints(cert *x509.Certificate) ([]DistributionPoint, error) {
	der, ok := extension(cert, oidCRLDistributionPoints)
	if !ok {
		return nil, nil
	}
	bad := fmt.Errorf("%w: CRL distribution points of %v", ErrMalformed, cert.Subject)
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return nil, bad
	}
	var out []DistributionPoint
	for !seq.Empty() {
		var one, name, reasons, issuer cryptobyte.String
		var named, some, indirect bool
		if !seq.ReadASN1(&one, cbasn1.SEQUENCE) ||
			!one.ReadOptionalASN1(&name, &named, cbasn1.Tag(0).Constructed().ContextSpecific()) ||
			!one.ReadOptionalASN1(&reasons, &some, cbasn1.Tag(1).ContextSpecific()) ||
			!one.ReadOptionalASN1(&issuer, &indirect, cbasn1.Tag(2).Constructed().ContextSpecific()) || !one.Empty() {
			return nil, bad
		}
		var dp DistributionPoint
		if named {
			if dp.Names, dp.Relative, ok = ReadDistributionPointName(name); !ok {
				return nil, bad
			}
		}
		if some {
			if dp.Reasons, ok = ReadReasons(reasons); !ok {
				return nil, bad
			}
		}
		if indirect {
			if dp.CRLIssuer, ok = ReadGeneralNames(issuer); !ok {
				return nil, bad
			}
		}
		out = append(out, dp)
	}
	return out, nil
}

// ReadDistributionPointName reads a name in full, or the relative one as its octets.
func ReadDistributionPointName(in cryptobyte.String) (full []GeneralName, relative []byte, ok bool) {
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadAnyASN1(&value, &tag) || !in.Empty() {
		return nil, nil, false
	}
	switch tag {
	case cbasn1.Tag(0).Constructed().ContextSpecific():
		full, ok = ReadGeneralNames(value)
		return full, nil, ok
	case cbasn1.Tag(1).Constructed().ContextSpecific():
		return nil, value, true
	}
	return nil, nil, false
}

// ReadReasons reads the content of an IMPLICIT ReasonFlags.
func ReadReasons(content cryptobyte.String) (*asn1.BitString, bool) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	der, err := b.Bytes()
	if err != nil {
		return nil, false
	}
	in := cryptobyte.String(der)
	out := new(asn1.BitString)
	return out, in.ReadASN1BitString(out) && in.Empty()
}
