package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// built is the embedded page, where it was built.
func built(t *testing.T) *bundle {
	t.Helper()
	b, err := readBundle(embedded())
	if err != nil { // ErrNotBuilt
		t.Fatalf("%v; hint: make web-approval", err)
	}
	return b
}

// The published hashes are those of the bytes that are served, plain and packed.
func TestBundle(t *testing.T) {
	o, _, _ := open(t)
	var got struct {
		Bundle string
		Files  []struct {
			Path, SHA256 string
			Size         int
		}
	}
	if err := json.Unmarshal(ask1(o, "GET", "/bundle.json", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	lines := ""
	for _, f := range got.Files {
		path := "/" + f.Path
		if f.Path == "index.html" {
			path = "/"
		}
		w := ask1(o, "GET", path, "")
		sum := sha256.Sum256(w.Body.Bytes())
		if hex.EncodeToString(sum[:]) != f.SHA256 || w.Body.Len() != f.Size || !bytes.Equal(w.Body.Bytes(), page[f.Path].Data) {
			t.Errorf("%s: %d bytes with %x; published %d and %s", f.Path, w.Body.Len(), sum, f.Size, f.SHA256)
		}
		if again := ask1(o, "GET", path, "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: asked again: %d", f.Path, again.Code)
		}
		lines += f.SHA256 + "  " + f.Path + "\n"
	}
	if sum := sha256.Sum256([]byte(lines)); len(got.Files) != 3 || got.Bundle != hex.EncodeToString(sum[:]) || o.Hash() != got.Bundle {
		t.Errorf("bundle %s of %d files, want %x of 3", got.Bundle, len(got.Files), sum)
	}
	if w := ask1(o, "GET", "/pdf.worker.js", "", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > 500 {
		t.Errorf("not packed: %v", w.Header())
	}
	script := sha256.Sum256([]byte("let a = 1;"))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(script[:]) + "'"; o.bundle.script != want {
		t.Errorf("script %s, want %s", o.bundle.script, want)
	}
}

func TestBundleRefused(t *testing.T) {
	for name, html := range map[string]string{
		"no script": "<p>", "an open script": `<script type="module">let a`, "two scripts": `<script type="module">a</script><script>b</script>`,
	} {
		if _, err := readBundle(fstest.MapFS{"index.html": {Data: []byte(html)}}); err == nil || errors.Is(err, ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readBundle(fstest.MapFS{"index.html": page["index.html"], "a.exe": {}}); err == nil {
		t.Error("an unknown kind of file: no error")
	}
}

// Without the page the origin says so, with its headers, and still relays: the
// protocol is open to other clients.
func TestNotBuilt(t *testing.T) {
	if _, err := readBundle(fstest.MapFS{"README.md": {}}); !errors.Is(err, ErrNotBuilt) {
		t.Fatalf("error %v, want ErrNotBuilt", err)
	}
	with, _, _ := open(t)
	o, err := newOrigin(Config{ApproveURL: approveURL, PortalURL: "https://example.hk", Activation: &behind{answer: ok}, Documents: &behind{}, Log: slog.New(slog.DiscardHandler)}, nil)
	if err != nil || o.Built() || o.Hash() != "" || !with.Built() {
		t.Fatalf("%v, built %v", err, o.Built())
	}
	for _, path := range []string{"/", "/bundle.json", "/pdf.worker.js"} {
		w := ask1(o, "GET", path, "")
		if w.Code != 503 || !strings.Contains(w.Body.String(), "not built into this program") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'none'") {
			t.Errorf("%s: %d %s %v", path, w.Code, w.Body, w.Header())
		}
	}
	if w := ask1(o, "GET", "/api/tx/"+someID, ""); w.Code != 200 {
		t.Errorf("relay: %d", w.Code)
	}
}

// TestReproducible builds the page again: every byte is as it is embedded.
func TestReproducible(t *testing.T) {
	b := built(t)
	if _, err := os.Stat("web/node_modules/esbuild"); err != nil {
		t.Fatal("the page's tools are not installed; hint: make web-approval")
	}
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "node", "build.mjs", folder)
	cmd.Dir = "web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	again, err := readBundle(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	if again.hash != b.hash {
		for _, f := range again.list {
			if old := b.files[f.Path]; old == nil || old.SHA256 != f.SHA256 {
				t.Errorf("%s differs from what is embedded", f.Path)
			}
		}
		t.Errorf("bundle %s, embedded %s", again.hash, b.hash)
	}
}

// What must be in the page, and what must not.
func TestBuiltFiles(t *testing.T) {
	b := built(t)
	for _, name := range []string{"index.html", "page.css", "pdf.worker.js", "seal.svg", "wasm/jbig2.wasm", "wasm/openjpeg.wasm", "cmaps/UniCNS-UTF16-H.bcmap", "fonts/LiberationSans-Regular.ttf"} {
		if b.files[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	for name, f := range b.files {
		if strings.Contains(name, "nowasm") || strings.Contains(name, "quickjs") || strings.Contains(name, ".map") {
			t.Errorf("%s does not belong there", name)
		}
		if slices.Contains([]string{"index.html", "page.css"}, name) && bytes.Contains(f.data, []byte("https://fonts.")) {
			t.Errorf("%s asks strangers", name)
		}
	}
	if !bytes.Contains(b.files["pdf.worker.js"].data, []byte("chopCheckJbig2")) {
		t.Error("the worker does not check JBIG2 images")
	}
	if err := fs.WalkDir(embedded(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name != "README.md" && b.files[name] == nil {
			err = fmt.Errorf("%s is embedded, and not published", name)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestPageFormats runs the page's own tests.
func TestPageFormats(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("there is no node; hint: make deps")
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", "test/formats.test.mjs", "test/hpke.test.mjs", "test/jbig2.test.mjs")
	cmd.Dir = "web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
