package adobe

import (
	"crypto/elliptic"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/corpus"
	"chop/signer/pades"
	"chop/signer/signertest"
)

// TestCorpus: on odd files the library often fails. What counts is that nothing comes
// out which is worse than what went in, and that every refusal has one of our reasons.
func TestCorpus(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t, "pdf")
	files, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s", dir)
	}
	s := newScene(t, signertest.ECKey(t, elliptic.P256()), "")
	signed, out := 0, filepath.Join(t.TempDir(), "signed.pdf")
	for _, path := range files {
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		result, err := s.sign(t, in, nil)
		if err != nil {
			known := false
			for _, want := range []error{ErrUnsupported, ErrDamaged, pades.ErrNotPDF, pades.ErrEncrypted, pades.ErrMalformed, pades.ErrForbidden, pades.ErrLimit} {
				known = known || errors.Is(err, want)
			}
			if !known {
				t.Errorf("%s: refused without a reason of ours: %v", filepath.Base(path), err)
			}
			continue
		}
		signed++
		if err := os.WriteFile(out, result, 0o600); err != nil {
			t.Fatal(err)
		}
		if before, after := complaints(path), complaints(out); after > before {
			t.Errorf("%s: qpdf has %d complaints, had %d", filepath.Base(path), after, before)
		}
		text, _ := exec.Command("pdfsig", "-nocert", out).CombinedOutput()
		if !strings.Contains(string(text), "Signature is Valid.") {
			t.Errorf("%s: pdfsig:\n%s", filepath.Base(path), text)
		}
	}
	t.Logf("%d of %d files signed", signed, len(files))
}

func complaints(path string) int {
	text, err := exec.Command("qpdf", "--check", path).CombinedOutput()
	n := strings.Count(string(text), "WARNING:") + strings.Count(string(text), "ERROR:")
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 2 {
		n += 1000
	}
	return n
}
