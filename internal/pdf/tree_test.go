package pdf_test

import (
	"errors"
	"reflect"
	"testing"

	"chop/internal/pdf"
)

func form() *maker {
	m := newMaker()
	m.obj(1, "<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [10 0 R 13 0 R 14 0 R 13 0 R]>>>>")
	m.obj(2, "<</Kids [3 0 R 4 0 R null] /Resources <</A 1>> /MediaBox [0 0 1 1]>>")
	m.obj(3, "<</Type /Page /MediaBox [0 0 2 2]>>")
	m.obj(4, "<</Kids [5 0 R <</Type /Page /Rotate 0>>] /Rotate 180>>")
	m.obj(5, "<</Type /Page>>")
	m.obj(10, "<</T (\xfe\xff\x5f\x35) /FT /Sig /Kids [11 0 R 12 0 R]>>") // 張
	m.obj(11, "<</T (a) /Subtype /Widget /V 20 0 R>>")
	m.obj(12, "<</T (b) /V <</Type /Sig /Direct true>> /Kids [15 0 R 16 0 R]>>")
	m.obj(13, "<</T (text) /FT /Tx /Ff 3 /Subtype /Widget>>")
	m.obj(14, "<</T (open) /FT /Sig /Subtype /Widget>>")
	m.obj(15, "<</Subtype /Widget>>")
	m.obj(16, "<</Subtype /Widget>>")
	m.obj(20, "<</Type /Sig /Filter /Adobe.PPKLite>>")
	return m
}

func TestPages(t *testing.T) {
	m := form()
	m.table(21, "/Root 1 0 R")
	type page struct {
		Index       int
		Num         uint32
		Width, Turn pdf.Object
	}
	var got []page
	for p, err := range pdf.Pages(mustOpen(t, m.Bytes()).Latest()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Dict["Resources"] == nil {
			t.Errorf("page %d has no Resources", p.Index)
		}
		got = append(got, page{p.Index, p.Ref.Num, p.Dict["MediaBox"].(pdf.Array)[2], p.Dict["Rotate"]})
	}
	want := []page{{0, 3, int64(2), nil}, {1, 5, int64(1), int64(180)}, {2, 0, int64(1), int64(0)}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFields(t *testing.T) {
	m := form()
	m.table(21, "/Root 1 0 R")
	v := mustOpen(t, m.Bytes()).Latest()
	fields, err := pdf.Fields(v)
	if err != nil {
		t.Fatal(err)
	}
	type field struct {
		Name    string
		Num     uint32
		FT      pdf.Object
		Widgets []pdf.Ref
		VHolder uint32
	}
	var got []field
	for _, f := range fields {
		got = append(got, field{f.Name, f.Ref.Num, f.Dict["FT"], f.Widgets, f.VHolder.Num})
	}
	want := []field{
		{"張.a", 11, pdf.Name("Sig"), []pdf.Ref{{Num: 11}}, 11},
		{"張.b", 12, pdf.Name("Sig"), []pdf.Ref{{Num: 15}, {Num: 16}}, 12},
		{"text", 13, pdf.Name("Tx"), []pdf.Ref{{Num: 13}}, 0},
		{"open", 14, pdf.Name("Sig"), []pdf.Ref{{Num: 14}}, 0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	sigs, err := pdf.Signatures(v)
	if err != nil || len(sigs) != 3 {
		t.Fatalf("Signatures = %v, %v, want 3", sigs, err)
	}
	if s := sigs[0]; s.Value["Filter"] != pdf.Name("Adobe.PPKLite") || s.Ref.Num != 20 || s.Path != nil {
		t.Errorf("first signature %+v", s)
	}
	if s := sigs[1]; s.Value["Direct"] != true || s.Ref.Num != 12 || !reflect.DeepEqual(s.Path, []pdf.Name{"V"}) {
		t.Errorf("second signature %+v", s)
	}
	if s := sigs[2]; s.Value != nil || !s.Ref.IsZero() {
		t.Errorf("third signature %+v", s)
	}
}

// TestTrees: trees that are none end in an error, not in a loop.
func TestTrees(t *testing.T) {
	for name, c := range map[string]struct {
		pages, fields string
		pagesErr      error
		fieldsErr     error
		terminal      int
	}{
		"page in itself":     {"<</Kids [2 0 R]>>", "[]", pdf.ErrMalformed, nil, 0},
		"kids are a name":    {"<</Kids /X>>", "/X", pdf.ErrMalformed, pdf.ErrMalformed, 0},
		"field in itself":    {"<</Kids []>>", "[5 0 R]", nil, nil, 0},
		"field is a number":  {"<</Kids [7]>>", "[7]", pdf.ErrMalformed, pdf.ErrMalformed, 0},
		"reference loop":     {"6 0 R", "6 0 R", pdf.ErrMalformed, pdf.ErrMalformed, 0},
		"absent everything":  {"null", "null", nil, nil, 0},
		"fields are missing": {"<</Kids [99 0 R]>>", "[99 0 R]", nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker()
			m.obj(1, "<</Pages 2 0 R /AcroForm <</Fields 3 0 R>>>>")
			m.obj(2, c.pages)
			m.obj(3, c.fields)
			m.obj(5, "<</T (a) /Kids [5 0 R]>>")
			m.obj(6, "6 0 R")
			m.table(7, "/Root 1 0 R")
			v := mustOpen(t, m.Bytes()).Latest()
			if _, err := pdf.PageAt(v, 0); c.pagesErr != nil && !errors.Is(err, c.pagesErr) {
				t.Errorf("PageAt: %v, want %v", err, c.pagesErr)
			}
			f, err := pdf.Fields(v)
			if !errors.Is(err, c.fieldsErr) || len(f) != c.terminal {
				t.Errorf("Fields: %v, %v, want %d, %v", f, err, c.terminal, c.fieldsErr)
			}
		})
	}
}
