package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// Each origin gets its own handler, whatever the port and the case of its name.
func TestByHost(t *testing.T) {
	said := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
	}
	h := byHost("http://approve.localhost:8080", said("approval"), said("rest"))
	for host, want := range map[string]string{
		"approve.localhost:8080": "approval", "APPROVE.localhost": "approval", "localhost:8080": "rest",
		"approve.localhost.evil.example": "rest", "x.approve.localhost": "rest", "": "rest", "[::1]:8080": "rest",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("host %q: %s, want %s", host, got, want)
		}
	}
}

// What the process behind the socket sees and says is what the browser said and sees; while it is away, the browser
// is told so.
func TestRelay(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, r.Host+r.URL.Path)
	})}
	go server.Serve(l)
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/api/tx/1", nil)
		r.Host = "approve.localhost:8080"
		w := httptest.NewRecorder()
		relay(socket).ServeHTTP(w, r)
		return w
	}
	if w := ask(); w.Body.String() != "approve.localhost:8080/api/tx/1" || w.Header().Get("Content-Security-Policy") != "default-src 'none'" {
		t.Errorf("relayed: %q %v", w.Body.String(), w.Header())
	}
	server.Close()
	if w := ask(); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with nobody behind the socket: %d", w.Code)
	}
}

// Behind proxies, and only behind those that are trusted, the client's address is the last one that no trusted proxy has.
func TestBehind(t *testing.T) {
	for _, c := range []struct {
		name, peer, forwarded, want string
		proxies                     []string
	}{
		{"no proxy is trusted", "10.0.0.1:9", "192.0.2.7", "10.0.0.1:9", nil},
		{"one proxy", "10.0.0.1:9", "192.0.2.7", "192.0.2.7:0", []string{"10.0.0.0/8"}},
		{"the client invented one", "10.0.0.1:9", "203.0.113.9, 192.0.2.7", "192.0.2.7:0", []string{"10.0.0.0/8"}},
		{"two proxies", "10.0.0.1:9", "203.0.113.9, 192.0.2.7, 10.9.9.9", "192.0.2.7:0", []string{"10.0.0.0/8"}},
		{"a stranger who says to be a proxy", "198.51.100.1:9", "192.0.2.7", "198.51.100.1:0", []string{"10.0.0.0/8"}},
		{"a proxy that says nothing", "10.0.0.1:9", "", "10.0.0.1:9", []string{"10.0.0.0/8"}},
		{"a proxy that says nonsense", "10.0.0.1:9", "192.0.2.7, unknown", "10.0.0.1:9", []string{"10.0.0.0/8"}},
		{"IPv6", "[::1]:9", "2001:db8::7", "[2001:db8::7]:0", []string{"127.0.0.1/32", "::1/128"}},
	} {
		var got string
		var log bytes.Buffer
		h := behind(c.proxies, slog.New(slog.NewTextHandler(&log, nil)), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		h.ServeHTTP(httptest.NewRecorder(), r.Clone(t.Context()))
		if warned := strings.Count(log.String(), "trusted_proxy"); (warned == 1) != (c.proxies == nil) || warned > 1 {
			t.Errorf("%s: warned %d times: %s", c.name, warned, log.String())
		}
		if got != c.want {
			t.Errorf("%s: %s forwarding %q is %s, want %s", c.name, c.peer, c.forwarded, got, c.want)
		}
	}
}
