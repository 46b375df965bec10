//go:build browser

package portal

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/portal/forms"
	"chop/registration"
)

// serve lets a browser look at a house. WebAuthn wants the name localhost.
func (h *house) serve(t *testing.T, l net.Listener) {
	r := chi.NewRouter()
	r.Mount("/", h.handler)
	// Puts the phone's case into a state, and the phone before it.
	r.Method(http.MethodGet, "/test/phone/{state}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.accounts.mu.Lock()
		h.accounts.phone.State = registration.CaseState(r.PathValue("state"))
		h.accounts.phone.HasPasskey = r.PathValue("state") == "enrolling"
		h.accounts.phone.Waiting = ""
		if r.PathValue("state") == "made" {
			h.accounts.phone.Waiting = "certificates"
		}
		h.accounts.mu.Unlock()
		http.SetCookie(w, h.cookie(bindCookie, "secret", bindLife))
		http.Redirect(w, r, "/bind/phone", http.StatusSeeOther)
	}))
	// Puts a registration on a phone into a state, with an outcome, and shows it.
	r.Method(http.MethodGet, "/test/register/{state}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.remote.to(registration.RemoteState(r.PathValue("state")), r.URL.Query().Get("outcome"))
		h.remote.c.Waiting = r.URL.Query().Get("waiting")
		http.SetCookie(w, h.cookie(registerCookie, "register-secret", bindLife))
		http.Redirect(w, r, "/register", http.StatusSeeOther)
	}))
	// The next act of it fails; the photo that it took last.
	r.Method(http.MethodGet, "/test/register-fails/{how}", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.remote.mu.Lock()
		defer h.remote.mu.Unlock()
		h.remote.fail = map[string]error{"dark": registration.ErrDark, "try": registration.ErrTry}[r.PathValue("how")]
	}))
	r.Method(http.MethodGet, "/test/register-photo", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.remote.mu.Lock()
		defer h.remote.mu.Unlock()
		_, _ = w.Write(h.remote.photo)
	}))
	server := &http.Server{Handler: r}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
}

func browserHouse(t *testing.T) (*house, string) {
	t.Helper()
	for _, want := range []string{"/usr/bin/chromium", "web/node_modules/playwright-core"} {
		if _, err := os.Stat(want); err != nil {
			t.Fatalf("wants %s; hint: make deps-test web-portal", want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	h := newHouse(t, base, "http://approve.localhost:8080")
	h.serve(t, l)
	return h, base
}

// sample is a PDF to upload.
func sample(t *testing.T) string {
	t.Helper()
	catalogue, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	content := onePage
	if list := catalogue.Forms(); len(list) > 0 {
		if blank, err := list[0].Blank(forms.English, time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)); err == nil {
			content = blank
		}
	}
	name := filepath.Join(t.TempDir(), "sample.pdf")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every page in three languages at three widths; see web/test/pages.mjs.
func TestPages(t *testing.T) {
	_, base := browserHouse(t)
	folder := os.Getenv("CHOP_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	run(t, base, "pages.mjs", folder)
}

// Passkeys, a phone bound at a counter, a computer signed in by a phone, in a real browser.
func TestFlows(t *testing.T) {
	_, base := browserHouse(t)
	run(t, base, "flows.mjs", "")
}

// A person registers on their phone, with a camera that is a program.
func TestFlowsRegister(t *testing.T) {
	_, base := browserHouse(t)
	run(t, base, "register.mjs", "")
}

func run(t *testing.T, base, script, folder string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "test/"+script, base, folder)
	cmd.Dir = "web"
	cmd.Env = append(os.Environ(), "SAMPLE="+sample(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
