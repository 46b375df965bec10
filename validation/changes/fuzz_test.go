package changes_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"chop/internal/pdf"
	"chop/validation/changes"
)

// FuzzAfter replaces one object of the base document, or adds one, with any bytes.
// The two revisions can be compared in bounded time with the same result each time,
// and a page's content, a font or a signature that was replaced by something else is
// told.
func FuzzAfter(f *testing.F) {
	doc := base()
	start := bytes.LastIndex(doc, []byte("startxref\n")) + len("startxref\n")
	var previous int
	fmt.Sscan(string(doc[start:]), &previous)
	f.Add(uint8(content), []byte("<< /Length 1 >>\nstream\nx\nendstream"))
	f.Add(uint8(catalog), []byte("<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /DSS 50 0 R >>"))
	f.Add(uint8(textField), []byte("<< /Type /Annot /Subtype /Widget /FT /Tx /T (Name) /V (Wong) /P 3 0 R /Rect [10 10 90 30] /AP << /N 11 0 R >> >>"))
	f.Add(uint8(annots), []byte("[7 0 R 8 0 R 9 0 R 12 0 R 20 0 R 7 0 R]"))
	f.Add(uint8(form), []byte("<< /Fields [7 0 R 8 0 R 9 0 R 19 0 R 6 0 R] >>"))
	f.Add(uint8(lastObject), []byte("(orphan)"))
	f.Add(uint8(pages), []byte("<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 2 >>"))
	strict := map[uint8]bool{content: true, font: true, value: true, picture: true}
	f.Fuzz(func(t *testing.T, num uint8, body []byte) {
		if num == 0 || len(body) > 4096 {
			return
		}
		next := bytes.Clone(doc)
		at := len(next)
		next = fmt.Appendf(next, "%d 0 obj\n%s\nendobj\n", num, body)
		table := len(next)
		next = fmt.Appendf(next, "xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size 300 /Root 1 0 R /Info %d 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", num, at, info, previous, table)
		file, err := pdf.Open(bytes.NewReader(next), int64(len(next)), pdf.Limits{})
		if err != nil || len(file.Revisions()) != 2 {
			return
		}
		first, err := changes.After(context.Background(), file, 0)
		if err != nil {
			t.Fatal(err)
		}
		again, err := changes.After(context.Background(), file, 0)
		if err != nil || len(again) != len(first) {
			t.Fatalf("first %v, then %v, %v", first, again, err)
		}
		if err := file.Unaltered(); err != nil {
			t.Fatal(err)
		}
		if !strict[num] {
			return
		}
		before, _ := file.View(0).Get(ref(int(num)))
		after, err := file.View(1).Get(ref(int(num)))
		a, _ := pdf.Append(nil, before)
		b, errB := pdf.Append(nil, after)
		if _, stream := after.(*pdf.Stream); stream || err != nil || errB != nil || bytes.Equal(a, b) {
			return
		}
		for _, c := range first {
			if c.Kind == changes.Other {
				return
			}
		}
		t.Errorf("object %d became %q, and the changes are %v", num, body, first)
	})
}
