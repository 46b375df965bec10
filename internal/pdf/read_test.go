package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
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
