package infra_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"chop/ca/infra"
	"chop/internal/postgres/postgrestest"
)

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newAuthority(t *testing.T) *infra.Authority {
	t.Helper()
	a, err := infra.New(t.Context(), infra.Config{DB: postgrestest.New(t), Key: key(t)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *infra.Authority, kind, id string, k *ecdsa.PrivateKey, names ...string) tls.Certificate {
	t.Helper()
	cert, err := a.Issue(t.Context(), infra.Request{Kind: kind, ID: id, Names: names, Key: k.Public(), Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: k, Leaf: cert}
}

// The root is one, for all processes that have the key.
func TestOneRoot(t *testing.T) {
	db, k := postgrestest.New(t), key(t)
	var roots [2]*x509.Certificate
	for i := range roots {
		a, err := infra.New(t.Context(), infra.Config{DB: db, Key: k})
		if err != nil {
			t.Fatal(err)
		}
		roots[i] = a.Root()
	}
	if !roots[0].Equal(roots[1]) {
		t.Error("a second start made another root")
	}
}

// Over real TLS: a recorded officer gets in, a withdrawn one and a stranger do not.
func TestMutualTLS(t *testing.T) {
	a := newAuthority(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, err := a.Known(r.Context(), r.TLS.PeerCertificates[0])
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		io.WriteString(w, h.Kind+":"+h.ID)
	}))
	server.TLS = a.ServerConfig(issue(t, a, infra.Server, "desk", key(t), "localhost", "127.0.0.1"))
	server.StartTLS()
	defer server.Close()
	ask := func(cert *tls.Certificate) (int, string, error) {
		config := &tls.Config{RootCAs: a.Pool()}
		if cert != nil {
			config.Certificates = []tls.Certificate{*cert}
		}
		c := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		resp, err := c.Get(server.URL)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	officer := issue(t, a, infra.Officer, "officer-1", key(t))
	if status, body, err := ask(&officer); err != nil || status != 200 || body != "officer:officer-1" {
		t.Fatalf("an officer got %d %q %v", status, body, err)
	}
	if _, _, err := ask(nil); err == nil {
		t.Error("a client without a certificate got in")
	}
	stranger := issue(t, newAuthority(t), infra.Officer, "officer-1", key(t))
	if _, _, err := ask(&stranger); err == nil {
		t.Error("a certificate of another CA got in")
	}
	if err := a.Withdraw(t.Context(), infra.Holder{Kind: infra.Officer, ID: "officer-1"}, "test", "left"); err != nil {
		t.Fatal(err)
	}
	if status, _, err := ask(&officer); err != nil || status != 403 {
		t.Errorf("a withdrawn officer got %d, %v", status, err)
	}
}

func TestRefused(t *testing.T) {
	a := newAuthority(t)
	k := key(t)
	for name, r := range map[string]infra.Request{
		"kind":     {Kind: "resident", ID: "x", Key: k.Public(), Actor: "test"},
		"no name":  {Kind: infra.Server, ID: "x", Key: k.Public(), Actor: "test"},
		"no id":    {Kind: infra.Officer, Key: k.Public(), Actor: "test"},
		"no actor": {Kind: infra.Officer, ID: "x", Key: k.Public()},
		"no key":   {Kind: infra.Officer, ID: "x", Actor: "test"},
		"odd key":  {Kind: infra.Officer, ID: "x", Key: crypto.PublicKey("key"), Actor: "test"},
	} {
		if _, err := a.Issue(t.Context(), r); !errors.Is(err, infra.ErrRequest) {
			t.Errorf("%s: %v, want ErrRequest", name, err)
		}
	}
	// A server's certificate is no client's.
	if _, err := a.Known(t.Context(), issue(t, a, infra.Server, "desk", k, "localhost").Leaf); !errors.Is(err, infra.ErrUnknown) {
		t.Errorf("a server as a client: %v, want ErrUnknown", err)
	}
}
