package pdf_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"chop/internal/pdf"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// forms are the shapes of file that an update must follow.
func forms(t *testing.T) map[string][]byte {
	return map[string][]byte{
		"table":               classic(),
		"table linearized":    converted(t, classic(), "--linearize", "--object-streams=disable"),
		"stream":              streams(),
		"stream by qpdf":      converted(t, classic(), "--object-streams=generate"),
		"stream linearized":   converted(t, classic(), "--object-streams=generate", "--linearize"),
		"hybrid":              hybrid(),
		"no final newline":    bytes.TrimRight(classic(), "\n"),
		"junk after the end":  append(classic(), "junk without newline"...),
		"zeros after the end": append(classic(), make([]byte, 2000)...),
		"CR line ends":        bytes.ReplaceAll(classic(), []byte("\n"), []byte("\r")),
		"CR LF after the end": append(bytes.TrimRight(classic(), "\n"), "\r\n"...),
		"bytes before header": append([]byte("junk\n"), classic()...),
	}
}

// TestUpdate appends twice to every form of file and looks at the result with this
// package and three others.
func TestUpdate(t *testing.T) {
	for name, data := range forms(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			original := bytes.Clone(data)
			had, before := qpdfCheck(t, data)
			for range 2 {
				f := mustOpen(t, data)
				inc, err := appendTo(f)
				if err != nil {
					t.Fatal(err)
				}
				if inc.Base != int64(len(data)) {
					t.Fatalf("Base = %d, want %d", inc.Base, len(data))
				}
				data = append(bytes.Clone(data), inc.Bytes...)
				checkUpdate(t, f, mustOpen(t, data), inc, data)
			}
			if !bytes.Equal(data[:len(original)], original) {
				t.Error("the original bytes have changed")
			}
			if has, now := qpdfCheck(t, data); has > had {
				t.Errorf("qpdf --check:\n%s\nbefore:\n%s", now, before)
			}
			if text, err := tool(t, data, "mutool", "show", "FILE", "trailer/Root/ChopTest/Text"); err != nil || !strings.Contains(text, "6B63 9AD4") && !strings.Contains(strings.ToUpper(text), "6B639AD4") {
				t.Errorf("mutool show: %v: %s", err, text)
			}
			if name == "bytes before header" {
				return // pdfcpu does not take it
			}
			conf := model.NewDefaultConfiguration()
			ctx, err := api.ReadContext(bytes.NewReader(data), conf)
			if err != nil {
				t.Fatalf("pdfcpu: %v", err)
			}
			root, err := ctx.Catalog()
			if err != nil || root["ChopTest"] == nil {
				t.Errorf("pdfcpu sees catalog %v, %v", root, err)
			}
		})
	}
}

func checkUpdate(t *testing.T, old, f *pdf.File, inc *pdf.Increment, data []byte) {
	t.Helper()
	was, is := old.Revisions(), f.Revisions()
	if len(is) != len(was)+1 {
		t.Fatalf("%d revisions after an update of %d", len(is), len(was))
	}
	for i := range was {
		if is[i].End != was[i].End || is[i].XRefOffset != was[i].XRefOffset || !reflect.DeepEqual(is[i].Trailer, was[i].Trailer) {
			t.Errorf("revision %d was %+v and is %+v", i, was[i], is[i])
		}
	}
	last, prev := is[len(is)-1], was[len(was)-1]
	if last.Tail != f.Size() {
		t.Errorf("the update ends at %d of %d", last.Tail, f.Size())
	}
	wantKind := prev.Kind
	if wantKind == pdf.Hybrid {
		wantKind = pdf.Table
	}
	if last.Kind != wantKind {
		t.Errorf("a %s follows a %s", last.Kind, prev.Kind)
	}
	if id, old := last.Trailer["ID"].(pdf.Array), prev.Trailer["ID"].(pdf.Array); !reflect.DeepEqual(id[0], old[0]) || reflect.DeepEqual(id[1], old[1]) {
		t.Errorf("ID was %x and is %x", old, id)
	}
	if last.Trailer["Root"] != prev.Trailer["Root"] || last.Trailer["XRefStm"] != nil {
		t.Errorf("trailer %v follows %v", last.Trailer, prev.Trailer)
	}
	if size, old := last.Trailer["Size"].(int64), prev.Trailer["Size"].(int64); size < old+2 {
		t.Errorf("Size %d follows %d", size, old)
	}
	v := f.Latest()
	c, err := v.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	d, err := v.Dict(c["ChopTest"])
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := v.Text(d["Text"]); got != "正體字 (parentheses) \\ and more" {
		t.Errorf("Text = %q", got)
	}
	hex, err := f.StringSpan(v, c["ChopTest"].(pdf.Ref), "Hex")
	if err != nil || hex != inc.Marks["hex"] || string(data[hex.Start:hex.End]) != "<"+strings.Repeat("0", 200)+">" {
		t.Errorf("Hex is at %v (%v), marked %v", hex, err, inc.Marks["hex"])
	}
	s, err := v.Stream(c["ChopStream"])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Decode(s); err != nil || len(got) != 700 {
		t.Errorf("stream has %d bytes, %v", len(got), err)
	}
	// 2 objects are new, the catalog is changed, and a cross-reference stream is an
	// object too.
	want := 3
	if last.Kind == pdf.XRefStream {
		want = 4
	}
	if got := v.Changed(); len(got) != want {
		t.Errorf("Changed = %v, want %d objects", got, want)
	}
	for _, a := range f.Anomalies() {
		if a.Revision == len(is)-1 && a.Kind != pdf.TrailingBytes {
			t.Errorf("the update brings an anomaly: %v", a)
		}
	}
}

// TestHybridReaders appends to a hybrid file and checks what a reader that knows no
// cross-reference streams finds, by taking XRefStm out.
func TestHybridReaders(t *testing.T) {
	data := hybrid()
	f := mustOpen(t, data)
	v := f.Latest()
	if got, err := v.Get(pdf.Ref{Num: 6}); err != nil || string(got.(pdf.String)) != "hidden" {
		t.Fatalf("hidden object = %v, %v", got, err)
	}
	inc, err := appendTo(f)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, inc.Bytes...)
	if got, err := mustOpen(t, data).Latest().Get(pdf.Ref{Num: 6}); err != nil || string(got.(pdf.String)) != "hidden" {
		t.Errorf("hidden object after the update = %v, %v", got, err)
	}
	old := mustOpen(t, bytes.ReplaceAll(data, []byte("/XRefStm"), []byte("/xRefStm"))).Latest()
	if got, err := old.Get(pdf.Ref{Num: 6}); err != nil || got != nil {
		t.Errorf("hidden object for an old reader = %v, %v", got, err)
	}
	c, err := old.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := old.Dict(c["ChopTest"]); err != nil || d == nil {
		t.Errorf("new object for an old reader = %v, %v", d, err)
	}
}
