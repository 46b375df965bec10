package pdf_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chop/internal/pdf"
)

// TestAnomalies builds each oddity, the hostile ones as a forger would.
func TestAnomalies(t *testing.T) {
	signed := func() *maker { // a file with something like a signature
		m := newMaker()
		m.page()
		m.obj(5, "<</Type /Sig /Contents <"+strings.Repeat("00", 200)+">>>")
		m.table(6, "/Root 1 0 R")
		return m
	}
	for _, c := range []struct {
		want pdf.AnomalyKind
		rev  int
		make func() []byte
	}{
		{pdf.SecondStartXRef, 0, func() []byte { // back to the first revision
			b := revised()
			return append(b, b[bytes.Index(b, []byte("startxref")):mustOpen(t, b).Revisions()[0].Tail]...)
		}},
		{pdf.TrailingBytes, 0, func() []byte { return append(classic(), "1 0 obj"...) }},
		{pdf.BytesBeforeHeader, 0, func() []byte { return append([]byte("GIF89a"), classic()...) }},
		{pdf.NoEOFMarker, 0, func() []byte { return bytes.TrimSuffix(classic(), []byte("%%EOF\n")) }},
		{pdf.WrongStartXRef, 0, func() []byte {
			b := revised()
			i := bytes.Index(b, []byte("startxref\n")) + len("startxref\n")
			b[i] = '9'
			return b
		}},
		{pdf.MisplacedXRef, 0, func() []byte {
			return bytes.Replace(classic(), []byte("endobj\nxref"), []byte("endobjxref\n"), 1)
		}},
		{pdf.EntryTwice, 0, func() []byte {
			b := classic()
			return bytes.Replace(b, []byte("4 1\n"), []byte("3 1\n"), 1)
		}},
		{pdf.SizeTooSmall, 0, func() []byte { return bytes.Replace(classic(), []byte("/Size 5"), []byte("/Size 4"), 1) }},
		{pdf.NoRoot, 1, func() []byte {
			m := signed()
			m.table(6, "")
			return m.Bytes()
		}},
		{pdf.WrongHeader, 0, func() []byte { return bytes.Replace(classic(), []byte("4 0 obj"), []byte("9 0 obj"), 1) }},
		{pdf.Unreadable, 0, func() []byte { return bytes.Replace(classic(), []byte("4 0 obj"), []byte("4 0 bad"), 1) }},
		{pdf.BadStreamLength, 0, func() []byte {
			return bytes.Replace(classic(), []byte("/Length 8"), []byte("/Length 2"), 1)
		}},
		{pdf.DuplicateKey, 0, func() []byte {
			return bytes.Replace(classic(), []byte("/Kids [3 0 R] /Count 1"), []byte("/Kids [3 0 R] /Kids []"), 1)
		}},
		{pdf.DuplicateKey, 0, func() []byte { // in an object stream
			return bytes.Replace(streams(), []byte("/Kids [3 0 R] /Count 1"), []byte("/Kids [3 0 R] /Kids []"), 1)
		}},
		{pdf.RevisionOrder, 1, func() []byte { // the newer section written before the older
			m := newMaker()
			m.page()
			first := m.Len()
			later := first + len("xref\n0 0\ntrailer\n<</Size 5 /Root 1 0 R /Prev 0000000000>>\nstartxref\n0\n%%EOF\n")
			fmt.Fprintf(m, "xref\n0 0\ntrailer\n<</Size 5 /Root 1 0 R /Prev %010d>>\nstartxref\n0\n%%%%EOF\n", later)
			m.table(5, "/Root 1 0 R")
			return append(m.Bytes()[:bytes.LastIndex(m.Bytes(), []byte("startxref"))], fmt.Sprintf("startxref\n%d\n%%%%EOF\n", first)...)
		}},
		{pdf.IntoEarlier, 1, func() []byte { // an object hidden in the signature's gap
			m := signed()
			m.offs[3] = bytes.Index(m.Bytes(), []byte("0000"))
			m.table(6, "/Root 1 0 R")
			return m.Bytes()
		}},
		{pdf.Overlap, 1, func() []byte { // an object prepared inside a signed string
			m := newMaker()
			m.page()
			m.obj(5, "(3 0 obj null endobj )")
			hidden := m.offs[5] + len("5 0 obj\n(")
			m.table(6, "/Root 1 0 R")
			m.offs[3] = hidden
			m.table(6, "/Root 1 0 R")
			return m.Bytes()
		}},
		{pdf.Overlap, 0, func() []byte { // two numbers for one object
			m := newMaker()
			m.page()
			m.offs[5] = m.offs[4]
			m.table(6, "/Root 1 0 R")
			return m.Bytes()
		}},
		{pdf.BeyondRevision, 0, func() []byte { // what the first revision showed is written later
			m := newMaker()
			m.page()
			m.offs[4] = 900
			m.table(5, "/Root 1 0 R")
			m.WriteString(strings.Repeat(" ", 900-m.Len()))
			m.obj(4, contentBody)
			clear(m.offs)
			m.table(5, "/Root 1 0 R")
			return m.Bytes()
		}},
		{pdf.HybridConflict, 0, func() []byte {
			// The table has object 5 in use; so has the stream, elsewhere, once its
			// entry for object 6 is made one for 5.
			b := hybrid()
			i := bytes.Index(b, []byte("/Index [0 1 6 1 7 1"))
			b[i+len("/Index [0 1 ")] = '5'
			return b
		}},
	} {
		t.Run(string(c.want), func(t *testing.T) {
			b := c.make()
			found := mustOpen(t, b).Anomalies()
			if !slices.ContainsFunc(found, func(a pdf.Anomaly) bool { return a.Kind == c.want && a.Revision == c.rev }) {
				t.Errorf("found %v, want %q in revision %d, in\n%s", found, c.want, c.rev, b)
			}
		})
	}
}

// TestNoAnomalies: honest files of every form have none.
func TestNoAnomalies(t *testing.T) {
	for name, data := range forms(t) {
		if strings.HasPrefix(name, "junk") || strings.HasPrefix(name, "bytes") {
			continue
		}
		if a := mustOpen(t, data).Anomalies(); len(a) != 0 {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// TestCrowding: a thousand harmless oddities in the first revision do not hide the one
// that a forger adds in the second.
func TestCrowding(t *testing.T) {
	m := newMaker()
	m.page()
	for num := 5; num < 1000; num++ {
		m.obj(num, "<</Length 1>>\nstream\nlonger\nendstream")
	}
	m.obj(1000, "(3 0 obj null endobj )")
	hidden := m.offs[1000] + len("1000 0 obj\n(")
	m.table(1001, "/Root 1 0 R")
	m.offs[3] = hidden
	m.table(1001, "/Root 1 0 R")
	count := map[pdf.AnomalyKind]int{}
	for _, a := range mustOpen(t, m.Bytes()).Anomalies() {
		count[a.Kind]++
	}
	if count[pdf.Overlap] != 1 || count[pdf.BadStreamLength] != pdf.DefaultLimits().Anomalies {
		t.Errorf("found %v", count)
	}
}
