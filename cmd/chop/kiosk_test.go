package main_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk/agent"
)

const kioskPlace = "kiosk-ho-man-tin-sports-centre"

// withKiosks makes an appliance that believes an issuer's cards, and serves kiosks.
func withKiosks(t *testing.T) (a *appliance, address string, cards *issuer.Issuer) {
	t.Helper()
	a = newAppliance(t)
	cards, err := issuer.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issuers := saved(t, "issuers.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cards.Country.Raw}))
	f, err := os.OpenFile(a.path("chop.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("card_issuers: " + issuers + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	address = freePort()
	s, err := a.serve(freePort(), "--kiosk-listen", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		a.nobodyLeft(t)
	})
	return a, address, cards
}

// kioskTLS is a kiosk's, by the file of `chop kiosk add`.
func kioskTLS(t *testing.T, a *appliance, file string) *tls.Config {
	t.Helper()
	own, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(a.path("public", "infrastructure.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}
}

// kioskMachine is a kiosk's agent and its browser.
type kioskMachine struct {
	*agent.Agent
	url     string
	browser *http.Client
}

// see looks at the kiosk's page.
func (k *kioskMachine) see(t *testing.T, code int, text string) {
	t.Helper()
	answer, err := k.browser.Get(k.url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != code || !strings.Contains(string(b), text) {
		t.Errorf("the page: %d %s, %v", answer.StatusCode, b, err)
	}
}

// A kiosk that an operator added reads cards over mutual TLS, and one that they removed does not.
func TestKiosk(t *testing.T) {
	t.Parallel()
	a, address, cards := withKiosks(t)
	a.refuses(t, "kiosk add", "--place", "counter-wan-chai", "--out", filepath.Join(t.TempDir(), "k.pem"))
	a.refuses(t, "kiosk remove", "--place", kioskPlace, "--reason", "it never was")
	connect := func(name string) *kioskMachine {
		file := filepath.Join(t.TempDir(), name)
		a.must(t, "kiosk add", "--place", kioskPlace, "--out", file)
		client, err := agent.NewClient("https://"+address, kioskTLS(t, a, file))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		k, err := agent.New(agent.Config{Server: client, Trust: cards.Trust(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{TLSClientConfig: kioskTLS(t, a, file)}
		t.Cleanup(transport.CloseIdleConnections)
		return &kioskMachine{k, "https://" + address, &http.Client{Transport: transport}}
	}
	card := func(kind issuer.Kind) *issuer.Card {
		c, err := cards.Make(kind, issuer.Person{Card: immd.People(time.Now())[0].Card}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := connect("first.pem")
	eventually(t, "the kiosks' listener answers", func() bool {
		v, err := first.Card(t.Context(), card(issuer.Genuine))
		return err == nil && v.State == "read"
	})
	if v, err := first.Card(t.Context(), card(issuer.Cloned)); err != nil || v.State != "refused" || v.Reason != "cloned" {
		t.Errorf("a cloned card: %+v, %v", v, err)
	}
	first.see(t, http.StatusOK, `data-page="no-cloned"`)
	second := connect("second.pem")
	first.see(t, http.StatusForbidden, "for kiosks")
	second.see(t, http.StatusOK, `data-page="no-cloned"`)
	if _, err := first.Card(t.Context(), card(issuer.Genuine)); !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), "403") {
		t.Errorf("the certificate that was there before: %v", err)
	}
	if v, err := second.Card(t.Context(), card(issuer.Genuine)); err != nil || v.State != "read" {
		t.Errorf("the new certificate: %+v, %v", v, err)
	}
	pins := func() []byte {
		b, err := os.ReadFile(a.path("activation", "pins.json"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := pins(); bytes.Count(b, []byte(`"id":"`+kioskPlace+`"`)) != 1 {
		t.Errorf("the kiosk is not pinned once: %s", b)
	}
	a.must(t, "kiosk remove", "--place", kioskPlace, "--reason", "stolen")
	if _, err := second.Card(t.Context(), card(issuer.Genuine)); !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), "403") {
		t.Errorf("a kiosk that was removed: %v", err)
	}
	if b := pins(); bytes.Contains(b, []byte(kioskPlace)) {
		t.Errorf("the kiosk is still pinned: %s", b)
	}
}
