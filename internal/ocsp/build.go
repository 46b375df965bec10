package ocsp

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Failure encodes a response that is no answer. It is not signed: RFC 6960
// gives no place for a signature.
func Failure(status ResponseStatus) []byte {
	return []byte{0x30, 0x03, 0x0a, 0x01, byte(status)}
}

// Template is what a responder states.
type Template struct {
	// Singles answer in the order of the request; each CertID needs its Raw.
	Singles []Single
	// ProducedAt is the moment of signing.
	ProducedAt time.Time
	// Nonce is echoed; nil for none.
	Nonce []byte
}

// Sign builds and signs a response. The responder is named by its key, its
// certificate is included, and the signature made is verified with that
// certificate before it is returned: a wrong answer is worse than none.
func Sign(t Template, responder *x509.Certificate, key crypto.Signer) ([]byte, error) {
	how, oid, err := signingScheme(responder.PublicKey)
	if err != nil {
		return nil, err
	}
	data, err := t.marshal(responder)
	if err != nil {
		return nil, fmt.Errorf("encode OCSP response: %w", err)
	}
	signature, err := key.Sign(rand.Reader, digest(how.hash, data), how.hash)
	if err != nil {
		return nil, fmt.Errorf("sign OCSP response: %w", err)
	}
	if err := how.verify(responder.PublicKey, data, signature); err != nil {
		return nil, fmt.Errorf("check OCSP response: %w", err)
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(data)+len(responder.Raw)+256))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(int64(Successful))
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidBasic)
				b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddBytes(data)
						addSignatureAlgorithm(b, oid, how)
						b.AddASN1BitString(signature)
						b.AddASN1(tag0, func(b *cryptobyte.Builder) {
							b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(responder.Raw) })
						})
					})
				})
			})
		})
	})
	return b.Bytes()
}

func addSignatureAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, how scheme) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		if how.kind == "pkcs1" { // RFC 4055, 5: NULL; RFC 5758, 3.2: absent for ECDSA
			b.AddASN1NULL()
		}
	})
}

func (t *Template) marshal(responder *x509.Certificate) ([]byte, error) {
	key, err := subjectPublicKey(responder.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tag2, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest(crypto.SHA1, key)) })
		b.AddASN1GeneralizedTime(t.ProducedAt.UTC())
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i := range t.Singles {
				t.Singles[i].add(b)
			}
		})
		if t.Nonce != nil {
			b.AddASN1(tag1, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addNonce(b, t.Nonce) })
			})
		}
	})
	return b.Bytes()
}

func (one *Single) add(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(one.CertID.Raw)
		switch one.Status {
		case Good:
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {})
		case Revoked:
			b.AddASN1(tag1, func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(one.RevokedAt.UTC())
				if one.Reason != ReasonAbsent {
					b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(one.Reason)) })
				}
			})
		default:
			b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {})
		}
		b.AddASN1GeneralizedTime(one.ThisUpdate.UTC())
		if !one.NextUpdate.IsZero() {
			b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(one.NextUpdate.UTC()) })
		}
		if !one.ArchiveCutoff.IsZero() {
			b.AddASN1(tag1, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					addExtension(b, oidArchiveCutoff, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(one.ArchiveCutoff.UTC()) })
				})
			})
		}
	})
}

// Wrap encodes a BasicOCSPResponse as a successful OCSPResponse, the form that
// a PDF's DSS holds.
func Wrap(basic []byte) ([]byte, error) {
	if !bytes.HasPrefix(basic, []byte{0x30}) {
		return nil, fmt.Errorf("%w: BasicOCSPResponse", ErrMalformed)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(int64(Successful))
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidBasic)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.Bytes()
}
