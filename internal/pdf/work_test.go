package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"chop/internal/pdf"
)

// compare returns a file of which every revision replaces the object stream that holds all
// objects of the first, so that every revision changes all of them.
func compare(t *testing.T, entries, revisions int) []byte {
	t.Helper()
	m := newMaker()
	m.obj(1, catalogBody)
	m.obj(2, "<</Kids []>>")
	at := m.Len()
	rows := []byte{1, 0, byte(m.offs[1]), 0, 1, 0, byte(m.offs[2]), 0, 0, 0, 0, 0}
	rows = append(rows, bytes.Repeat([]byte{2, 0, 3, 0}, entries-3)...)
	m.stream(4, fmt.Sprintf("/Type /XRef /Size %d /Index [1 %[1]d] /W [1 2 1] /Root 1 0 R /Filter /FlateDecode", entries), deflated(t, rows))
	m.end(at, "")
	for range revisions - 1 {
		clear(m.offs)
		m.obj(3, "null")
		m.table(4, "/Root 1 0 R")
	}
	return m.Bytes()
}

// TestCompared: entries times sections are bounded, so that a file of a few kilobytes
// cannot ask for billions of comparisons; and what is within the bound is compared at a
// cost in proportion to it.
func TestCompared(t *testing.T) {
	lim := pdf.DefaultLimits()
	for _, c := range []struct {
		entries, revisions int
		refused            bool
	}{
		{lim.Entries - 1000, 4, false},
		{lim.Entries - 1000, 5, true},
		{lim.Entries + 1, 1, true},
		{100_000, 40, false},
		{100_000, 45, true},
		{10, lim.Sections + 1, true},
	} {
		data := compare(t, c.entries, c.revisions)
		if len(data) > 100_000 {
			t.Fatalf("the file has %d bytes", len(data))
		}
		_, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
		if errors.Is(err, pdf.ErrLimit) != c.refused || err != nil && !c.refused {
			t.Errorf("%d entries in %d revisions: %v", c.entries, c.revisions, err)
		}
	}
	const entries, revisions = 20_000, 100
	f := mustOpen(t, compare(t, entries, revisions))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	listed := 0
	for i := range f.Len() {
		listed += len(f.View(i).Changed())
	}
	runtime.ReadMemStats(&after)
	if most := entries*revisions + 2*revisions; listed < most-10*revisions || listed > most {
		t.Errorf("%d changes were listed, want about %d", listed, most)
	}
	// 16 bytes an entry, joined with itself some log2(100) times, and the list itself
	if n := after.TotalAlloc - before.TotalAlloc; n > 300*entries*revisions {
		t.Errorf("%d bytes were allocated for %d entries in %d revisions", n, entries, revisions)
	}
}

// TestManyRevisions: what many revisions say of an object is what each of few says.
func TestManyRevisions(t *testing.T) {
	m := newMaker()
	m.page()
	m.table(5, "/Root 1 0 R")
	for i := range 40 {
		clear(m.offs)
		m.obj(6+i%7, fmt.Sprint(i))
		m.table(20, "/Root 1 0 R")
	}
	f := mustOpen(t, m.Bytes())
	for i := range f.Len() {
		v := f.View(i)
		for k := range 7 {
			var want pdf.Object
			if n := i - 1 - k; n >= 0 { // revision 1+j writes j to object 6+j%7
				want = int64(n - n%7 + k)
			}
			if got, err := v.Get(pdf.Ref{Num: uint32(6 + k)}); err != nil || got != want {
				t.Fatalf("object %d in revision %d is %v, %v, want %v", 6+k, i, got, err, want)
			}
		}
		for _, num := range []uint32{1, 4, 0, 5, 13, 1 << 30} {
			if e, _ := v.Entry(num); (e.Kind == pdf.InUse) != (num == 1 || num == 4) {
				t.Errorf("entry %d in revision %d is %+v", num, i, e)
			}
		}
	}
}

// TestWrongIndex: an object whose entry states another place in its stream is found by
// its number, the first of that number, and one that is not there is null.
func TestWrongIndex(t *testing.T) {
	m := newMaker()
	m.obj(1, catalogBody)
	m.obj(2, "<</Kids []>>")
	head := "9 0 7 2 8 4 7 6 "
	m.stream(3, fmt.Sprintf("/Type /ObjStm /N 4 /First %d", len(head)), []byte(head+"1 2 3 4"))
	at := m.Len()
	rows := []byte{1, 0, byte(m.offs[1]), 0, 1, 0, byte(m.offs[2]), 0, 1, byte(m.offs[3] >> 8), byte(m.offs[3]), 0,
		0, 0, 0, 0, 2, 0, 3, 0, 2, 0, 3, 200, 2, 0, 3, 1, 2, 0, 3, 0, 2, 0, 3, 2}
	m.stream(4, "/Type /XRef /Size 10 /Index [1 9] /W [1 2 1] /Root 1 0 R", rows)
	m.end(at, "")
	v := mustOpen(t, m.Bytes()).Latest()
	var got []string
	for num := range uint32(6) {
		o, err := v.Get(pdf.Ref{Num: 5 + num})
		got = append(got, fmt.Sprint(o, err))
	}
	if s := strings.Join(got, ", "); s != "<nil> <nil>, <nil> <nil>, 2 <nil>, 3 <nil>, 1 <nil>, <nil> <nil>" {
		t.Errorf("objects 5 to 10 are %s", s)
	}
}

// TestHexString: digits are read in blocks, and what is not a digit is refused, and the
// limit kept, wherever in a block or window it lies.
func TestHexString(t *testing.T) {
	digits := strings.Repeat("0123456789abcdefABCDEF", 4000)
	for _, at := range []int{0, 1, 2, 511, 1022, 1023, 1024, 1025, 4095, 20_000, 65_535, 65_536, len(digits) - 1, len(digits)} {
		for _, c := range []struct {
			put  string
			want error
		}{{"", nil}, {"\r\n", nil}, {"z", pdf.ErrMalformed}, {"\xff", pdf.ErrMalformed}, {"<", pdf.ErrMalformed}, {"%", pdf.ErrMalformed}} {
			m := newMaker()
			m.page()
			m.obj(5, "<</S <"+digits[:at]+c.put+digits[at:]+">>>")
			m.table(6, "/Root 1 0 R")
			f := mustOpen(t, m.Bytes())
			d, err := f.Latest().Dict(pdf.Ref{Num: 5})
			if !errors.Is(err, c.want) {
				t.Fatalf("%q at digit %d: %v, want %v", c.put, at, err, c.want)
			}
			if s, _ := d["S"].(pdf.String); err == nil && !strings.EqualFold(fmt.Sprintf("%x", []byte(s)), digits) {
				t.Fatalf("%q at digit %d: another string", c.put, at)
			}
			span, err := f.StringSpan(f.Latest(), pdf.Ref{Num: 5}, "S")
			if !errors.Is(err, c.want) || err == nil && span.Len() != int64(len(digits)+len(c.put)+2) {
				t.Fatalf("%q at digit %d: span %v, %v", c.put, at, span, err)
			}
		}
	}
}
