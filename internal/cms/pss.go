package cms

import (
	"crypto"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// pssAlgorithm reads RSASSA-PSS-params, RFC 4055, 3.1. All fields have defaults, of SHA-1.
func pssAlgorithm(a AlgorithmIdentifier) SignatureAlgorithm {
	s := SignatureAlgorithm{AlgorithmIdentifier: a, Hash: crypto.SHA1, MGFHash: crypto.SHA1, SaltLength: 20}
	params, seq := cryptobyte.String(a.Parameters), cryptobyte.String(nil)
	if !params.ReadASN1(&seq, cbasn1.SEQUENCE) || !params.Empty() {
		return s
	}
	var field cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&field, &present, tagConstructed0) {
		return s
	}
	if present {
		h, ok := readAlgorithm(&field)
		if !ok || !field.Empty() {
			return s
		}
		s.Hash = h.Hash()
	}
	if !seq.ReadOptionalASN1(&field, &present, tagConstructed1) {
		return s
	}
	if present {
		mgf, ok := readAlgorithm(&field)
		if !ok || !field.Empty() || !mgf.OID.Equal(oidMGF1) {
			return s
		}
		inner := cryptobyte.String(mgf.Parameters)
		h, ok := readAlgorithm(&inner)
		if !ok || !inner.Empty() {
			return s
		}
		s.MGFHash = h.Hash()
	}
	trailer := 1
	if !readOptionalInt(&seq, &s.SaltLength, tagConstructed2) || !readOptionalInt(&seq, &trailer, tagConstructed3) {
		return s
	}
	if !seq.Empty() || trailer != 1 || s.SaltLength < 0 || s.SaltLength > 512 || s.Hash == 0 || s.MGFHash == 0 {
		return s
	}
	s.Scheme = PSS
	return s
}

func readOptionalInt(s *cryptobyte.String, out *int, tag cbasn1.Tag) bool {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tag) {
		return false
	}
	return !present || field.ReadASN1Integer(out) && field.Empty()
}

// addPSS encodes RSASSA-PSS with all parameters, RFC 4055, 3.1, and a salt as long as the digest.
func addPSS(b *cryptobyte.Builder, h crypto.Hash) {
	hash := func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(OIDOfHash(h))
			b.AddASN1NULL()
		})
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidPSS)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tagConstructed0, hash)
			b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidMGF1)
					hash(b)
				})
			})
			b.AddASN1(tagConstructed2, func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(h.Size())) })
		})
	})
}
