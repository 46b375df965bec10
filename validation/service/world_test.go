package service

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/policies"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/signer/signertest"
	"chop/validation"
)

const note = "A letter that somebody signed."

// signed is a detached CMS signature over note, and a service that trusts its root.
func signed(t testing.TB, limits Limits, fetcher validation.Fetcher) (*Service, []byte) {
	t.Helper()
	w := signertest.New(t)
	key := signertest.ECKey(t, elliptic.P256())
	identity, err := pades.NewIdentity(w.Signer("Chan Tai Man", key.Public()), []*x509.Certificate{w.Issuer, w.Root}, cms.ECDSA, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cades.Prepare(cades.Request{
		In: []byte(note), Detached: true, Level: pades.LevelLT, Timestamper: w, Evidence: w, Time: time.Now(), Identity: identity,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := key.Sign(rand.Reader, dtbsr, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(context.Background(), value); err != nil {
		t.Fatal(err)
	}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	suite, err := set.Suite("default")
	if err != nil {
		t.Fatal(err)
	}
	v, err := validation.New(validation.Config{Suite: suite, Trust: []*x509.Certificate{w.Root}, Fetcher: fetcher})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Validator: v, Policies: set, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return s, d.Bytes()
}
