package pdf_test

import (
	"strings"
	"testing"

	"chop/internal/pdf"
)

// TestDraft: what was drafted is read back, by us and by a stranger, and can be updated.
func TestDraft(t *testing.T) {
	var d pdf.Draft
	pages, page := d.Alloc(), d.Alloc()
	content := d.AddStream(pdf.Dict{}, []byte(strings.Repeat("0 0 m 9 9 l S\n", 50)))
	d.Set(pages, pdf.Dict{"Type": pdf.Name("Pages"), "Kids": pdf.Array{page}, "Count": int64(1)})
	d.Set(page, pdf.Dict{"Type": pdf.Name("Page"), "Parent": pages, "MediaBox": pdf.Array{0.0, 0.0, 300.0, 200.0}, "Contents": content, "Resources": pdf.Dict{}})
	catalog := d.Add(pdf.Dict{"Type": pdf.Name("Catalog"), "Pages": pages})
	for name, info := range map[string]pdf.Ref{"with": d.Add(pdf.Dict{"Title": pdf.String("Draft")}), "without": {}} {
		data, err := d.Bytes(catalog, info)
		if err != nil {
			t.Fatal(err)
		}
		if n, text := qpdfCheck(t, data); n != 0 {
			t.Errorf("%s information: %s", name, text)
		}
		f := mustOpen(t, data)
		if f.Latest().Trailer()["Info"] != nil != (name == "with") {
			t.Errorf("%s information: %v", name, f.Latest().Trailer())
		}
		s, err := f.Latest().Stream(content)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := f.Decode(s); err != nil || len(text) != 50*14 || s.Len() > 100 {
			t.Errorf("%d bytes in %d, %v", len(text), s.Len(), err)
		}
		if _, err := appendTo(f); err != nil {
			t.Error(err)
		}
		if list := f.Anomalies(); len(list) != 0 {
			t.Errorf("%v", list)
		}
	}
}
