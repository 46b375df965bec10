package pades

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/cms"
	"chop/internal/pdf"
)

// run runs a judge and returns all that it says; code is its exit code.
func run(t testing.TB, name string, args ...string) (out string, code int) {
	t.Helper()
	b, err := exec.Command(name, args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(b), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b), 0
}

func saved(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// accept lets strangers' tools judge a signed file: signatures counts the approval and
// certification signatures in it, document timestamps not included.
func (w *world) accept(t testing.TB, data []byte, signatures int) {
	t.Helper()
	path := saved(t, data)
	if out, code := run(t, "qpdf", "--check", path); code != 0 {
		t.Errorf("qpdf --check: exit %d\n%s", code, out)
	}
	out, _ := run(t, "pdfsig", "-nssdir", w.nssDB(), "-no-ocsp", path)
	if got := strings.Count(out, "Signature is Valid."); got != signatures {
		t.Errorf("pdfsig: %d valid signatures, want %d\n%s", got, signatures, out)
	}
	w.mutool(t, path, data)
	w.openssl(t, data)
}

// mutool calls a signature "unchanged" if nothing follows it, and otherwise, be it only
// a DSS or a document timestamp, "valid but there have been edits since". It knows no
// trusted roots, no RSA-PSS and no document timestamps.
func (w *world) mutool(t testing.TB, path string, data []byte) {
	t.Helper()
	out, _ := run(t, "mutool", "sign", "-v", path)
	unchanged, followed := 0, 0
	for _, p := range signatures(t, data) {
		if p.isTimestamp() {
			continue
		}
		if p.end == int64(len(data)) {
			unchanged++
		} else {
			followed++
		}
	}
	if got := strings.Count(out, "unchanged since signing"); got != unchanged {
		t.Errorf("mutool sign -v: %d signatures unchanged, want %d\n%s", got, unchanged, out)
	}
	if got := strings.Count(out, "The signature is valid but"); got != followed {
		t.Errorf("mutool sign -v: %d valid signatures with later updates, want %d\n%s", got, followed, out)
	}
}

// nssDB makes a certificate database in which the root is trusted, once a world.
func (w *world) nssDB() string {
	w.nss.Do(func() {
		w.nssDir = w.t.TempDir()
		for _, args := range [][]string{
			{"-N", "-d", "sql:" + w.nssDir, "--empty-password"},
			{"-A", "-d", "sql:" + w.nssDir, "-n", "root", "-t", "CT,C,C", "-a", "-i", w.RootFile(w.t)},
		} {
			if out, code := run(w.t, "certutil", args...); code != 0 {
				w.t.Errorf("certutil %v: exit %d\n%s", args, code, out)
			}
		}
	})
	return w.nssDir
}

// signatures lists the signatures of a file in the order of the form, each with its CMS
// and the bytes that it signs.
func signatures(t testing.TB, data []byte) []signedPart {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sigs, err := pdf.Signatures(f.Latest())
	if err != nil {
		t.Fatal(err)
	}
	var parts []signedPart
	for _, s := range sigs {
		if s.Value == nil {
			continue
		}
		br, err := f.Latest().Array(s.Value["ByteRange"])
		if err != nil || len(br) != 4 {
			t.Fatalf("field %q: ByteRange %v: %v", s.Field.Name, s.Value["ByteRange"], err)
		}
		n := func(i int) int64 { return br[i].(int64) }
		contents, err := f.Latest().String(s.Value["Contents"])
		if err != nil {
			t.Fatal(err)
		}
		p := signedPart{field: s.Field.Name, value: s.Value, contents: contents, end: n(2) + n(3)}
		p.covered = append(append(p.covered, data[n(0):n(0)+n(1)]...), data[n(2):p.end]...)
		if gap, want := string(data[n(1):n(2)]), "<"+hex.EncodeToString(contents)+">"; !strings.EqualFold(gap, want) {
			t.Errorf("field %q: the ByteRange's gap is not the Contents", p.field)
		}
		if p.cms, err = cms.TrimContents(contents); err != nil {
			t.Fatalf("field %q: %v", p.field, err)
		}
		parts = append(parts, p)
	}
	return parts
}

type signedPart struct {
	field    string
	value    pdf.Dict
	contents []byte
	cms      []byte
	covered  []byte
	end      int64
}

func (p signedPart) isTimestamp() bool { return p.value["SubFilter"] == subFilterTime }

// openssl verifies every CMS with openssl cms -cades, and every token with openssl ts.
func (w *world) openssl(t testing.TB, data []byte) {
	t.Helper()
	dir, root := t.TempDir(), w.RootFile(t)
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i, p := range signatures(t, data) {
		body, sig := write(fmt.Sprint(i, ".bin"), p.covered), write(fmt.Sprint(i, ".der"), p.cms)
		var out string
		var code int
		if p.isTimestamp() {
			out, code = run(t, "openssl", "ts", "-verify", "-data", body, "-in", sig, "-token_in", "-CAfile", root)
		} else {
			out, code = run(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", sig,
				"-content", body, "-CAfile", root, "-purpose", "any", "-out", os.DevNull)
		}
		if code != 0 {
			t.Errorf("openssl on field %q: exit %d\n%s", p.field, code, out)
		}
	}
}
