package pdf_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"chop/internal/pdf"
)

// TestLimits: each limit stops what it names.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		lim  pdf.Limits
	}{
		"Entries":      {classic(), pdf.Limits{Entries: 3}},
		"Sections":     {revised(), pdf.Limits{Sections: 2}},
		"Depth":        {classic(), pdf.Limits{Depth: 1}},
		"ObjectBytes":  {classic(), pdf.Limits{ObjectBytes: 20}},
		"Elements":     {classic(), pdf.Limits{Elements: 4}},
		"Decoded":      {streams(), pdf.Limits{Decoded: 10}},
		"DecodedTotal": {streams(), pdf.Limits{DecodedTotal: 60}},
		"Nodes":        {classic(), pdf.Limits{Nodes: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := pdf.Open(bytes.NewReader(c.data), int64(len(c.data)), c.lim)
			if err == nil {
				_, err = pdf.PageAt(f.Latest(), 0)
			}
			if !errors.Is(err, pdf.ErrLimit) {
				t.Errorf("got %v, want ErrLimit", err)
			}
		})
	}
}

// sparse is a file of which only head and tail are in memory, zeros between; it
// counts what is read.
type sparse struct {
	head, tail []byte
	size       int64
	read       atomic.Int64
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, make([]byte, max(0, min(int64(len(p)), s.size-off))))
	for i := range p[:n] {
		switch at := off + int64(i); {
		case at < int64(len(s.head)):
			p[i] = s.head[at]
		case at >= s.size-int64(len(s.tail)):
			p[i] = s.tail[at-s.size+int64(len(s.tail))]
		}
	}
	s.read.Add(int64(n))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestReadsLittle opens a file of 8 GB, most of it one stream, walks it and appends
// to it, and counts the bytes that were read.
func TestReadsLittle(t *testing.T) {
	const middle = 8 << 30
	m := newMaker()
	m.page()
	m.offs[5] = m.Len()
	fmt.Fprintf(m, "5 0 obj\n<</Length %d>>\nstream\n", int64(middle))
	s := &sparse{head: bytes.Clone(m.Bytes())}
	start := m.Len()
	m.WriteString("\nendstream\nendobj\n")
	at := m.Len()
	m.table(6, "/Root 1 0 R")
	s.tail = bytes.Clone(m.Bytes()[start:])
	s.tail = bytes.Replace(s.tail, fmt.Appendf(nil, "startxref\n%d", at), fmt.Appendf(nil, "startxref\n%d", at+middle), 1)
	s.size = int64(len(s.head)+len(s.tail)) + middle
	f, err := pdf.Open(s, s.size, pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := f.Latest().Stream(pdf.Ref{Num: 5}); err != nil || st.Len() != middle {
		t.Errorf("stream = %v, %v", st, err)
	}
	inc, err := appendTo(f)
	if err != nil || inc.Base != s.size {
		t.Errorf("update: %v", err)
	}
	if a := f.Anomalies(); len(a) != 0 {
		t.Errorf("anomalies: %v", a)
	}
	if n := s.read.Load(); n > 100_000 {
		t.Errorf("%d bytes were read of a file whose structure has a thousand", n)
	}
}

// TestParsedTotal: references to one big object over and over end in ErrLimit, and a
// search for anomalies that had to stop says so.
func TestParsedTotal(t *testing.T) {
	m := newMaker()
	m.obj(1, catalogBody)
	m.obj(2, "<</Kids ["+strings.Repeat("3 0 R ", 3000)+"]>>")
	m.obj(3, "<</Type /Page /Big ["+strings.Repeat("0 ", 5000)+"]>>")
	m.table(4, "/Root 1 0 R")
	f, err := pdf.Open(bytes.NewReader(m.Bytes()), int64(m.Len()), pdf.Limits{ParsedTotal: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pdf.PageAt(f.Latest(), 2999); !errors.Is(err, pdf.ErrLimit) {
		t.Errorf("PageAt: %v, want ErrLimit", err)
	}
	if a := f.Anomalies(); len(a) != 1 || a[0].Kind != pdf.Unfinished {
		t.Errorf("anomalies: %v", a)
	}
}

// TestFilterBomb: what two filters inflate counts, though a third one makes nothing of
// it; and no filter takes the limit for the end of its data.
func TestFilterBomb(t *testing.T) {
	blank := deflated(t, deflated(t, bytes.Repeat([]byte(" "), 1<<20)))
	lines := deflated(t, deflated(t, bytes.Repeat([]byte("\n"), 1<<20)))
	runs := deflated(t, bytes.Repeat([]byte{255, ' '}, 1<<19))
	for name, data := range map[string][]byte{
		"[/FlateDecode /FlateDecode /ASCIIHexDecode]":                  blank,
		"[/FlateDecode /FlateDecode /ASCII85Decode]":                   blank,
		"[/FlateDecode /FlateDecode /FlateDecode]":                     lines,
		"[/FlateDecode /RunLengthDecode /ASCIIHexDecode]":              runs,
		"[/FlateDecode /FlateDecode /ASCIIHexDecode /RunLengthDecode]": blank,
	} {
		m := newMaker()
		m.obj(1, catalogBody)
		m.stream(2, "/Filter "+name, data)
		m.table(3, "/Root 1 0 R")
		f, err := pdf.Open(bytes.NewReader(m.Bytes()), int64(m.Len()), pdf.Limits{Decoded: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Latest().Stream(pdf.Ref{Num: 2})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := f.Decode(s); !errors.Is(err, pdf.ErrLimit) {
			t.Errorf("%s: got %d bytes, %v; want ErrLimit", name, len(out), err)
		}
	}
}

func deflated(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// counted counts the bytes that are read.
type counted struct {
	*bytes.Reader
	n int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// TestManyStartXRef: each of many startxref begins a comment to the end of the file,
// or names white space that reaches as far; none is followed further than a little.
func TestManyStartXRef(t *testing.T) {
	for name, text := range map[string]string{
		"comment": "startxref%",
		"string":  "startxref(",
		"run":     "startxref",
		"space":   "startxref 20 x",
	} {
		m := newMaker()
		m.WriteString(strings.Repeat(" ", 100_000))
		m.page()
		at := m.Len()
		m.table(5, "/Root 1 0 R")
		m.Truncate(bytes.LastIndex(m.Bytes(), []byte("startxref")))
		m.WriteString("1" + strings.Repeat(text, 5000))
		fmt.Fprintf(m, "\nstartxref\n%d\n%%%%EOF\n", at)
		c := &counted{Reader: bytes.NewReader(m.Bytes())}
		f, err := pdf.Open(c, int64(m.Len()), pdf.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if end := f.Revisions()[0].End; end != int64(m.Len()-1) {
			t.Errorf("%s: the revision ends at byte %d of %d", name, end, m.Len())
		}
		if c.n > 30_000_000 {
			t.Errorf("%s: %d bytes were read of a file of %d", name, c.n, m.Len())
		}
	}
}
