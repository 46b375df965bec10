//go:build browser

package kiosk_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"chop/ca/infra"
	"chop/registration/hkic/issuer"
)

// The page in a kiosk's real browser, over mutual TLS, with a camera that is a program; see test/browser/kiosk-page.mjs. What
// the script cannot do itself (a card that is put in, a system that fails) it asks of a second server.
func TestFlowsKiosk(t *testing.T) {
	const folder = "../../test/browser"
	for _, want := range []string{"/usr/bin/chromium", folder + "/node_modules/playwright-core"} {
		if _, err := os.Stat(want); err != nil {
			t.Fatalf("wants %s; hint: make deps-test web-browser", want)
		}
	}
	g := newRig(t)
	a := g.agent()
	does := http.NewServeMux()
	does.HandleFunc("/card/{kind}/{person}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.Card(r.Context(), g.card(issuer.Kind(r.PathValue("kind")), int(r.PathValue("person")[0]-'0'))); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	does.HandleFunc("/failing/{how}", func(_ http.ResponseWriter, r *http.Request) { g.failing.Store(r.PathValue("how") == "yes") })
	does.HandleFunc("/stranger/{how}", func(_ http.ResponseWriter, r *http.Request) { g.stranger.Store(r.PathValue("how") == "yes") })
	control := httptest.NewServer(does)
	t.Cleanup(control.Close)
	shots := os.Getenv("CHOP_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	cert := g.certificate(infra.Kiosk, here.ID)
	house, err := json.Marshal(map[string]string{"kiosk": g.url, "control": control.URL, "shots": shots, "certificate": certificateFile(t, cert), "key": keyFile(t, cert)})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "kiosk-page.mjs")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CHOP_KIOSK="+string(house))
	said, err := cmd.CombinedOutput()
	t.Logf("%s\nscreenshots: %s", said, shots)
	if err != nil {
		t.Fatal(err)
	}
}

func certificateFile(t *testing.T, c tls.Certificate) string {
	return pemFile(t, "kiosk.pem", "CERTIFICATE", c.Certificate[0])
}

func keyFile(t *testing.T, c tls.Certificate) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemFile(t, "kiosk.key", "PRIVATE KEY", der)
}

func pemFile(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
