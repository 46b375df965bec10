package timestamping

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"testing"

	"chop/internal/cms"
)

// noKey costs nothing: what remains is the authority's own work.
type noKey struct {
	crypto.Signer
	signature []byte
}

func (k noKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return k.signature, nil }

func BenchmarkSignatureAlone(b *testing.B) {
	key := ecKey(b, elliptic.P256())
	digest := sha256.Sum256([]byte("x"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTimestamp(b *testing.B) {
	u := newUnit(b, ecKey(b, elliptic.P256()), nil)
	benchmarkTimestamp(b, u)
}

// BenchmarkTimestampWithoutSignature is the work beyond the signature.
func BenchmarkTimestampWithoutSignature(b *testing.B) {
	u := newUnit(b, ecKey(b, elliptic.P256()), nil)
	u.key = noKey{u.key, make([]byte, 71)}
	benchmarkTimestamp(b, u)
}

func benchmarkTimestamp(b *testing.B, u unit) {
	a := newAuthority(b, u.config())
	imprint := sha256.Sum256([]byte("x"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Timestamp(context.Background(), crypto.SHA256, imprint[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRespond(b *testing.B) {
	a := newAuthority(b, newUnit(b, ecKey(b, elliptic.P256()), nil).config())
	imprint := sha256.Sum256([]byte("x"))
	request := cms.TimestampRequest{HashAlgorithm: crypto.SHA256, Imprint: imprint[:], CertReq: true}
	der, err := request.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Respond(context.Background(), der); err != nil {
			b.Fatal(err)
		}
	}
}
