package cms

import (
	"crypto"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// DigestAlgorithm encodes the AlgorithmIdentifier of a hash that signatures are made with. Parameters are absent,
// RFC 5754, 2.
func DigestAlgorithm(h crypto.Hash) ([]byte, error) {
	switch h {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, fmt.Errorf("%w: no signatures are made with %v", ErrAlgorithm, h)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(OIDOfHash(h)) })
	return b.Bytes()
}

// SignatureAlgorithmFor encodes the AlgorithmIdentifier of a signature that is being made: for RSA PKCS#1 v1.5 the
// identifier that names the hash too, for PSS all parameters, RFC 4055, 3.1, with a salt as long as the digest.
func SignatureAlgorithmFor(s Scheme, h crypto.Hash) ([]byte, error) {
	if _, err := DigestAlgorithm(h); err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(nil)
	switch s {
	case PSS:
		addPSS(b, h)
		return b.Bytes()
	case ECDSA, PKCS1:
		for _, c := range signatures {
			if c.scheme == s && c.hash == h {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(c.oid)
					if s == PKCS1 {
						b.AddASN1NULL() // RFC 4055, 5: shall be NULL
					}
				})
				return b.Bytes()
			}
		}
	}
	return nil, fmt.Errorf("%w: no signatures are made with %q", ErrAlgorithm, s)
}

// digestInfo is what RSASSA-PKCS1-v1_5 pads, RFC 8017, 9.2: parameters are NULL.
func digestInfo(h crypto.Hash, digest []byte) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(OIDOfHash(h))
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(digest)
	})
	return b.BytesOrPanic()
}
