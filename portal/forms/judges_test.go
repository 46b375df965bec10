package forms

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"chop/internal/pdf"
)

// tool runs a stranger's tool and returns all that it says.
func tool(t testing.TB, name string, args ...string) (out string, code int) {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(b), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b), 0
}

func saved(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t testing.TB, data []byte) *pdf.View {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(data), int64(len(data)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Latest()
}

// readFields reads the form's fields by our own reader: values as text, by name.
func readFields(t testing.TB, v *pdf.View) map[string]pdf.Dict {
	t.Helper()
	all, err := pdf.Fields(v)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]pdf.Dict{}
	for _, f := range all {
		found[f.Name] = f.Dict
	}
	return found
}

func valueOf(t testing.TB, v *pdf.View, d pdf.Dict) string {
	t.Helper()
	o, err := v.Resolve(d["V"])
	if err != nil {
		t.Fatal(err)
	}
	switch o := o.(type) {
	case pdf.String:
		return pdf.DecodeText(o)
	case pdf.Name:
		return string(o)
	}
	return ""
}

type rectangle struct{ x0, y0, x1, y1 float64 }

func (a rectangle) meets(b rectangle) bool {
	return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1
}

// checkPlaces sees that all fields are within the body of their page and apart.
func checkPlaces(t testing.TB, v *pdf.View, fields map[string]pdf.Dict) {
	t.Helper()
	type placed struct {
		name string
		at   rectangle
	}
	pages := map[pdf.Ref][]placed{}
	for name, d := range fields {
		a, err := v.Array(d["Rect"])
		if err != nil || len(a) != 4 {
			t.Fatalf("field %s: rectangle %v: %v", name, a, err)
		}
		n := func(i int) float64 { return a[i].(float64) }
		r := rectangle{n(0), n(1), n(2), n(3)}
		if r.x0 < margin-0.1 || r.x1 > margin+bodyWidth+0.1 || r.y0 < pageHeight-bodyBottom-0.1 || r.y1 > pageHeight-40 || r.x0 >= r.x1 || r.y0 >= r.y1 {
			t.Errorf("field %s is at %v, outside of the body", name, r)
		}
		p, _ := d["P"].(pdf.Ref)
		for _, other := range pages[p] {
			if r.meets(other.at) {
				t.Errorf("fields %s and %s overlap: %v, %v", name, other.name, r, other.at)
			}
		}
		pages[p] = append(pages[p], placed{name, r})
	}
}
