package ca

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/policies"
)

// The extensions that crypto/x509 does not build by itself, and those of CRLs.
var (
	oidPrivateKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 16}
	oidDeltaIndicator  = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingPoint    = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidPolicies        = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidExtKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidFreshestCRL     = asn1.ObjectIdentifier{2, 5, 29, 46}
	oidExpiredOnCRL    = asn1.ObjectIdentifier{2, 5, 29, 60}
	oidNoCheck         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}

	oidQualifierCPS    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 1}
	oidQualifierNotice = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 2, 2}
)

func implicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }
func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

func extension(oid asn1.ObjectIdentifier, critical bool, value func(*cryptobyte.Builder)) (pkix.Extension, error) {
	var b cryptobyte.Builder
	value(&b)
	der, err := b.Bytes()
	return pkix.Extension{Id: oid, Critical: critical, Value: der}, err
}

// policiesExtension encodes one PolicyInformation with its qualifiers (RFC
// 5280, 4.2.1.4). The notice is a UTF8String, as the RFC recommends.
func policiesExtension(p *policies.CertificatePolicy) (pkix.Extension, error) {
	return extension(oidPolicies, false, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(p.OID)
				if p.CPS == "" && p.Notice == "" {
					return
				}
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addQualifiers(b, p) })
			})
		})
	})
}

func addQualifiers(b *cryptobyte.Builder, p *policies.CertificatePolicy) {
	if p.CPS != "" {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidQualifierCPS)
			b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(p.CPS)) })
		})
	}
	if text := p.Text(); text != "" {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidQualifierNotice)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
			})
		})
	}
}

// privateKeyUsageExtension encodes PrivateKeyUsagePeriod (RFC 3280, 4.2.1.4).
func privateKeyUsageExtension(from, to time.Time) (pkix.Extension, error) {
	return extension(oidPrivateKeyUsage, false, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i, t := range []time.Time{from, to} {
				b.AddASN1(implicit(uint8(i)), func(b *cryptobyte.Builder) {
					b.AddBytes([]byte(t.UTC().Format("20060102150405Z")))
				})
			}
		})
	})
}

// noCheckExtension is id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1).
func noCheckExtension() (pkix.Extension, error) {
	return extension(oidNoCheck, false, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
}

// freshestExtension says where the delta CRL is (RFC 5280, 4.2.1.15 and 5.2.6).
func freshestExtension(url string) (pkix.Extension, error) {
	return extension(oidFreshestCRL, false, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addPoint(b, url) })
		})
	})
}

// issuingPointExtension states a CRL's scope (RFC 5280, 5.2.5): end entities
// only (field 1) or CAs only (field 2), and, when the list is one of several or
// has deltas, the point that the certificates name. That URL must be the one in
// the certificates, byte for byte: verifiers compare them. The root's list
// names no point, because the root itself has none and some verifiers look for
// the root on its own list.
func issuingPointExtension(url string, onlyField uint8) (pkix.Extension, error) {
	return extension(oidIssuingPoint, true, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if url != "" {
				addPoint(b, url)
			}
			b.AddASN1(implicit(onlyField), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		})
	})
}

const (
	onlyUserCerts uint8 = 1
	onlyCACerts   uint8 = 2
)

// addPoint adds distributionPoint [0] { fullName [0] { URI [6] } }. The outer
// tag is explicit because the inner type is a CHOICE.
func addPoint(b *cryptobyte.Builder, url string) {
	b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(implicit(6), func(b *cryptobyte.Builder) { b.AddBytes([]byte(url)) })
		})
	})
}

// deltaIndicatorExtension names the full CRL that a delta starts from (RFC 5280, 5.2.4).
func deltaIndicatorExtension(base int64) (pkix.Extension, error) {
	return extension(oidDeltaIndicator, true, func(b *cryptobyte.Builder) { b.AddASN1Int64(base) })
}

// expiredOnCRLExtension says since when revoked certificates stay listed after
// they expired (X.509, 9.5.2.8): here, always.
func expiredOnCRLExtension(since time.Time) (pkix.Extension, error) {
	return extension(oidExpiredOnCRL, false, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(since.UTC()) })
}

var purposeOIDs = map[string]asn1.ObjectIdentifier{
	"timeStamping": {1, 3, 6, 1, 5, 5, 7, 3, 8},
	"OCSPSigning":  {1, 3, 6, 1, 5, 5, 7, 3, 9},
}

// criticalExtKeyUsage is extendedKeyUsage marked critical, which RFC 3161, 2.3
// wants of a timestamping unit.
func criticalExtKeyUsage(purposes []string) (pkix.Extension, error) {
	return extension(oidExtKeyUsage, true, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, p := range purposes {
				b.AddASN1ObjectIdentifier(purposeOIDs[p])
			}
		})
	})
}
