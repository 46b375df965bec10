package pades

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/corpus"
)

// Twice at B-LT and once more at B-LTA: every earlier signature covers the bytes that
// it covered when it was made, and all are valid.
func TestSeveralSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, in := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			one := w.sign(t, in, w.ecSigner("First"), LevelLT, nil)
			two := w.sign(t, one, w.ecSigner("Second"), LevelLT, func(r *Request) {
				r.Visible, r.Font = &Place{1, 40, 60, 240, 80}, ming
			})
			three := w.sign(t, two, w.ecSigner("Third"), LevelLTA, nil)
			w.accept(t, three, 3)
			var earlier []signedPart
			for _, data := range [][]byte{one, two, three} {
				parts := signatures(t, data)
				for i, p := range earlier {
					if parts[i].end != p.end || !bytes.Equal(parts[i].covered, p.covered) || !bytes.Equal(parts[i].contents, p.contents) {
						t.Errorf("signature %q changed", p.field)
					}
				}
				earlier = parts
			}
			names := map[string]bool{}
			for _, p := range earlier {
				if names[p.field] {
					t.Errorf("two fields are called %q", p.field)
				}
				names[p.field] = true
			}
		})
	}
}

// Files of the corpora whose cross-reference is hybrid: a table with /XRefStm.
func TestHybridFiles(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t, "pdf")
	w := newWorld(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	hybrid := 0
	for _, path := range files {
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(in) > 4<<20 || !bytes.Contains(in, []byte("/XRefStm")) {
			continue
		}
		out, err := w.trySign(t, in, w.ecSigner("Hybrid"), LevelLTA, nil)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		hybrid++
		w.openssl(t, out)
	}
	t.Logf("%d hybrid files", hybrid)
	if hybrid == 0 {
		t.Error("the corpus has no hybrid file")
	}
}
