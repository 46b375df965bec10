package pdf_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/pdf"
)

// A maker writes PDF files by hand, keeping count of offsets.
type maker struct {
	bytes.Buffer
	offs map[int]int // of the objects since the last section
	last int         // offset of the last section
}

func newMaker() *maker {
	m := &maker{offs: map[int]int{}}
	m.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return m
}

func (m *maker) obj(num int, body string) {
	m.offs[num] = m.Len()
	fmt.Fprintf(m, "%d 0 obj\n%s\nendobj\n", num, body)
}

func (m *maker) stream(num int, dict string, data []byte) {
	m.obj(num, fmt.Sprintf("<<%s /Length %d>>\nstream\n%s\nendstream", dict, len(data), data))
}

// table ends a revision with a cross-reference table of the objects written since
// the last. extra goes into the trailer.
func (m *maker) table(size int, extra string) {
	at := m.Len()
	m.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for num := 1; num < size; num++ {
		if off, ok := m.offs[num]; ok {
			fmt.Fprintf(m, "%d 1\n%010d 00000 n \n", num, off)
		}
	}
	m.end(at, fmt.Sprintf("trailer\n<</Size %d %s%s>>\n", size, extra, m.prev()))
}

func (m *maker) prev() string {
	if m.last == 0 {
		return ""
	}
	return fmt.Sprintf(" /Prev %d", m.last)
}

func (m *maker) end(at int, trailer string) {
	m.WriteString(trailer)
	fmt.Fprintf(m, "startxref\n%d\n%%%%EOF\n", at)
	m.last = at
	clear(m.offs)
}

// xrefStream returns the dictionary entries and data of a cross-reference stream
// over the objects written since the last section and the compressed ones, which
// map a number to {stream, index}.
func (m *maker) xrefStream(self, size int, compressed map[int][2]int) (string, []byte) {
	m.offs[self] = m.Len()
	index, rows := "0 1 ", []byte{0, 0, 0, 0, 255, 255}
	for num := 1; num < size; num++ {
		kind, a, b := byte(1), m.offs[num], 0
		if c, ok := compressed[num]; ok {
			kind, a, b = 2, c[0], c[1]
		} else if _, ok := m.offs[num]; !ok {
			continue
		}
		index += fmt.Sprintf("%d 1 ", num)
		rows = append(rows, kind, byte(a>>16), byte(a>>8), byte(a), byte(b>>8), byte(b))
	}
	return fmt.Sprintf("/Type /XRef /Size %d /W [1 3 2] /Index [%s]", size, index), rows
}

// streamed ends a revision with a cross-reference stream.
func (m *maker) streamed(self, size int, compressed map[int][2]int, extra string) {
	at := m.Len()
	dict, rows := m.xrefStream(self, size, compressed)
	m.stream(self, dict+extra+m.prev(), rows)
	m.end(at, "")
}

const (
	catalogBody = "<</Type /Catalog /Pages 2 0 R>>"
	pagesBody   = "<</Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 300 200] /Rotate 90>>"
	pageBody    = "<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <<>>>>"
	contentBody = "<</Length 8>>\nstream\n0 0 m 1 \nendstream"
	docID       = "/ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]"
)

func (m *maker) page() {
	m.obj(1, catalogBody)
	m.obj(2, pagesBody)
	m.obj(3, pageBody)
	m.obj(4, contentBody)
}

// classic is one page with a table.
func classic() []byte {
	m := newMaker()
	m.page()
	m.table(5, "/Root 1 0 R "+docID)
	return m.Bytes()
}

// streams is one page whose catalog and page tree are compressed, with a
// cross-reference stream; the second object stream extends the first.
func streams() []byte {
	m := newMaker()
	m.obj(3, pageBody)
	m.obj(4, contentBody)
	first := fmt.Sprintf("1 0 9 %d ", len(catalogBody)+1)
	m.stream(5, fmt.Sprintf("/Type /ObjStm /N 2 /First %d", len(first)), []byte(first+catalogBody+" (nine)"))
	m.stream(6, "/Type /ObjStm /N 1 /First 4 /Extends 5 0 R", []byte("2 0 "+pagesBody))
	m.streamed(7, 10, map[int][2]int{1: {5, 0}, 9: {5, 1}, 2: {6, 0}}, "/Root 1 0 R "+docID)
	return m.Bytes()
}

// hybrid is a classic page with an object 6 that only readers of cross-reference
// streams see, and that the table calls free.
func hybrid() []byte {
	m := newMaker()
	m.obj(1, "<</Type /Catalog /Pages 2 0 R /Hidden 6 0 R>>")
	m.obj(2, pagesBody)
	m.obj(3, pageBody)
	m.obj(4, contentBody)
	m.stream(5, "/Type /ObjStm /N 1 /First 4", []byte("6 0 (hidden)"))
	visible := map[int]int{}
	for num, off := range m.offs {
		visible[num] = off
	}
	clear(m.offs)
	at := m.Len()
	dict, rows := m.xrefStream(7, 8, map[int][2]int{6: {5, 0}})
	m.stream(7, dict, rows)
	m.offs = visible
	xref := m.Len()
	m.WriteString("xref\n0 8\n0000000006 65535 f \n")
	for num := 1; num < 6; num++ {
		fmt.Fprintf(m, "%010d 00000 n \n", visible[num])
	}
	m.WriteString("0000000007 00000 f \n0000000000 00000 f \n")
	m.end(xref, fmt.Sprintf("trailer\n<</Size 8 /Root 1 0 R %s /XRefStm %d>>\n", docID, at))
	return m.Bytes()
}

func mustOpen(t *testing.T, b []byte) *pdf.File {
	t.Helper()
	f, err := openBytes(b)
	if err != nil {
		t.Fatalf("Open: %v\n%s", err, b)
	}
	return f
}

// tool runs a program on a file with the given bytes; FILE in args is its name.
func tool(t *testing.T, data []byte, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "FILE", path)
	}
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	return string(out), err
}

// converted returns a file that qpdf wrote from b with the given options.
func converted(t *testing.T, b []byte, options ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.pdf")
	args := append(append([]string{"qpdf"}, options...), "FILE", out)
	if text, err := tool(t, b, args...); err != nil {
		t.Fatalf("qpdf: %v: %s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
