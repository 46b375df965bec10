package pdf_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"chop/internal/corpus"
	"chop/internal/pdf"
)

func openBytes(b []byte) (*pdf.File, error) {
	return pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Limits{})
}

// qpdfCheck returns the number of warnings and errors that qpdf has about a file.
func qpdfCheck(t *testing.T, data []byte) (int, string) {
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command("qpdf", "--check", path).CombinedOutput()
	text := strings.ReplaceAll(string(out), path, "a.pdf")
	return strings.Count(text, "WARNING") + strings.Count(text, "ERROR"), text
}

// appendTo adds an object and changes the catalog.
func appendTo(f *pdf.File) (*pdf.Increment, error) {
	u := pdf.NewUpdate(f)
	catalog, err := f.Latest().Catalog()
	if err != nil {
		return nil, err
	}
	catalog["ChopTest"] = u.Add(pdf.Dict{
		"Text":  pdf.EncodeText("正體字 (parentheses) \\ and more"),
		"Range": pdf.ByteRangePlaceholder("range"),
		"Hex":   pdf.HexPlaceholder("hex", 100),
	})
	catalog["ChopStream"] = u.AddStream(nil, bytes.Repeat([]byte("stream "), 100))
	u.Set(f.Latest().CatalogRef(), catalog)
	return u.Build()
}

// TestSignable opens each file of the corpus that must be signable, walks what a
// signer walks, appends to it, and asks qpdf and mutool.
func TestSignable(t *testing.T) {
	dir := corpus.Dir(t, "")
	manifest, err := os.ReadFile(filepath.Join(dir, "pdf.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(manifest))
	r.Comma, r.Comment, r.LazyQuotes = '\t', '#', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		name, outcome := row[0], row[5]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(dir, "pdf", name))
			if err != nil {
				t.Fatal(err)
			}
			after, err := exercise(data)
			if err != nil {
				if outcome == "signed" {
					t.Fatal(err)
				}
				if !errors.Is(err, pdf.ErrNotPDF) && !errors.Is(err, pdf.ErrMalformed) && !errors.Is(err, pdf.ErrEncrypted) && !errors.Is(err, pdf.ErrLimit) {
					t.Fatalf("refused with %v, which is none of the sentinels", err)
				}
				t.Logf("refused: %v", err)
				return
			}
			had, before := qpdfCheck(t, data)
			has, now := qpdfCheck(t, after)
			if has > had {
				t.Errorf("qpdf --check had %d complaints and has %d:\n%s\nbefore:\n%s", had, has, now, before)
			}
		})
	}
}

// exercise walks a file and returns it with an update.
func exercise(data []byte) ([]byte, error) {
	f, err := openBytes(data)
	if err != nil {
		return nil, err
	}
	v := f.Latest()
	for _, err := range pdf.Pages(v) {
		if err != nil {
			return nil, err
		}
	}
	if _, err := pdf.Signatures(v); err != nil {
		return nil, err
	}
	inc, err := appendTo(f)
	if err != nil {
		return nil, err
	}
	if inc.Base != int64(len(data)) {
		return nil, errors.New("the increment does not begin at the end of the file")
	}
	return append(bytes.Clone(data), inc.Bytes...), nil
}

// TestStrangers opens every other PDF of the corpora, many of them attacks: each
// opens or is encrypted, nothing panics, each revision is a file of its own, and
// each file takes an update that qpdf finds no fault with.
func TestStrangers(t *testing.T) {
	dir := corpus.Dir(t, "")
	for _, sub := range []string{"pyHanko", "esig_dss"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".pdf" {
				return err
			}
			t.Run(sub+"/"+filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				f, err := openBytes(data)
				if errors.Is(err, pdf.ErrEncrypted) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				odd := f.Anomalies()
				for i, rev := range f.Revisions() {
					readAll(t, f.View(i))
					alone, err := openBytes(data[:rev.Tail])
					if err != nil {
						t.Fatalf("revision %d on its own: %v", i, err)
					}
					if got := alone.Revisions(); len(odd) == 0 && !reflect.DeepEqual(got, f.Revisions()[:i+1]) {
						t.Errorf("revision %d on its own: %+v", i, got)
					}
				}
				after, err := exercise(data)
				if errors.Is(err, pdf.ErrMalformed) {
					t.Logf("its trees cannot be walked: %v", err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				had, before := qpdfCheck(t, data)
				if has, now := qpdfCheck(t, after); has > had {
					t.Errorf("qpdf --check had %d complaints and has %d:\n%s\nbefore:\n%s", had, has, now, before)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads every object of a view, and decodes every stream that can be.
func readAll(t *testing.T, v *pdf.View) {
	for _, num := range v.Numbers() {
		e, _ := v.Entry(num)
		o, err := v.Get(e.Ref)
		if err != nil {
			if !errors.Is(err, pdf.ErrMalformed) {
				t.Errorf("object %d: %v", num, err)
			}
			continue
		}
		if s, ok := o.(*pdf.Stream); ok {
			if _, err := v.File().Decode(s); err != nil && !errors.Is(err, pdf.ErrFilter) && !errors.Is(err, pdf.ErrMalformed) {
				t.Errorf("stream %d: %v", num, err)
			}
		}
	}
}
