package ca_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"chop/ca"
	"chop/ca/catest"
)

// workbench is a CA on a real address, with a folder for OpenSSL's files.
type workbench struct {
	*catest.CA
	t   *testing.T
	dir string
}

func newWorkbench(t *testing.T) *workbench {
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	c := catest.New(t, catest.Options{PublicURL: s.URL})
	router := chi.NewRouter()
	c.Routes(router)
	handler = router
	w := &workbench{c, t, t.TempDir()}
	w.write("root.pem", "CERTIFICATE", c.Root().Raw)
	w.write("issuing.pem", "CERTIFICATE", c.Issuing().Raw)
	return w
}

func (w *workbench) write(name, kind string, der []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workbench) leaf(name string) *x509.Certificate {
	cert := w.Resident(w.t, newKey(w.t, "p256"))
	w.write(name, "CERTIFICATE", cert.Raw)
	return cert
}

// lists writes crls.pem: the full list, the ARL, and the delta if asked for.
func (w *workbench) lists(delta bool) {
	w.t.Helper()
	base, err := w.CRL(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("base.pem", "X509 CRL", base)
	arl, err := w.ARL(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("arl.pem", "X509 CRL", arl)
	d, err := w.DeltaCRL(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("delta.pem", "X509 CRL", d)
	w.join(delta)
}

// join makes crls.pem of what lists wrote.
func (w *workbench) join(delta bool) {
	w.t.Helper()
	names := []string{"base.pem", "arl.pem"}
	if delta {
		names = append(names, "delta.pem")
	}
	var all []byte
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(w.dir, n))
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "crls.pem"), all, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// run runs openssl and wants its output to hold a text.
func (w *workbench) run(want string, args ...string) {
	w.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = w.dir
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), want) {
		w.t.Errorf("openssl %s: %v\nwant %q in\n%s", strings.Join(args, " "), err, want, out)
	}
}

func TestOpenSSLAsksOCSP(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	w.leaf("good.pem")
	held, gone := w.leaf("held.pem"), w.leaf("gone.pem")
	if err := w.Suspend(t.Context(), "officer:1", held.SerialNumber, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), "officer:1", gone.SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	base := []string{"ocsp", "-issuer", "issuing.pem", "-CAfile", "root.pem", "-url", w.URLs.OCSP}
	for _, one := range []struct {
		want string
		args []string
	}{
		{"good.pem: good", []string{"-cert", "good.pem"}},
		{"Response verify OK", []string{"-cert", "good.pem"}},
		{"good.pem: good", []string{"-sha256", "-cert", "good.pem", "-no_nonce"}},
		{"held.pem: revoked", []string{"-cert", "held.pem"}},
		{"Reason: certificateHold", []string{"-cert", "held.pem"}},
		{"Reason: keyCompromise", []string{"-cert", "gone.pem"}},
		{"0x1234: unknown", []string{"-serial", "0x1234"}},
		{"gone.pem: revoked", []string{"-cert", "good.pem", "-cert", "held.pem", "-cert", "gone.pem", "-serial", "0x99"}},
		{"Archive Cutoff", []string{"-cert", "good.pem", "-resp_text"}},
	} {
		w.run(one.want, append(base[:len(base):len(base)], one.args...)...)
	}
}

func TestOpenSSLTakesCRLs(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	w.leaf("good.pem")
	held, gone := w.leaf("held.pem"), w.leaf("gone.pem")
	verify := func(want, leaf string, more ...string) {
		t.Helper()
		args := append([]string{"verify", "-crl_check_all", "-x509_strict", "-policy_check", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-CRLfile", "crls.pem"}, more...)
		w.run(want, append(args, leaf)...)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.lists(false)
	for _, leaf := range []string{"good.pem", "held.pem", "gone.pem"} {
		verify(leaf+": OK", leaf)
	}
	must(w.Suspend(t.Context(), "officer:1", held.SerialNumber, ca.Reason{}))
	must(w.Revoke(t.Context(), "officer:1", gone.SerialNumber, ca.Reason{Code: ca.KeyCompromise}))

	// The old full list with the new delta.
	delta, err := w.DeltaCRL(t.Context())
	must(err)
	w.write("delta.pem", "X509 CRL", delta)
	w.join(true)
	verify("good.pem: OK", "good.pem", "-use_deltas")
	verify("certificate revoked", "held.pem", "-use_deltas")
	verify("certificate revoked", "gone.pem", "-use_deltas")
	w.join(false)                      // without -use_deltas OpenSSL would take a delta for a full list, if it is a second newer
	verify("held.pem: OK", "held.pem") // what who ignores deltas still sees

	// The new full list; then the hold ends, and a delta takes it back.
	w.lists(true)
	for _, more := range [][]string{nil, {"-use_deltas"}} {
		verify("good.pem: OK", "good.pem", more...)
		verify("certificate revoked", "held.pem", more...)
		verify("certificate revoked", "gone.pem", more...)
	}
	must(w.Resume(t.Context(), "officer:1", held.SerialNumber, ca.Reason{}))
	delta, err = w.DeltaCRL(t.Context())
	must(err)
	w.write("delta.pem", "X509 CRL", delta)
	w.join(true)
	verify("held.pem: OK", "held.pem", "-use_deltas")
	verify("certificate revoked", "gone.pem", "-use_deltas")
	w.join(false)
	verify("certificate revoked", "held.pem")

	w.lists(true)
	verify("held.pem: OK", "held.pem")
	for list, signer := range map[string]string{"base.pem": "issuing.pem", "delta.pem": "issuing.pem", "arl.pem": "root.pem"} {
		w.run("verify OK", "crl", "-in", list, "-CAfile", signer, "-noout")
	}
	w.run("X509v3 Freshest CRL", "crl", "-in", "base.pem", "-noout", "-text")
	w.run("Only CA Certificates", "crl", "-in", "arl.pem", "-noout", "-text")
	w.run("Only User Certificates", "crl", "-in", "base.pem", "-noout", "-text")
	w.run("Remove From CRL", "crl", "-in", "delta.pem", "-noout", "-text")
}

func TestOpenSSLReadsProfiles(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	w.write("resident.pem", "CERTIFICATE", w.Resident(t, newKey(t, "p256")).Raw)
	w.write("tsa.pem", "CERTIFICATE", w.TSAUnit(t, newKey(t, "rsa3072")).Raw)
	if err := w.EnsureResponder(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ file, want string }{
		{"resident.pem", "Non Repudiation"},
		{"resident.pem", "CPS: " + strings.TrimSuffix(w.URLs.OCSP, "/ocsp") + "/cps"},
		{"resident.pem", "Reliance limit HK$200,000."},
		{"resident.pem", "Policy: 1.3.6.1.4.1.32473.553.1.3"},
		{"resident.pem", "Freshest CRL"},
		{"tsa.pem", "Extended Key Usage: critical"},
		{"tsa.pem", "Private Key Usage Period"},
		{"issuing.pem", "CA:TRUE, pathlen:0"},
		{"issuing.pem", "Policy: X509v3 Any Policy"},
		{"root.pem", "ecdsa-with-SHA384"},
	} {
		w.run(one.want, "x509", "-in", one.file, "-noout", "-text")
	}
	w.run("tsa.pem: OK", "verify", "-x509_strict", "-purpose", "timestampsign", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "tsa.pem")
}
