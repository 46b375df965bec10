package reports

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chop/internal/pdf"
	"chop/internal/raster"
	"chop/validation"
	"chop/validation/changes"
)

// bars is a PDF of n pages with a black bar each, and the objects of their contents.
func bars(t *testing.T, n int) ([]byte, []pdf.Ref) {
	t.Helper()
	var d pdf.Draft
	pages := d.Alloc()
	var kids pdf.Array
	var contents []pdf.Ref
	for range n {
		c := d.AddStream(pdf.Dict{}, []byte("72 400 200 40 re f"))
		contents = append(contents, c)
		kids = append(kids, d.Add(pdf.Dict{"Type": pdf.Name("Page"), "Parent": pages, "MediaBox": pdf.Array{0.0, 0.0, 595.0, 842.0}, "Resources": pdf.Dict{}, "Contents": c}))
	}
	d.Set(pages, pdf.Dict{"Type": pdf.Name("Pages"), "Kids": kids, "Count": int64(n)})
	b, err := d.Bytes(d.Add(pdf.Dict{"Type": pdf.Name("Catalog"), "Pages": pages}), pdf.Ref{})
	if err != nil {
		t.Fatal(err)
	}
	return b, contents
}

// changed adds a revision in which an object has another content.
func changed(t *testing.T, doc []byte, ref pdf.Ref, content string) []byte {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(doc), int64(len(doc)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	u := pdf.NewUpdate(f)
	u.Set(ref, pdf.NewStream(pdf.Dict{}, []byte(content)))
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(doc), inc.Bytes...)
}

// dark reports whether the picture is, at a place of the page in points.
func dark(t *testing.T, p Picture, x, y float64) bool {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	scale := float64(p.Height) / 842
	r, _, _, _ := m.At(int(x*scale), int((842-y)*scale)).RGBA()
	return r < 0x4000
}

// twice is a document of three pages, signed, changed on page two, and signed again.
func twice(t *testing.T) ([]byte, Subject) {
	first, contents := bars(t, 3)
	doc := changed(t, first, contents[1], "72 600 200 40 re f")
	s := subject()
	s.Report.Document = validation.Document{Modifications: changes.Suspicious, Changes: []changes.Change{{Revision: 1, Kind: changes.Other, Page: 2, Detail: "content was changed\u202e"}}}
	s.Report.Signatures[0].Covers, s.Report.Signatures[1].Covers = int64(len(first)), int64(len(doc))
	s.Report.Signatures = append(s.Report.Signatures, validation.Signature{Field: "Stamp", Format: validation.FormatTimestamp, Covers: int64(len(doc))}, validation.Signature{Field: "Broken"})
	return doc, s
}

// What was signed is shown as it was, and where it looks otherwise now; a page that a later signature shows the same is
// not shown again.
func TestDraw(t *testing.T) {
	doc, s := twice(t)
	got := Draw(t.Context(), bytes.NewReader(doc), int64(len(doc)), s.Report)
	if got.Lacking != nil || got.Cut || len(got.List) != 4 {
		t.Fatalf("%d pictures, cut %v, %v", len(got.List), got.Cut, got.Lacking)
	}
	for i, want := range []struct {
		page           int
		field          string
		changed, moved bool
		later          int
	}{{1, "A", false, false, 0}, {2, "A", true, false, 1}, {3, "A", false, false, 0}, {2, "B", false, true, 0}} {
		p := got.List[i]
		if p.Page != want.page || p.Of != 3 || !slices.Equal(p.Fields, []string{want.field}) || len(p.Changed) > 0 != want.changed || len(p.Later) != want.later || p.Gone {
			t.Errorf("picture %d: page %d of %d, %v, changed %v, later %v", i, p.Page, p.Of, p.Fields, p.Changed, p.Later)
		}
		if dark(t, p, 172, 420) == want.moved || dark(t, p, 172, 620) != want.moved {
			t.Errorf("picture %d shows another page than was signed", i)
		}
	}
	scale := float64(raster.Side) / 842
	bar := image.Rect(int(74*scale), int((842-438)*scale), int(270*scale), int((842-402)*scale))
	if !slices.ContainsFunc(got.List[1].Changed, bar.In) {
		t.Errorf("%v is not within %v", bar, got.List[1].Changed)
	}
}

// A hundred pages are not drawn, and the report says so; nor is what is no PDF, or a page tree that is none.
func TestDrawLimits(t *testing.T) {
	doc, _ := bars(t, 60)
	r := &validation.Report{Signatures: []validation.Signature{{Field: "A", Covers: int64(len(doc))}}}
	got := Draw(t.Context(), bytes.NewReader(doc), int64(len(doc)), r)
	if len(got.List) != maxPictures || !got.Cut || got.Lacking != nil {
		t.Errorf("%d pictures, cut %v, %v", len(got.List), got.Cut, got.Lacking)
	}
	r.Signatures[0].Covers = 10
	if got := Draw(t.Context(), bytes.NewReader(doc), int64(len(doc)), r); !errors.Is(got.Lacking, raster.ErrFailed) {
		t.Errorf("%v", got.Lacking)
	}
	r.Signatures[0].Covers = 0
	if got := Draw(t.Context(), bytes.NewReader(doc), int64(len(doc)), r); got.List != nil || got.Cut || got.Lacking != nil {
		t.Errorf("nobody signed: %v", got)
	}
}

// The pictures are pages of the report, with their words, in each language.
func TestPDFPictures(t *testing.T) {
	doc, s := twice(t)
	pictures := Draw(t.Context(), bytes.NewReader(doc), int64(len(doc)), s.Report)
	s.Pictures = &pictures
	for lang, want := range map[string][]string{
		"en":      {"Page 2 of 3", "As signed by: A (CN=陳大文) · TOTAL-PASSED", "Framed in red", "Changed afterwards: revision 1: other, page 2: content was", "looks the same"},
		"zh-Hant": {"第 2 頁，共 3 頁", "由以下簽署涵蓋: A", "紅框內", "其後的更改: revision 1", "看來與此相同"},
		"zh-Hans": {"第 2 页，共 3 页", "由以下签署涵盖: A", "红框内", "其后的更改: revision 1", "看来与此相同"},
	} {
		b, err := PDF(s, lang)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "r.pdf")
		if dir := os.Getenv("CHOP_SCREENSHOTS"); dir != "" { // to be looked at
			path = filepath.Join(dir, "report-"+lang+".pdf")
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
			t.Errorf("qpdf: %v %s", err, out)
		}
		text, err := exec.Command("pdftotext", "-layout", path, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range append(want, `\u202e`, word("pictures", lang)[:12]) {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s lacks %q:\n%s", lang, w, text)
			}
		}
		images, err := exec.Command("pdfimages", "-list", path).Output()
		if n := strings.Count(string(images), " jpeg "); err != nil || n != 4 {
			t.Errorf("%d images, %v", n, err)
		}
		if pages := strings.Count(string(text), "\f"); !strings.Contains(string(text), fmt.Sprintf("%d / %d", pages, pages)) {
			t.Errorf("%d pages are numbered otherwise", pages)
		}
	}
}

// Why there are no pictures is said, and who brings them.
func TestRemarks(t *testing.T) {
	for _, c := range []struct {
		p    Pictures
		want []string
	}{
		{Pictures{}, nil},
		{Pictures{List: []Picture{{}}, Cut: true}, []string{"pictures", "pictures-cut"}},
		{Pictures{Lacking: fmt.Errorf("x: %w", raster.ErrAbsent)}, []string{"pictures-absent"}},
		{Pictures{List: []Picture{{}}, Lacking: raster.ErrFailed}, []string{"pictures", "pictures-failed"}},
	} {
		if got := c.p.remarks(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c.p, got)
		}
		s := subject()
		s.Pictures = &c.p
		text, err := Detailed(s, "en")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if !strings.Contains(text, word(w, "en")) {
				t.Errorf("lacks %q", w)
			}
		}
	}
}
