package pdf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"chop/internal/corpus"
	"chop/internal/pdf"
)

// TestShared: a shared view says of every object in every revision what a plain one says, in
// every file of the corpus, and walking it alters nothing.
func TestShared(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(corpus.Dir(t, "pdf"), "*.pdf"))
	if err != nil || len(names) < 50 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if f, err := openBytes(data); err == nil {
				sameShared(t, f)
			}
		})
	}
}

// told is an object in words, streams with their bytes: a stream's view is not compared.
func told(f *pdf.File, o pdf.Object, err error) string {
	s, ok := o.(*pdf.Stream)
	if !ok {
		return fmt.Sprintf("%v, %v", o, err)
	}
	if s.Len() > 1<<10 {
		return fmt.Sprintf("%v %v, %v", s.Dict, s.Span(), err)
	}
	data, failed := f.Decode(s)
	return fmt.Sprintf("%v %v %d %v, %v", s.Dict, s.Span(), len(data), failed, err)
}

func sameShared(t *testing.T, f *pdf.File) {
	t.Helper()
	for i := range f.Len() {
		plain, shared := f.View(i), f.Shared(i)
		if !reflect.DeepEqual(plain.Numbers(), shared.Numbers()) {
			t.Fatalf("revision %d: other objects", i)
		}
		numbers := plain.Numbers()
		for _, num := range numbers[:min(len(numbers), 100)] {
			e, _ := plain.Entry(num)
			for _, ref := range []pdf.Ref{e.Ref, {Num: num, Gen: e.Ref.Gen + 1}} {
				o, err := plain.Get(ref)
				p, failed := shared.Get(ref)
				if got, want := told(f, p, failed), told(f, o, err); got != want && !strings.Contains(want+got, pdf.ErrLimit.Error()) {
					t.Errorf("revision %d, object %v is\n%.300s\nshared, it is\n%.300s", i, ref, want, got)
				}
			}
		}
		fields, err := pdf.Signatures(plain)
		again, failed := pdf.Signatures(shared)
		if fmt.Sprint(fields, err) != fmt.Sprint(again, failed) {
			t.Errorf("revision %d: the form is\n%.300v, %v\nshared, it is\n%.300v, %v", i, fields, err, again, failed)
		}
		for range pdf.Pages(shared) { // it must alter nothing
		}
	}
	if err := f.Unaltered(); err != nil {
		t.Error(err)
	}
}

// TestSharedDepends: what depends on more than its own bytes is as each revision has it.
func TestSharedDepends(t *testing.T) {
	m := newMaker()
	m.page()
	m.obj(5, "8")
	m.obj(6, "<</Length 5 0 R>>\nstream\n01234567endstream 9 9endstream")
	m.obj(7, "/ASCIIHexDecode")
	m.obj(8, "<</Length 3 /Filter 7 0 R>>\nstream\n41>\nendstream")
	first := "10 0 11 5 "
	m.obj(9, fmt.Sprintf("<</Type /ObjStm /N 2 /First %d /Length 12 0 R>>\nstream\n%s(one) (two)endstream(six)endstream", len(first), first))
	m.obj(12, fmt.Sprint(len(first)+10))
	m.streamed(13, 14, map[int][2]int{10: {9, 0}, 11: {9, 1}}, "/Root 1 0 R "+docID)
	m.obj(5, "21") // a stream gets longer without being touched
	m.obj(7, "/ASCII85Decode")
	m.obj(12, fmt.Sprint(len(first)+24))
	m.streamed(14, 15, nil, "/Root 1 0 R "+docID)
	f := mustOpen(t, m.Bytes())
	sameShared(t, f)
	for i, want := range []int64{8, 21} {
		if s, err := f.Shared(i).Stream(pdf.Ref{Num: 6}); err != nil || s.Len() != want {
			t.Errorf("revision %d: %v, %v", i, s, err)
		}
	}
	a, _ := f.Shared(0).Dict(pdf.Ref{Num: 3})
	if b, _ := f.Shared(1).Dict(pdf.Ref{Num: 3}); reflect.ValueOf(a).Pointer() != reflect.ValueOf(b).Pointer() {
		t.Error("the page was parsed twice")
	}
	a["Altered"] = true
	if f.Unaltered() == nil {
		t.Error("an altered page was not noticed")
	}
}

// TestSharedBounded: what a hostile file has shared does not grow with it.
func TestSharedBounded(t *testing.T) {
	m := newMaker()
	m.page()
	const objects = 60
	for num := 5; num < 5+objects; num++ {
		m.obj(num, "["+strings.Repeat("[]", 50_000)+"]")
	}
	m.table(5+objects, "/Root 1 0 R "+docID)
	f := mustOpen(t, m.Bytes())
	v := f.Shared(0)
	for num := uint32(5); num < 5+objects; num++ {
		if a, err := v.Array(pdf.Ref{Num: num}); err != nil || len(a) != 50_000 {
			t.Fatalf("%d elements, %v", len(a), err)
		}
	}
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	if now.HeapAlloc > 64<<20 {
		t.Errorf("%d MB are held", now.HeapAlloc>>20)
	}
	runtime.KeepAlive(f)
}
