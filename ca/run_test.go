package ca_test

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
)

// logLines collects what is logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// While Run runs, a revocation by another process is on the lists that are
// served within seconds, an unfinished record of long ago is closed, and new
// certificates are probed.
func TestRun(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	log := new(logLines)
	cfg := c.Config
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	server, err := ca.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serial := c.Resident(t, newKey(t, "p256")).SerialNumber
	leaveWaiting(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx) }()
	s := serve(t, server)
	fetch := func(path string) *x509.RevocationList {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: HTTP %d, %v", path, resp.StatusCode, err)
		}
		return parseList(t, b, nil)
	}
	fetch("/crl/issuing-0.crl")
	if err := c.Revoke(t.Context(), "officer:1", serial, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/crl/issuing-0.crl", "/crl/issuing-0-delta.crl"} {
		deadline := time.Now().Add(30 * time.Second) // a loaded machine; alone it takes under 5 s
		for len(fetch(path).RevokedCertificateEntries) == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the revocation does not show", path)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := count(t, c, `SELECT count(*) FROM ca_certificate WHERE status = 'wait'`); n != 0 {
		t.Errorf("%d records are still waiting", n)
	}
	if text := log.String(); !strings.Contains(text, "closed unfinished issuances") || strings.Contains(text, "level=ERROR") {
		t.Errorf("log:\n%s", text)
	}
}

// leaveWaiting makes a record as a process leaves it that is killed before it signs.
func leaveWaiting(t *testing.T, c *catest.CA) {
	t.Helper()
	if _, err := c.DB.Pool.Exec(t.Context(), `
		INSERT INTO ca_certificate (id, issuer, serial, profile, shard, spki_sha256, credential, subject, not_before, not_after, tbs_sha256, reserved_at, status)
		SELECT gen_random_uuid(), issuer, set_byte(serial, 16, get_byte(serial, 16) # 1), profile, shard, spki_sha256, credential, subject,
		       not_before, not_after, sha256(tbs_sha256), reserved_at - interval '1 hour', 'wait'
		FROM ca_certificate WHERE profile = 'resident' LIMIT 1`); err != nil {
		t.Fatal(err)
	}
}

func TestConditionalGet(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	s := serve(t, c.Authority)
	resp, err := http.Get(s.URL + "/crl/issuing-0.crl")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	again, err := http.NewRequest("GET", s.URL+"/crl/issuing-0.crl", nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("If-None-Match", resp.Header.Get("ETag"))
	resp, err = http.DefaultClient.Do(again)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("HTTP %d, want 304", resp.StatusCode)
	}
}
