// Package catest makes a certification authority for tests: the built-in
// ceremony over software keys and a real database. It refuses to be of use
// anywhere else: its keys live in memory and end with the test.
package catest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"chop/ca"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/policies"
)

// Keys are software keys by role and label; they implement ca.Keys.
type Keys struct {
	mu   sync.Mutex
	keys map[string]crypto.Signer
}

// GenerateKey makes a key and keeps it.
func (k *Keys) GenerateKey(_ context.Context, role, label, spec string) (crypto.Signer, error) {
	key, err := NewKey(spec)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	name := role + "/" + label
	if k.keys[name] != nil {
		return nil, errors.New("key exists")
	}
	if k.keys == nil {
		k.keys = make(map[string]crypto.Signer)
	}
	k.keys[name] = key
	return key, nil
}

// Key returns a key made before, or ca.ErrKeyNotFound.
func (k *Keys) Key(_ context.Context, role, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[role+"/"+label]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %s in %s", ca.ErrKeyNotFound, label, role)
}

// NewKey makes a key in memory: p256, p384, rsa2048, rsa3072 or rsa4096.
func NewKey(spec string) (crypto.Signer, error) {
	switch spec {
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa2048":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "rsa3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "rsa4096":
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("key spec %q", spec)
}

// CA is an authority with what it was made of.
type CA struct {
	*ca.Authority
	DB       *postgres.DB
	Policies *policies.Set
	Keys     *Keys
	URLs     ca.URLs
	// Config is what New was called with, to make another Authority on the same database.
	Config ca.Config

	*Statements
}

// Issue issues a certificate. Where the profile needs an enrolment statement and the
// request has none, it makes one that says what the request asks for.
func (c *CA) Issue(ctx context.Context, r ca.Request) (*x509.Certificate, error) {
	return c.Authority.Issue(ctx, c.Stated(r))
}

// Options change what New makes; the zero value is a CA at localhost:8080.
type Options struct {
	DB        *postgres.DB // nil: a new database
	PublicURL string
	Now       func() time.Time
}

// New runs the built-in ceremony and opens the authority.
func New(t testing.TB, o Options) *CA {
	t.Helper()
	if o.DB == nil {
		o.DB = postgrestest.New(t)
	}
	if o.PublicURL == "" {
		o.PublicURL = "http://localhost:8080"
	}
	set, err := policies.Load(policies.Options{CPSURL: o.PublicURL + "/cps"})
	if err != nil {
		t.Fatal(err)
	}
	urls, err := ca.URLsUnder(o.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	c := &CA{DB: o.DB, Policies: set, Keys: new(Keys), URLs: urls, Statements: new(Statements)}
	r, err := ca.RunCeremony(t.Context(), ca.CeremonyConfig{
		DB: o.DB, Policies: set, Plan: ca.DefaultPlan(), Keys: c.Keys, URLs: urls, Now: o.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.Keys.Key(t.Context(), "ca", "issuing-ca")
	if err != nil {
		t.Fatal(err)
	}
	responder, err := NewKey("p256")
	if err != nil {
		t.Fatal(err)
	}
	c.Config = ca.Config{
		DB: o.DB, Policies: set, Root: r.Root, Certificate: r.Issuing, Key: key, Responder: responder, URLs: urls, Now: o.Now,
		Statements: c.Statements,
	}
	if c.Authority, err = ca.New(c.Config); err != nil {
		t.Fatal(err)
	}
	return c
}

// Seal issues a department-seal certificate for the key.
func (c *CA) Seal(t testing.TB, key crypto.Signer, name string) *x509.Certificate {
	t.Helper()
	return c.issue(t, key, ca.Request{Profile: "department-seal", Subject: ca.Subject{Organization: name, CommonName: name}})
}

// Resident issues a resident certificate for the key to a made-up person.
func (c *CA) Resident(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	return c.issue(t, key, ca.Request{Profile: "resident", Subject: ca.Subject{
		CommonName: "CHAN, Siu Ming", Surname: "CHAN", GivenName: "Siu Ming", SerialNumber: "SRN0000000042",
	}})
}

// TSAUnit issues a timestamping unit's certificate for the key.
func (c *CA) TSAUnit(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	return c.issue(t, key, ca.Request{Profile: "tsa-unit", Subject: ca.Subject{Organization: "Chop Demonstration", CommonName: "Timestamp Unit 1"}})
}

func (c *CA) issue(t testing.TB, key crypto.Signer, r ca.Request) *x509.Certificate {
	t.Helper()
	var err error
	if r.CSR, err = ca.NewCSR(key, r.Subject); err != nil {
		t.Fatal(err)
	}
	r.Actor = "test:" + t.Name()
	cert, err := c.Issue(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
