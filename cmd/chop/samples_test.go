package main_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

// letter is a PDF of one page with a line of text: a font, a content stream, a cross-reference table.
func letter(text string) []byte {
	return makePDF(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		pageText(text),
	)
}

// form is a letter with a text field, Owner, and two empty signature fields, Applicant and Officer.
func form() []byte {
	sig := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /F 4 /P 3 0 R /Rect [60 %d 260 %d] >>"
	return makePDF(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R 7 0 R 8 0 R] /DA (/F1 11 Tf 0 g) /DR << /Font << /F1 4 0 R >> >> >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R /Annots [6 0 R 7 0 R 8 0 R] >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		pageText("Application for renewal of a vehicle licence"),
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Owner) /V (Chan Tai Man) /DA (/F1 11 Tf 0 g) /F 4 /P 3 0 R /Rect [60 600 260 620] >>",
		fmt.Sprintf(sig, "Applicant", 300, 360),
		fmt.Sprintf(sig, "Officer", 200, 260),
	)
}

func pageText(text string) string {
	body := fmt.Sprintf("BT /F1 14 Tf 60 760 Td (%s) Tj ET", text)
	return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(body), body)
}

// makePDF numbers the objects from 1; the first is the catalog.
func makePDF(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	numbered := map[int]string{}
	for i, object := range objects {
		numbered[i+1] = object
	}
	writeRevision(&b, numbered, len(objects)+1, "")
	return b.Bytes()
}

// update appends a revision with these objects to a file that has cross-reference tables: what anyone can do to
// a signed file without changing a signed byte.
func update(t testing.TB, file []byte, objects map[int]string) []byte {
	t.Helper()
	size := lastNumber(t, file, `/Size (\d+)`)
	prev := lastNumber(t, file, `startxref\s+(\d+)`)
	if !bytes.HasPrefix(file[prev:], []byte("xref")) {
		t.Fatalf("the last cross-reference section is no table: %.60q", file[prev:])
	}
	b := bytes.NewBuffer(bytes.Clone(file))
	for n := range objects {
		size = max(size, n+1)
	}
	writeRevision(b, objects, size, fmt.Sprintf("/Prev %d ", prev))
	return b.Bytes()
}

func writeRevision(b *bytes.Buffer, objects map[int]string, size int, prev string) {
	var table bytes.Buffer
	for n := 1; n < size; n++ {
		if object, ok := objects[n]; ok {
			fmt.Fprintf(&table, "%d 1\n%010d 00000 n \n", n, b.Len())
			fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", n, object)
		}
	}
	xref := b.Len()
	fmt.Fprintf(b, "xref\n0 1\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n",
		&table, size, prev, xref)
}

// lastNumber is the number in the last match of pattern.
func lastNumber(t testing.TB, file []byte, pattern string) int {
	t.Helper()
	all := regexp.MustCompile(pattern).FindAllSubmatch(file, -1)
	if len(all) == 0 {
		t.Fatalf("no %s in the file", pattern)
	}
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
