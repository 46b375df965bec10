package kiosk_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/ca/infra"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/policies"
	"chop/registration"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk"
	"chop/registration/kiosk/agent"
	"chop/registration/kiosk/page"
	"chop/registration/personal"
)

const place = "Tung Chung Man Tung Road Sports Centre"

var here = kiosk.Kiosk{ID: "tung-chung-1", Place: place}

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// memorySealer stands in for the token, which is not what is tried here.
type memorySealer struct{ aead cipher.AEAD }

func (m memorySealer) Seal(_ context.Context, plain, aad []byte) ([]byte, error) {
	return m.aead.Seal(nil, nil, plain, aad), nil
}

func (m memorySealer) Open(_ context.Context, sealed, aad []byte) ([]byte, error) {
	return m.aead.Open(nil, nil, sealed, aad)
}

func newSealer(t *testing.T) personal.Sealer {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return memorySealer{aead}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rig is the book of kiosks with a real registry, and its listener with real mutual TLS.
type rig struct {
	t        *testing.T
	db       *postgres.DB
	clock    *clock
	issuer   *issuer.Issuer
	registry *registration.Registry
	book     *kiosk.Book
	infra    *infra.Authority
	url      string
	// failing: the registry behind the page answers with errors; stranger: the department knows no face.
	failing, stranger *atomic.Bool
}

// troubled is a registry that fails when it is told to.
type troubled struct {
	*registration.Registry
	g *rig
}

func (r troubled) Case(ctx context.Context, c registration.Caller, id string) (*registration.Case, error) {
	if r.g.failing.Load() {
		return nil, errors.New("failing, as told")
	}
	return r.Registry.Case(ctx, c, id)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	// TLS looks at the real time, so the clock begins there.
	g := &rig{t: t, db: postgrestest.New(t), clock: &clock{at: time.Now().UTC().Truncate(time.Second)}, failing: new(atomic.Bool), stranger: new(atomic.Bool)}
	var err error
	if g.issuer, err = issuer.New(g.clock.now()); err != nil {
		t.Fatal(err)
	}
	g.register()
	if g.infra, err = infra.New(t.Context(), infra.Config{DB: g.db, Key: newKey(t)}); err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	identify := func(r *http.Request) (kiosk.Kiosk, error) {
		holder, err := g.infra.Known(r.Context(), r.TLS.PeerCertificates[0])
		if err != nil || holder.Kind != infra.Kiosk {
			return kiosk.Kiosk{}, fmt.Errorf("%w: %w", kiosk.ErrStranger, err)
		}
		return kiosk.Kiosk{ID: holder.ID, Place: place, Key: r.TLS.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)}, nil
	}
	g.book.Routes(router, identify)
	site, err := page.New(page.Config{Book: g.book, Registry: troubled{g.registry, g}, Identify: identify, Now: g.clock.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	site.Routes(router)
	server := httptest.NewUnstartedServer(router)
	server.TLS = g.infra.ServerConfig(g.certificate(infra.Server, "kiosks", "127.0.0.1"))
	server.StartTLS()
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// register makes the registry and the book on it. The activation process and the CA are never asked here.
func (g *rig) register() {
	t := g.t
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	immdKey := newKey(t)
	reference, err := immd.NewReference(immd.ReferenceConfig{Key: immdKey, KeyID: "immd-1", Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	department := httptest.NewServer(reference.Handler())
	t.Cleanup(department.Close)
	client, err := immd.New(immd.Config{URL: department.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &immdKey.PublicKey}, Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	sealer := newSealer(t)
	g.registry, err = registration.New(registration.Config{
		DB: g.db, Policies: set, Sealer: sealer, Immigration: client, Activation: struct{ registration.Activation }{}, Certificates: struct{ registration.Certificates }{},
		RPID: "approve.localhost", OfficerRPID: "localhost", OfficerOrigin: "https://localhost:8443", PortalURL: "http://localhost:8080",
		Remote: &registration.RemoteConfig{Faces: faces{}, Photos: struct{ registration.Photos }{}, Portraits: portraits{g.stranger}, Tries: 3},
		Now:    g.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.book, err = kiosk.New(kiosk.Config{DB: g.db, Registry: g.registry, Sealer: sealer, Trust: g.issuer.Trust(), Now: g.clock.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
}

func (g *rig) certificate(kind, id string, names ...string) tls.Certificate {
	g.t.Helper()
	k := newKey(g.t)
	cert, err := g.infra.Issue(g.t.Context(), infra.Request{Kind: kind, ID: id, Names: names, Key: k.Public(), Actor: "test"})
	if err != nil {
		g.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: k, Leaf: cert}
}

// client is a machine with a certificate of a kind.
func (g *rig) client(kind, id string) *agent.Client {
	g.t.Helper()
	c, err := agent.NewClient(g.url, &tls.Config{Certificates: []tls.Certificate{g.certificate(kind, id)}, RootCAs: g.infra.Pool()})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	return c
}

// agent is the agent of the kiosk here.
func (g *rig) agent() *agent.Agent {
	g.t.Helper()
	a, err := agent.New(agent.Config{Server: g.client(infra.Kiosk, here.ID), Trust: g.issuer.Trust(), Now: g.clock.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// card makes a card of one of the made-up people, from 0.
func (g *rig) card(kind issuer.Kind, person int) *issuer.Card {
	g.t.Helper()
	p := immd.People(g.clock.now())[person]
	who := issuer.Person{Card: p.Card}
	if len(p.Before) > 0 {
		who.Before = p.Before[0]
	}
	c, err := g.issuer.Make(kind, who, g.clock.now())
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// count counts rows.
func (g *rig) count(query string, args ...any) int {
	g.t.Helper()
	var n int
	if err := g.db.Pool.QueryRow(g.t.Context(), query, args...).Scan(&n); err != nil {
		g.t.Fatal(err)
	}
	return n
}

// nothingKept fails if anything of a person is in the tables.
func (g *rig) nothingKept(when string) {
	g.t.Helper()
	for _, query := range []string{
		`SELECT count(*) FROM registration_account`, `SELECT count(*) FROM registration_field`, `SELECT count(*) FROM registration_lookup`,
		`SELECT count(*) FROM registration_case WHERE state NOT IN ('refused', 'ended')`, `SELECT count(*) FROM registration_kiosk_session WHERE evidence IS NOT NULL`,
	} {
		if n := g.count(query); n != 0 {
			g.t.Errorf("%s: %s gives %d, want 0", when, query, n)
		}
	}
}
