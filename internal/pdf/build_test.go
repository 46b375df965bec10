package pdf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"chop/internal/pdf"
)

// TestUpdateMisuse names what Build must refuse instead of writing a broken file.
func TestUpdateMisuse(t *testing.T) {
	self := pdf.Array{nil}
	self[0] = self
	for name, misuse := range map[string]func(*pdf.Update){
		"absent object":      func(u *pdf.Update) { u.Set(pdf.Ref{Num: 99}, int64(1)) },
		"free object":        func(u *pdf.Update) { u.Set(pdf.Ref{}, int64(1)) },
		"wrong generation":   func(u *pdf.Update) { u.Set(pdf.Ref{Num: 1, Gen: 3}, int64(1)) },
		"two marks":          func(u *pdf.Update) { u.Add(pdf.Array{pdf.HexPlaceholder("a", 1), pdf.HexPlaceholder("a", 1)}) },
		"overfull mark":      func(u *pdf.Update) { u.Add(pdf.Placeholder{Name: "a", Width: 1, Init: []byte("ab")}) },
		"zero byte in name":  func(u *pdf.Update) { u.Add(pdf.Name("a\x00b")) },
		"no object type":     func(u *pdf.Update) { u.Add(pdf.Dict{"A": struct{}{}}) },
		"cyclic value":       func(u *pdf.Update) { u.Add(self) },
		"stream in an array": func(u *pdf.Update) { u.Add(pdf.Array{pdf.NewStream(nil, nil)}) },
	} {
		t.Run(name, func(t *testing.T) {
			u := pdf.NewUpdate(mustOpen(t, classic()))
			misuse(u)
			if inc, err := u.Build(); err == nil {
				t.Errorf("Build wrote %s", inc.Bytes)
			}
		})
	}
}

// TestUpdateNumbers checks that numbers once used or free are never taken, whatever
// Size says.
func TestUpdateNumbers(t *testing.T) {
	m := newMaker()
	m.page()
	at := m.Len()
	fmt.Fprintf(m, "xref\n0 5\n0000000007 65535 f \n")
	for num := 1; num < 5; num++ {
		fmt.Fprintf(m, "%010d 00000 n \n", m.offs[num])
	}
	m.WriteString("7 1\n0000000000 00003 f \n")
	m.end(at, "trailer\n<</Size 5 /Root 1 0 R>>\n")
	f := mustOpen(t, m.Bytes())
	u := pdf.NewUpdate(f)
	if ref := u.Alloc(); ref != (pdf.Ref{Num: 8}) {
		t.Errorf("Alloc = %v, want 8 0 R", ref)
	}
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(inc.Bytes), "\n0 1\n0000000007 65535 f \n8 1\n") {
		t.Errorf("the head of the free list is lost:\n%s", inc.Bytes)
	}
}

// TestUpdateCopiesStream sets a stream of the file again with another dictionary.
func TestUpdateCopiesStream(t *testing.T) {
	data := classic()
	f := mustOpen(t, data)
	u := pdf.NewUpdate(f)
	s, err := f.Latest().Stream(pdf.Ref{Num: 4})
	if err != nil {
		t.Fatal(err)
	}
	s.Dict["Marked"] = true
	u.Set(pdf.Ref{Num: 4}, s)
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, append(data, inc.Bytes...))
	s, err = f.Latest().Stream(pdf.Ref{Num: 4})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Decode(s)
	if want := "0 0 m 1 "; string(got) != want || err != nil || s.Dict["Marked"] != true {
		t.Errorf("stream = %q %v, %v, want %q", got, s.Dict, err, want)
	}
}

// TestBuildTwice: Build has no effect on the update.
func TestBuildTwice(t *testing.T) {
	for name, data := range map[string][]byte{"table": classic(), "stream": streams()} {
		u := pdf.NewUpdate(mustOpen(t, data))
		u.Add(pdf.Dict{"A": pdf.HexPlaceholder("a", 4)})
		one, err1 := u.Build()
		two, err2 := u.Build()
		if err1 != nil || err2 != nil || !reflect.DeepEqual(one, two) {
			t.Errorf("%s: %v %v\n%s\n%s", name, err1, err2, one.Bytes, two.Bytes)
		}
	}
}

// TestWriteTemp keeps the increment usable as documented: written at Base, marks
// overwritten in place.
func TestWriteTemp(t *testing.T) {
	data := classic()
	u := pdf.NewUpdate(mustOpen(t, data))
	ref := u.Add(pdf.Dict{"ByteRange": pdf.ByteRangePlaceholder("range"), "Contents": pdf.HexPlaceholder("contents", 8)})
	inc, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	gap, rng := inc.Marks["contents"], inc.Marks["range"]
	total := inc.Base + int64(len(inc.Bytes))
	text := fmt.Sprintf("[0 %d %d %d]", gap.Start, gap.End, total-gap.End)
	for _, w := range []struct {
		b  []byte
		at int64
	}{{data, 0}, {inc.Bytes, inc.Base}, {fmt.Appendf(nil, "%-*s", rng.Len(), text), rng.Start}, {[]byte("<0123456789ABCDEF>"), gap.Start}} {
		if _, err := out.WriteAt(w.b, w.at); err != nil {
			t.Fatal(err)
		}
	}
	f, err := pdf.Open(out, total, pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	v := f.Latest()
	d, err := v.Dict(ref)
	if err != nil {
		t.Fatal(err)
	}
	want := pdf.Dict{"ByteRange": pdf.Array{int64(0), gap.Start, gap.End, total - gap.End}, "Contents": pdf.String("\x01\x23\x45\x67\x89\xab\xcd\xef")}
	if d["Contents"] = d["Contents"].(pdf.String)[:8]; !reflect.DeepEqual(d, want) {
		t.Errorf("got %v, want %v", d, want)
	}
	if s, err := f.StringSpan(v, ref, "Contents"); err != nil || s != gap {
		t.Errorf("StringSpan = %v, %v, want %v", s, err, gap)
	}
}
