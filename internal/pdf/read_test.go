package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"chop/internal/pdf"
)

// TestForms reads one document in every form of file.
func TestForms(t *testing.T) {
	kinds := map[string]pdf.XRefKind{"stream": pdf.XRefStream, "stream by qpdf": pdf.XRefStream, "stream linearized": pdf.XRefStream, "hybrid": pdf.Hybrid}
	for name, data := range forms(t) {
		t.Run(name, func(t *testing.T) {
			f := mustOpen(t, data)
			revs := f.Revisions()
			if len(revs) != 1 {
				t.Fatalf("%d revisions, want 1: %+v", len(revs), revs)
			}
			want := kinds[name]
			if want == "" {
				want = pdf.Table
			}
			if revs[0].Kind != want || f.Linearized() != strings.Contains(name, "linearized") {
				t.Errorf("kind %s, linearized %v", revs[0].Kind, f.Linearized())
			}
			if !bytes.HasSuffix(data[:revs[0].End], []byte("%%EOF")) {
				t.Errorf("the revision ends after %q", data[:revs[0].End])
			}
			p, err := pdf.PageAt(f.Latest(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if p.Dict["Rotate"] != int64(90) || p.Dict["MediaBox"] == nil {
				t.Errorf("page %v does not inherit", p.Dict)
			}
			s, err := f.Latest().Stream(p.Dict["Contents"])
			if err != nil {
				t.Fatal(err)
			}
			// qpdf adds an end of line to page contents.
			if got, err := f.Decode(s); err != nil || strings.Trim(string(got), " \r\n") != "0 0 m 1" {
				t.Errorf("contents = %q, %v", got, err)
			}
			if _, err := pdf.PageAt(f.Latest(), 1); err == nil {
				t.Error("there is a second page")
			}
		})
	}
}

// revised is a classic file with two updates: the first changes the page and adds
// object 5, the second frees the object again.
func revised() []byte {
	m := newMaker()
	m.page()
	m.table(5, "/Root 1 0 R")
	m.obj(3, "<</Type /Page /Parent 2 0 R /Note 5 0 R>>")
	m.obj(5, "(five)")
	m.table(6, "/Root 1 0 R")
	at := m.Len()
	m.WriteString("xref\n0 1\n0000000005 65535 f \n5 1\n0000000000 00001 f \n")
	m.end(at, fmt.Sprintf("trailer\n<</Size 6 /Root 1 0 R /Prev %d>>\n", m.last))
	return m.Bytes()
}

func TestViews(t *testing.T) {
	data := revised()
	f := mustOpen(t, data)
	if n := len(f.Revisions()); n != 3 {
		t.Fatalf("%d revisions, want 3", n)
	}
	five := pdf.Ref{Num: 5}
	for i, want := range []struct {
		changed []pdf.Ref
		five    pdf.Object
		numbers []uint32
	}{
		{[]pdf.Ref{{0, 65535}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}, nil, []uint32{1, 2, 3, 4}},
		{[]pdf.Ref{{3, 0}, five}, pdf.String("five"), []uint32{1, 2, 3, 4, 5}},
		{[]pdf.Ref{{5, 1}}, nil, []uint32{1, 2, 3, 4}},
	} {
		v := f.View(i)
		if got := v.Changed(); !reflect.DeepEqual(got, want.changed) {
			t.Errorf("revision %d: Changed = %v, want %v", i, got, want.changed)
		}
		if got, err := v.Get(five); err != nil || !reflect.DeepEqual(got, want.five) {
			t.Errorf("revision %d: object 5 = %v, %v, want %v", i, got, err, want.five)
		}
		if got := v.Numbers(); !reflect.DeepEqual(got, want.numbers) {
			t.Errorf("revision %d: Numbers = %v, want %v", i, got, want.numbers)
		}
		// What stands up to Tail is the whole revision.
		alone := mustOpen(t, data[:f.Revisions()[i].Tail])
		if !reflect.DeepEqual(alone.Revisions(), f.Revisions()[:i+1]) {
			t.Errorf("revision %d alone is %+v", i, alone.Revisions())
		}
	}
	if got, err := f.View(1).Get(pdf.Ref{Num: 5, Gen: 1}); err != nil || got != nil {
		t.Errorf("wrong generation = %v, %v, want null", got, err)
	}
	if a := f.Anomalies(); len(a) != 0 {
		t.Errorf("anomalies: %v", a)
	}
}

// TestChangedThroughObjectStream: replacing an object stream changes what is in it,
// although no entry says so.
func TestChangedThroughObjectStream(t *testing.T) {
	m := newMaker()
	m.Write(streams()[m.Len():])
	m.last = bytes.LastIndex(m.Bytes(), []byte("7 0 obj"))
	m.stream(6, "/Type /ObjStm /N 1 /First 4", []byte("2 0 <</Type /Pages /Kids [] /Count 0>>"))
	m.streamed(8, 10, nil, "/Root 1 0 R")
	f := mustOpen(t, m.Bytes())
	want := []pdf.Ref{{2, 0}, {6, 0}, {8, 0}}
	if got := f.Latest().Changed(); !reflect.DeepEqual(got, want) {
		t.Errorf("Changed = %v, want %v", got, want)
	}
	if d, err := f.Latest().Dict(pdf.Ref{Num: 2}); err != nil || d["Count"] != int64(0) {
		t.Errorf("pages = %v, %v", d, err)
	}
	if d, err := f.View(0).Dict(pdf.Ref{Num: 2}); err != nil || d["Count"] != int64(1) {
		t.Errorf("pages before = %v, %v", d, err)
	}
}

func TestSpans(t *testing.T) {
	m := newMaker()
	m.page()
	m.obj(5, "<</A <</B %(no)\n<41 4z>>>")
	m.obj(6, "<</A <</B (x\\)y) /C 7 0 R>> /A2 (1) /D [(in array)] /T (a) /T (b)>>")
	m.obj(7, "<</E (e)>>")
	m.table(8, "/Root 1 0 R")
	data := m.Bytes()
	f := mustOpen(t, data)
	v := f.Latest()
	for _, c := range []struct {
		num  uint32
		path []pdf.Name
		want string
		err  error
	}{
		{6, []pdf.Name{"A", "B"}, `(x\)y)`, nil},
		{6, []pdf.Name{"A2"}, `(1)`, nil},
		{6, []pdf.Name{"A", "C", "E"}, "", pdf.ErrNoSpan}, // behind a reference
		{6, []pdf.Name{"A", "X"}, "", pdf.ErrNoSpan},
		{6, []pdf.Name{"D"}, "", pdf.ErrMalformed}, // no string
		{6, []pdf.Name{"T"}, "", pdf.ErrMalformed}, // twice
		{5, []pdf.Name{"A", "B"}, "", pdf.ErrMalformed},
		{99, nil, "", pdf.ErrNoSpan},
	} {
		s, err := f.StringSpan(v, pdf.Ref{Num: c.num}, c.path...)
		if !errors.Is(err, c.err) || string(data[s.Start:s.End]) != c.want {
			t.Errorf("%d %v: %q, %v, want %q, %v", c.num, c.path, data[s.Start:s.End], err, c.want, c.err)
		}
	}
	if s, err := f.Span(pdf.Ref{Num: 7}, 0); err != nil || string(data[s.Start:s.End]) != "7 0 obj\n<</E (e)>>\nendobj" {
		t.Errorf("Span = %q, %v", data[s.Start:s.End], err)
	}
	if s, err := v.ValueSpan(pdf.Ref{Num: 6}, "D"); err != nil || string(data[s.Start:s.End]) != "[(in array)]" {
		t.Errorf("ValueSpan = %q, %v", data[s.Start:s.End], err)
	}
	c := mustOpen(t, streams())
	if _, err := c.Span(pdf.Ref{Num: 1}, 0); !errors.Is(err, pdf.ErrNoSpan) {
		t.Errorf("Span of a compressed object: %v", err)
	}
}

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
		"subsection off by one":        offByOne.Bytes(),
		"entries of 19 bytes":          short.Bytes(),
		"length too short":             edit("/Length 8", "/Length 3"),
		"length beyond the file":       edit("/Length 8", "/Length 9999"),
		"length absent":                edit("/Length 8", "/LeNgth 8"),
		"startxref into white space":   bytes.Replace(classic(), []byte("endobj\nxref"), []byte("endobj xref"), 1),
		"no end-of-file marker":        edit("%%EOF\n", ""),
		"generation in the header":     edit("3 0 obj", "3 7 obj"),
		"header after a comment":       edit("2 0 obj", "2 0%\nobj"[:7]),
		"white space before objects":   edit("endobj\n2 0 obj\n<</Type", "endobj 2 0 obj\n<</Type"),
		"prev of zero":                 edit("/Root 1 0 R", "/Root 1 0 R /Prev 0"),
		"startxref a byte too far":     bytes.Replace(classic(), []byte("endobj\nxref"), []byte("endobjxref\n"), 1),
		"object number run into obj":   edit("1 0 obj\n<<", "1 0 obj <<"),
		"stream keyword followed by ␠": edit("stream\n0 0 m 1 ", "stream \n0 0 m 1"),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "header after a comment" {
				data = classic()
				data = bytes.Replace(data, []byte("2 0 obj\n<</Type /Pages"), []byte("2 %x\n0 obj<</Type /Pages"), 1)
				data = bytes.Replace(data, []byte("/Rotate 90>>\nendobj"), []byte("/Rotate 9>>endobj"), 1)
			}
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
