package validation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"chop/validation"
)

// A tail is a hand-made revision for a document whose last cross-reference section is
// at previous: objects, then a table that may say anything.
type tail struct {
	doc      []byte
	previous int
}

func newTail(t *testing.T, doc []byte) *tail {
	at := bytes.LastIndex(doc, []byte("startxref\n")) + len("startxref\n")
	x := &tail{doc: bytes.Clone(doc)}
	if _, err := fmt.Sscan(string(doc[at:]), &x.previous); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *tail) object(num int, body string) (offset int) {
	offset = len(x.doc)
	x.doc = fmt.Appendf(x.doc, "%d 0 obj\n%s\nendobj\n", num, body)
	return offset
}

// xrefStream writes a cross-reference stream with one entry in use.
func (x *tail) xrefStream(num, entry, offset int) int {
	row := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32([]byte{1}, uint32(offset)), 0)
	return x.object(num, fmt.Sprintf("<< /Type /XRef /W [1 4 2] /Index [%d 1] /Size 99 /Root 1 0 R /Length %d >>\nstream\n%s\nendstream", entry, len(row), row))
}

// finish writes a table with the lines given ("4 1\n0000000009 00000 n") and a trailer.
func (x *tail) finish(trailer string, lines ...string) []byte {
	start := len(x.doc)
	x.doc = fmt.Appendf(x.doc, "xref\n%s\ntrailer\n<< /Size 99 /Root 1 0 R /Prev %d %s >>\nstartxref\n%d\n%%%%EOF\n",
		strings.Join(lines, " \n")+" ", x.previous, trailer, start)
	return x.doc
}

func used(num, offset int) string { return fmt.Sprintf("%d 1\n%010d 00000 n", num, offset) }

// Revisions that show two readers two documents.
func TestStructureAttacks(t *testing.T) {
	w := newWorld(t)
	doc := w.sign(blank(0), draft{by: w.signer("Chan Tai Man"), field: "S"})
	const evil = "<< /Length 47 >>\nstream\nBT /F1 24 Tf 72 720 Td (Pay 900 dollars) Tj ET  \nendstream"
	original := bytes.Index(doc, []byte("4 0 obj"))
	v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
	for name, make := range map[string]func(x *tail) []byte{
		"hybrid: the stream alone replaces the content": func(x *tail) []byte {
			at := x.object(4, evil)
			stm := x.xrefStream(90, 4, at)
			return x.finish(fmt.Sprintf("/XRefStm %d", stm), used(90, stm))
		},
		"hybrid: the table replaces it, the stream does not": func(x *tail) []byte {
			at := x.object(4, evil)
			stm := x.xrefStream(90, 4, original)
			return x.finish(fmt.Sprintf("/XRefStm %d", stm), used(4, at))
		},
		"hybrid: the stream replaces it, the table does not": func(x *tail) []byte {
			at := x.object(4, evil)
			stm := x.xrefStream(90, 4, at)
			return x.finish(fmt.Sprintf("/XRefStm %d", stm), used(4, original))
		},
		"two entries for one object": func(x *tail) []byte {
			at := x.object(4, evil)
			return x.finish("", used(4, original), used(4, at))
		},
		"an object with another number": func(x *tail) []byte {
			at := x.object(77, evil)
			return x.finish("", used(4, at))
		},
		"an object of another generation": func(x *tail) []byte {
			at := len(x.doc)
			x.doc = fmt.Appendf(x.doc, "4 1 obj\n%s\nendobj\n", evil)
			return x.finish("", fmt.Sprintf("4 1\n%010d 00001 n", at))
		},
		"an object inside the signature": func(x *tail) []byte {
			gap := bytes.LastIndex(x.doc, []byte("/Contents <"))
			return x.finish("", used(4, gap+40))
		},
		"an object beyond Size": func(x *tail) []byte {
			at := x.object(4, evil)
			return bytes.Replace(x.finish("", used(4, at)), []byte("/Size 99"), []byte("/Size 4 "), 1)
		},
		"a revision that the newest one skips": func(x *tail) []byte {
			at := x.object(4, evil)
			x.finish("", used(4, at))
			return append(x.doc, fmt.Sprintf("startxref\n%d\n%%%%EOF\n", x.previous)...)
		},
		"Prev that leads in a circle": func(x *tail) []byte {
			x.previous = len(x.doc)
			return x.finish("", used(4, original))
		},
		"Prev that skips the signed revision": func(x *tail) []byte {
			x.previous = bytes.Index(x.doc, []byte("xref\n0"))
			return x.finish("", used(4, original))
		},
		"a key twice": func(x *tail) []byte {
			at := x.object(5, "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /BaseFont /Helvetica >>")
			return x.finish("", used(5, at))
		},
		"an encryption dictionary": func(x *tail) []byte {
			at := x.object(91, "<< /Filter /Standard >>")
			return x.finish("/Encrypt 91 0 R", used(91, at))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := make(newTail(t, doc))
			o := soft
			o.At = day
			r, err := v.Validate(context.Background(), bytes.NewReader(bad), int64(len(bad)), o)
			if err != nil {
				return // cannot be judged, which passes nothing
			}
			if r.Passed() {
				t.Errorf("passed: %+v", r.Signatures)
			}
			for _, s := range r.Signatures {
				if s.Indication == validation.TotalPassed {
					t.Errorf("signature %q passed:\n%s", s.Field, explain(s))
				}
			}
		})
	}
}
