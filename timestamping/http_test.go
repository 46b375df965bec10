package timestamping

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/internal/cms"
)

func serve(t testing.TB, a *Authority) string {
	t.Helper()
	r := chi.NewRouter()
	a.Routes(r)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server.URL + "/tsa"
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	url := serve(t, newAuthority(t, newUnit(t, ecKey(t, elliptic.P256()), nil).config()))
	good := encode(t, nil)
	for _, c := range []struct {
		name, method, contentType string
		body                      []byte
		status                    int
	}{
		{"good", "POST", queryType, good, 200},
		{"parameters", "POST", queryType + "; charset=binary", good, 200},
		{"upper case", "POST", "Application/Timestamp-Query", good, 200},
		{"refused in the protocol", "POST", queryType, []byte("x"), 200},
		{"empty", "POST", queryType, nil, 200},
		{"another type", "POST", "application/octet-stream", good, 415},
		{"no type", "POST", "", good, 415},
		{"GET", "GET", "", nil, 405},
		{"too large", "POST", queryType, make([]byte, maxQuery+1), 413},
	} {
		r, err := http.NewRequest(c.method, url, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != c.status {
			t.Errorf("%s: %v, %s", c.name, err, response.Status)
		}
		if c.status == 200 {
			if _, err := cms.ParseTimestampResponse(body); err != nil || response.Header.Get("Content-Type") != replyType {
				t.Errorf("%s: %v, %q", c.name, err, response.Header.Get("Content-Type"))
			}
		}
		if c.status == 405 && response.Header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", c.name, response.Header.Get("Allow"))
		}
	}
}

// A body of untold length is read like any other, and bounded; one that ends early is no query.
func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, newUnit(t, ecKey(t, elliptic.P256()), nil).config())
	good := encode(t, nil)
	for _, c := range []struct {
		name   string
		body   []byte
		length int64
		status int
	}{
		{"length told", good, int64(len(good)), 200},
		{"length not told", good, -1, 200},
		{"too large, not told", make([]byte, maxQuery+1), -1, 413},
		{"too large, told", make([]byte, maxQuery+1), maxQuery + 1, 413},
		{"ends early", good, int64(len(good) + 1), 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/tsa", bytes.NewReader(c.body))
		r.ContentLength = c.length
		r.Header.Set("Content-Type", queryType)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d", c.name, w.Code, c.status)
		}
		if c.status != 200 {
			continue
		}
		response, err := cms.ParseTimestampResponse(w.Body.Bytes())
		if err != nil || response.Status != cms.StatusGranted || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v, %v, %v", c.name, response, err, w.Header())
		}
	}
}

// OpenSSL makes the query, and reads and verifies the answer and the token.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	config := u.config()
	config.Chain = []*x509.Certificate{u.root}
	a := newAuthority(t, config)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("openssl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("data", []byte("Form TD123"))
	put("root.pem", pemOf(u.root))
	put("tsu.pem", pemOf(u.cert))
	for _, hash := range []string{"-sha256", "-sha384", "-sha512"} {
		run("ts", "-query", "-data", file("data"), hash, "-cert", "-out", file("q.tsq"))
		query, err := os.ReadFile(file("q.tsq"))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := a.Respond(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		put("r.tsr", reply)
		text := run("ts", "-reply", "-in", file("r.tsr"), "-text")
		for _, want := range []string{"Status: Granted", "Policy OID: " + testPolicy().OID, "Accuracy: 0x01 seconds", "Ordering: no", "Nonce: 0x"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
		run("ts", "-verify", "-queryfile", file("q.tsq"), "-in", file("r.tsr"), "-CAfile", file("root.pem"))
		run("ts", "-verify", "-data", file("data"), "-in", file("r.tsr"), "-CAfile", file("root.pem"))
		response, err := cms.ParseTimestampResponse(reply)
		if err != nil {
			t.Fatal(err)
		}
		put("t.tst", response.Token)
		run("ts", "-verify", "-data", file("data"), "-in", file("t.tst"), "-token_in", "-CAfile", file("root.pem"))
	}
	// Without certificates the verifier brings its own.
	run("ts", "-query", "-data", file("data"), "-sha256", "-out", file("q.tsq"))
	query, err := os.ReadFile(file("q.tsq"))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := a.Respond(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	put("r.tsr", reply)
	run("ts", "-verify", "-queryfile", file("q.tsq"), "-in", file("r.tsr"), "-CAfile", file("root.pem"), "-untrusted", file("tsu.pem"))
	// A refusal is readable too.
	reply, err = a.Respond(context.Background(), encode(t, func(r *cms.TimestampRequest) { r.Policy = []int{1, 2, 3} }))
	if err != nil {
		t.Fatal(err)
	}
	put("r.tsr", reply)
	if text := run("ts", "-reply", "-in", file("r.tsr"), "-text"); !strings.Contains(text, "requested TSA policy is not supported") {
		t.Error(text)
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	pool := func(cert *x509.Certificate) *x509.CertPool {
		p := x509.NewCertPool()
		p.AddCert(cert)
		return p
	}
	policy := testPolicy().ObjectIdentifier()
	client := &Client{URL: serve(t, newAuthority(t, u.config())), Policy: policy, Roots: pool(u.root)}
	der, err := client.Timestamp(context.Background(), crypto.SHA256, imprint[:])
	if err != nil {
		t.Fatal(err)
	}
	if token, err := cms.ParseTimestampToken(der); err != nil || !bytes.Equal(token.Info.Imprint, imprint[:]) {
		t.Fatalf("%+v, %v", token, err)
	}
	stranger := newUnit(t, ecKey(t, elliptic.P256()), nil)
	client.Roots = pool(stranger.root)
	if _, err := client.Timestamp(context.Background(), crypto.SHA256, imprint[:]); err == nil {
		t.Error("a token of an untrusted authority was accepted")
	}
	var rejection *Rejection
	client.Policy = []int{1, 2, 3}
	if _, err := client.Timestamp(context.Background(), crypto.SHA256, imprint[:]); !errors.As(err, &rejection) || rejection.Failure != cms.UnacceptedPolicy {
		t.Errorf("another policy: %v", err)
	}
}

// An authority, or someone between, that answers something else than was asked for is refused.
func TestClientRefuses(t *testing.T) {
	t.Parallel()
	u := newUnit(t, ecKey(t, elliptic.P256()), nil)
	a := newAuthority(t, u.config())
	answer := func(change func(*cms.TimestampRequest)) func([]byte) []byte {
		return func(query []byte) []byte {
			r, err := cms.ParseTimestampRequest(query)
			if err != nil {
				return nil
			}
			change(r)
			again, _ := r.Marshal()
			b, _ := a.Respond(context.Background(), again)
			return b
		}
	}
	expired := u.config()
	expired.Certificate = func() *x509.Certificate { c := *u.cert; c.NotAfter = c.NotAfter.Add(1000 * time.Hour); return &c }()
	expired.Now = func() (time.Time, error) { return u.cert.NotAfter.Add(time.Hour), nil }
	late := newAuthority(t, expired)
	for name, handle := range map[string]func([]byte) []byte{
		"no nonce":                           answer(func(r *cms.TimestampRequest) { r.Nonce = nil }),
		"another nonce":                      answer(func(r *cms.TimestampRequest) { r.Nonce.Add(r.Nonce, r.Nonce).SetBit(r.Nonce, 0, 1) }),
		"another imprint":                    answer(func(r *cms.TimestampRequest) { r.Imprint = make([]byte, 32) }),
		"no certificate":                     answer(func(r *cms.TimestampRequest) { r.CertReq = false }),
		"outside the certificate's validity": func(q []byte) []byte { b, _ := late.Respond(context.Background(), q); return b },
		"changed": func(q []byte) []byte {
			b, _ := a.Respond(context.Background(), q)
			b[len(b)-1] ^= 1
			return b
		},
		"garbage":  func([]byte) []byte { return []byte("sorry") },
		"too long": func([]byte) []byte { return make([]byte, maxReply+1) },
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", replyType)
			_, _ = w.Write(handle(query))
		}))
		client := &Client{URL: server.URL}
		if der, err := client.Timestamp(context.Background(), crypto.SHA256, imprint[:]); err == nil {
			t.Errorf("%s: accepted %x", name, der)
		} else {
			t.Logf("%s: %v", name, err)
		}
		server.Close()
	}
	down := &Client{URL: serve(t, a) + "/nowhere"}
	if _, err := down.Timestamp(context.Background(), crypto.SHA256, imprint[:]); err == nil {
		t.Error("a 404 was accepted")
	}
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not see the client leave
		<-r.Context().Done()
	}))
	defer hang.Close()
	slow := &Client{URL: hang.URL, HTTP: &http.Client{Timeout: 50 * time.Millisecond}}
	if _, err := slow.Timestamp(context.Background(), crypto.SHA256, imprint[:]); err == nil {
		t.Error("a hanging authority gave a token")
	}
}
