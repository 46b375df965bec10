package ca_test

import (
	"bytes"
	"crypto"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/ocsp"
)

// BenchmarkIssue is one certificate, its key made and its request signed
// included: prepare, lint, record, sign, compare, store, audit. Callers work
// in parallel, as a registration authority's do.
func BenchmarkIssue(b *testing.B) {
	c := catest.New(b, catest.Options{})
	var n atomic.Int64
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key, err := catest.NewKey("p256")
			if err != nil {
				b.Fatal(err)
			}
			n.Add(1)
			c.Resident(b, key)
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "certificates/s")
}

// BenchmarkOCSP is an answer over HTTP: the same certificate again and again,
// from the cache; with a nonce, signed for each; and another certificate each
// time.
func BenchmarkOCSP(b *testing.B) {
	c := catest.New(b, catest.Options{})
	r := chi.NewRouter()
	c.Routes(r)
	server := httptest.NewServer(r)
	defer server.Close()
	key, err := catest.NewKey("p256")
	if err != nil {
		b.Fatal(err)
	}
	id, err := ocsp.NewCertID(crypto.SHA1, c.Issuing(), c.Seal(b, key, "Post").SerialNumber)
	if err != nil {
		b.Fatal(err)
	}
	for _, one := range []struct {
		name    string
		request ocsp.Request
	}{
		{"cached", ocsp.Request{CertIDs: []ocsp.CertID{id}}},
		{"nonce", ocsp.Request{CertIDs: []ocsp.CertID{id}, Nonce: bytes.Repeat([]byte{7}, 32)}},
	} {
		der, err := one.request.Marshal()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(one.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					resp, err := client.Post(server.URL+"/ocsp", "application/ocsp-request", bytes.NewReader(der))
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
					resp.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}

// BenchmarkCRL builds, signs and stores a full list of 10,000 entries.
func BenchmarkCRL(b *testing.B) {
	c := catest.New(b, catest.Options{})
	for range 100 {
		key, err := catest.NewKey("p256")
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Revoke(b.Context(), "test", c.Resident(b, key).SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for range b.N {
		if err := c.PublishCRL(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
