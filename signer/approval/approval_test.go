package approval

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

const (
	approveURL = "https://approve.example.hk"
	someID     = "AAAAAAAAAAAAAAAAAAAAAA"
)

// page is a bundle that stands for the built one.
var page = fstest.MapFS{
	"index.html":    {Data: []byte(`<!doctype html><script type="module">let a = 1;</script>`)},
	"pdf.worker.js": {Data: []byte(strings.Repeat("worker ", 500))},
	"wasm/a.wasm":   {Data: []byte("\x00asm")},
	"README.md":     {Data: []byte("no file of the page")},
}

// behind is the processes behind the sockets: it remembers what it was asked.
type behind struct {
	mu     sync.Mutex
	asked  []string // method, path, body
	answer func(w http.ResponseWriter, r *http.Request)
}

func (b *behind) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.asked = append(b.asked, r.Method+" "+r.URL.Path+" "+string(body))
	b.mu.Unlock()
	w := httptest.NewRecorder()
	b.answer(w, r)
	return w.Result(), nil
}

func ok(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Set-Cookie", "a=b")
	io.WriteString(w, `{"state":"approved"}`)
}

// open makes an origin over page, and what is behind it.
func open(t *testing.T) (*Origin, *behind, *bytes.Buffer) {
	t.Helper()
	b, err := readBundle(page)
	if err != nil {
		t.Fatal(err)
	}
	back, log := &behind{answer: ok}, new(bytes.Buffer)
	o, err := newOrigin(Config{ApproveURL: approveURL, PortalURL: "https://example.hk", Activation: back, Documents: back,
		Log: slog.New(slog.NewJSONHandler(log, nil))}, b)
	if err != nil {
		t.Fatal(err)
	}
	return o, back, log
}

func ask1(o *Origin, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, approveURL+path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

func TestConfig(t *testing.T) {
	good := Config{ApproveURL: approveURL, PortalURL: "https://example.hk", Activation: &behind{}, Documents: &behind{}, Log: slog.New(slog.DiscardHandler)}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"an IP address":   func(c *Config) { c.ApproveURL = "http://127.0.0.1:8080" },
		"plain http":      func(c *Config) { c.ApproveURL = "http://approve.example.hk" },
		"a path":          func(c *Config) { c.ApproveURL += "/x" },
		"no address":      func(c *Config) { c.ApproveURL = "" },
		"the portal's":    func(c *Config) { c.PortalURL = approveURL },
		"the same host":   func(c *Config) { c.PortalURL = approveURL + ":8443" },
		"no activation":   func(c *Config) { c.Activation = nil },
		"no documents":    func(c *Config) { c.Documents = nil },
		"no log":          func(c *Config) { c.Log = nil },
		"a portal by IP6": func(c *Config) { c.PortalURL = "https://[::1]" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	good.ApproveURL, good.PortalURL = "http://approve.localhost:8080", "http://localhost:8080"
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

// Every answer has every header, errors too, and none a cookie.
func TestHeaders(t *testing.T) {
	o, _, _ := open(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"GET", "/pdf.worker.js", 200}, {"GET", "/bundle.json", 200}, {"GET", "/api/tx/" + someID, 200},
		{"GET", "/.well-known/webauthn", 404}, {"GET", "/index.html", 404}, {"GET", "/nothing", 404}, {"GET", "/README.md", 404},
		{"GET", "/api/tx/short", 404}, {"POST", "/", 405}, {"DELETE", "/api/tx/" + someID, 405}, {"GET", "/api/tx/" + someID + "/approve", 404},
	} {
		w := ask1(o, c.method, c.path, "")
		if w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
		h := w.Header()
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'; script-src 'sha256-", "' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; " +
			"img-src 'self' blob: data:; font-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; " +
			"require-trusted-types-for 'script'; trusted-types chop-pdf-worker"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s %s: policy %q lacks %q", c.method, c.path, csp, want)
			}
		}
		for name, want := range map[string]string{"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Set-Cookie": ""} {
			if got := h.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
		}
		if !strings.HasPrefix(h.Get("Strict-Transport-Security"), "max-age=63072000") || !strings.Contains(h.Get("Permissions-Policy"), "publickey-credentials-get=(self)") {
			t.Errorf("%s %s: %v", c.method, c.path, h)
		}
	}
}

func TestForeign(t *testing.T) {
	o, back, _ := open(t)
	for name, c := range map[string]struct {
		status  int
		headers []string
	}{
		"another host":         {421, []string{"Host", "example.hk"}},
		"another port":         {421, []string{"Host", "approve.example.hk:8080"}},
		"another origin":       {403, []string{"Origin", "https://example.hk"}},
		"no origin":            {403, []string{"Origin", "null"}},
		"plain http's origin":  {403, []string{"Origin", "http://approve.example.hk"}},
		"a form":               {415, []string{"Content-Type", "text/plain"}},
		"its own origin":       {200, []string{"Origin", approveURL}},
		"the host in capitals": {200, []string{"Host", "APPROVE.example.hk"}},
	} {
		before := len(back.asked)
		w := ask1(o, "POST", "/api/tx/"+someID+"/decline", `{"reason":"declined"}`, c.headers...)
		if w.Code != c.status || (len(back.asked) > before) != (c.status == 200) {
			t.Errorf("%s: status %d, want %d; asked %v", name, w.Code, c.status, back.asked[before:])
		}
	}
	if w := ask1(o, "GET", "/", "", "Service-Worker", "script"); w.Code != 403 {
		t.Errorf("a service worker: status %d", w.Code)
	}
}

// What the page seals by its own HPKE is opened by another implementation.
func TestHPKE(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "hpke.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]string
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	get := func(key string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(v[key])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := ecdh.P256().NewPrivateKey(get("recipient"))
	if err != nil {
		t.Fatal(err)
	}
	priv, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := hpke.NewRecipient(get("enc"), priv, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(v["info"]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open(get("aad"), get("ciphertext")); err != nil || !bytes.Equal(got, get("plaintext")) {
		t.Errorf("opened %x, %v; want %x", got, err, get("plaintext"))
	}
}
