package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chop/internal/pdf"
)

// TestTolerated lists what honest writers get wrong and every reader puts up with.
func TestTolerated(t *testing.T) {
	edit := func(old, new string) []byte {
		b := classic()
		if bytes.Count(b, []byte(old)) == 0 {
			t.Fatalf("no %q in the sample", old)
		}
		// The cross-reference offsets stay good if the length does.
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
	full := func() *maker { // table in one subsection, lines of 20 bytes
		m := newMaker()
		m.page()
		return m
	}
	offByOne := full()
	at := offByOne.Len()
	fmt.Fprintf(offByOne, "xref\n1 5\n0000000000 65535 f \n")
	for num := 1; num < 5; num++ {
		fmt.Fprintf(offByOne, "%010d 00000 n \n", offByOne.offs[num])
	}
	offByOne.end(at, "trailer<</Size 5/Root 1 0 R>>")
	short := full()
	at = short.Len()
	fmt.Fprintf(short, "xref\n0 1\n0000000000 65535 f\n1 4\n")
	for num := 1; num < 5; num++ {
		fmt.Fprintf(short, "%010d 00000 n\n", short.offs[num]) // 19 bytes
	}
	short.end(at, "trailer<</Size 5/Root 1 0 R>>")
	for name, data := range map[string][]byte{
		"subsection off by one":      offByOne.Bytes(),
		"entries of 19 bytes":        short.Bytes(),
		"length too short":           edit("/Length 8", "/Length 3"),
		"length beyond the file":     edit("/Length 8", "/Length 9999"),
		"length absent":              edit("/Length 8", "/LeNgth 8"),
		"startxref into white space": edit("xref\n0 1\n0000000000 65535 f \n", "\nxref 0 1\n0000000000 65535 f\n"),
		"no end-of-file marker":      edit("%%EOF\n", ""),
		"generation in the header":   edit("3 0 obj", "3 7 obj"),
		"header with a comment": bytes.Replace(edit("/Rotate 90>>\nendobj", "/Rotate 9>>endobj"),
			[]byte("2 0 obj\n<</Type /Pages"), []byte("2 %x\n0 obj<</Type /Pages"), 1),
		"white space before objects":   edit("endobj\n2 0 obj\n<</Type", "endobj 2 0 obj\n<</Type"),
		"prev of zero":                 edit("/Root 1 0 R", "/Root 1 0 R /Prev 0"),
		"startxref a byte too far":     bytes.Replace(classic(), []byte("endobj\nxref"), []byte("endobjxref\n"), 1),
		"object number run into obj":   edit("1 0 obj\n<<", "1 0 obj <<"),
		"stream keyword followed by ␠": edit("stream\n0 0 m 1 ", "stream \n0 0 m 1"),
	} {
		t.Run(name, func(t *testing.T) {
			f := mustOpen(t, data)
			n := 0
			for p, err := range pdf.Pages(f.Latest()) {
				if err != nil {
					t.Fatal(err)
				}
				if s, err := f.Latest().Stream(p.Dict["Contents"]); err != nil || s == nil {
					t.Errorf("contents: %v, %v", s, err)
				} else if got, err := f.Decode(s); err != nil || !strings.HasPrefix(string(got), "0 0 m 1") {
					t.Errorf("contents = %q, %v", got, err)
				}
				n++
			}
			if n != 1 {
				t.Errorf("%d pages, want 1", n)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	loop := newMaker()
	loop.page()
	loop.last = loop.Len()
	loop.table(5, "/Root 1 0 R")
	deep := newMaker()
	deep.obj(1, strings.Repeat("[", 200)+strings.Repeat("]", 200))
	deep.table(2, "/Root 1 0 R")
	encrypted := newMaker()
	encrypted.page()
	encrypted.table(5, "/Root 1 0 R /Encrypt 9 0 R")
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty":              {nil, pdf.ErrNotPDF},
		"text":               {[]byte("hello, world"), pdf.ErrNotPDF},
		"late header":        {append(make([]byte, 1024), classic()...), pdf.ErrNotPDF},
		"no startxref":       {[]byte("%PDF-1.4\nhello"), pdf.ErrMalformed},
		"startxref outside":  {[]byte("%PDF-1.4\nstartxref\n99999\n%%EOF"), pdf.ErrMalformed},
		"startxref at text":  {[]byte("%PDF-1.4\nstartxref\n0\n%%EOF"), pdf.ErrMalformed},
		"prev loop":          {loop.Bytes(), pdf.ErrMalformed},
		"deep nesting":       {deep.Bytes(), pdf.ErrLimit},
		"encrypted":          {encrypted.Bytes(), pdf.ErrEncrypted},
		"encrypted by qpdf":  {converted(t, classic(), "--encrypt", "u", "o", "256", "--"), pdf.ErrEncrypted},
		"table without text": {[]byte("%PDF-1.4\nxref\n0 1\ntrailer\nstartxref\n9\n%%EOF"), pdf.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := openBytes(c.data)
			if err == nil {
				_, err = f.Latest().Catalog()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
