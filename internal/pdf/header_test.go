package pdf_test

import (
	"bytes"
	"fmt"
	"testing"

	"chop/internal/pdf"
)

// afterJunk is a file with n bytes before its header, whose offsets count from the
// first byte (absolute) or from the header.
func afterJunk(n int, absolute bool) []byte {
	b := bytes.NewBuffer(bytes.Repeat([]byte{'\n'}, n))
	from := n
	if absolute {
		from = 0
	}
	var at [4]int
	b.WriteString("%PDF-1.4\n")
	for i, o := range []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"} {
		at[i+1] = b.Len() - from
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len() - from
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, off := range at[1:] {
		fmt.Fprintf(b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(b, "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

// However many bytes stand before the header, and however its offsets count, an update
// is read back in the way in which it was written. (Found by FuzzOpen: with a few bytes
// before the header both ways of counting seem to find the table.)
func TestUpdateAfterJunk(t *testing.T) {
	for n := range 40 {
		for _, absolute := range []bool{true, false} {
			data := afterJunk(n, absolute)
			f, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
			if err != nil {
				t.Fatalf("%d bytes before the header, absolute %v: %v", n, absolute, err)
			}
			if _, err := f.Latest().Get(pdf.Ref{Num: 3}); err != nil {
				t.Fatalf("%d bytes before the header, absolute %v: %v", n, absolute, err)
			}
			u := pdf.NewUpdate(f)
			ref := u.Add(pdf.Dict{"Mark": pdf.HexPlaceholder("mark", 3)})
			inc, err := u.Build()
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, inc.Bytes...)
			again, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
			if err != nil {
				t.Fatalf("%d bytes before the header, absolute %v, after an update: %v", n, absolute, err)
			}
			if s, err := again.StringSpan(again.Latest(), ref, "Mark"); err != nil || s != inc.Marks["mark"] {
				t.Errorf("%d bytes before the header, absolute %v: mark at %v, %v, want %v", n, absolute, s, err, inc.Marks["mark"])
			}
		}
	}
}
