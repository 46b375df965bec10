package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
