package pades

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maker writes small PDF files with a classic cross-reference table, object by object.
type maker struct {
	buf     bytes.Buffer
	offsets []int
}

func newMaker() *maker {
	m := &maker{}
	m.buf.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return m
}

// add writes the next object; the first is number 1.
func (m *maker) add(body string) {
	m.offsets = append(m.offsets, m.buf.Len())
	fmt.Fprintf(&m.buf, "%d 0 obj\n%s\nendobj\n", len(m.offsets), body)
}

func (m *maker) stream(dict, data string) {
	m.add(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
}

func (m *maker) finish(trailer string) []byte {
	start := m.buf.Len()
	fmt.Fprintf(&m.buf, "xref\n0 %d\n0000000000 65535 f \n", len(m.offsets)+1)
	for _, off := range m.offsets {
		fmt.Fprintf(&m.buf, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&m.buf, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(m.offsets)+1, trailer, start)
	return m.buf.Bytes()
}

const pageText = "BT /F1 24 Tf 72 700 Td (The text of the page) Tj ET"

// plainFile is one page of A4 with a line of text. The extras go into the catalog and
// the page; more objects are numbered from 6 on.
func plainFile(catalog, page string, more ...string) []byte {
	m := newMaker()
	m.add("<< /Type /Catalog /Pages 2 0 R " + catalog + " >>")
	m.add("<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
	m.add("<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> " + page + " >>")
	m.stream("", pageText)
	m.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for _, o := range more {
		m.add(o)
	}
	return m.finish("/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]")
}

// bigFile is plainFile with n bytes of ballast.
func bigFile(n int) []byte {
	ballast := bytes.Repeat([]byte("0123456789abcde\n"), n/16)
	return plainFile("", "", fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(ballast), ballast))
}

// byQPDF rewrites a file with qpdf.
func byQPDF(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.pdf"), filepath.Join(dir, "b.pdf")
	if err := os.WriteFile(a, in, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", append(args, a, b)...).CombinedOutput(); err != nil {
		t.Fatalf("qpdf %v: %v\n%s", args, err, out)
	}
	data, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
