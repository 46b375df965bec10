package main_test

import (
	"bytes"
	"errors"
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

// A counter's reader that an operator added brings cards and has neither page nor pin; one that was removed brings none.
func TestReaders(t *testing.T) {
	t.Parallel()
	a, address, cards := withKiosks(t)
	a.refuses(t, "reader add", "--place", kioskPlace, "--out", filepath.Join(t.TempDir(), "r.pem"))
	a.refuses(t, "reader add", "--place", "counter-wan-chai", "--number", "100", "--out", filepath.Join(t.TempDir(), "r.pem"))
	a.refuses(t, "reader remove", "--place", "counter-wan-chai", "--reason", "it never was")
	file := filepath.Join(t.TempDir(), "reader.pem")
	a.must(t, "reader add", "--place", "counter-wan-chai", "--number", "2", "--out", file)
	client, err := agent.NewClient("https://"+address, kioskTLS(t, a, file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	reader, err := agent.New(agent.Config{Server: client, Trust: cards.Trust(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	card, err := cards.Make(issuer.Genuine, issuer.Person{Card: immd.People(time.Now())[0].Card}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the kiosks' listener answers", func() bool {
		v, err := reader.Card(t.Context(), card)
		return err == nil && v.State == "read"
	})
	transport := &http.Transport{TLSClientConfig: kioskTLS(t, a, file)}
	t.Cleanup(transport.CloseIdleConnections)
	page := &kioskMachine{reader, "https://" + address, &http.Client{Transport: transport}}
	page.see(t, http.StatusForbidden, "for kiosks")
	if b, err := os.ReadFile(a.path("activation", "pins.json")); err == nil && bytes.Contains(b, []byte("counter-wan-chai")) {
		t.Errorf("the reader's key is pinned: %s", b)
	}
	a.must(t, "reader remove", "--place", "counter-wan-chai", "--number", "2", "--reason", "stolen")
	if _, err := reader.Card(t.Context(), card); !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), "403") {
		t.Errorf("a reader that was removed: %v", err)
	}
}
