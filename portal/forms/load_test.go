package forms

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// files returns the catalogue's files, to be spoiled.
func files(t testing.TB) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	dir := os.DirFS("catalogue")
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = &fstest.MapFile{Data: b}
	}
	return m
}

func TestLoadRefuses(t *testing.T) {
	const file = "water-account.yaml"
	for _, c := range []struct{ name, file, old, new string }{
		{"unknown key", file, "number:", "colour: red\nnumber:"},
		{"key twice", file, "number:", "number: X 1\nnumber:"},
		{"second document", file, "id: water-account", "id: water-account\n---\nid: other"},
		{"id unlike the file", file, "id: water-account", "id: water"},
		{"unknown department", file, "department: wsd", "department: mars"},
		{"missing language", file, "zh-Hans: 新用户", `zh-Hans: ""`},
		{"emoji", file, "en: New consumer", "en: New 😀"},
		{"unknown kind", file, "kind: choice", "kind: colour"},
		{"unknown common field", file, "use: enName", "use: enname"},
		{"field twice", file, "id: meterNumber", "id: accountNumber"},
		{"the signature's name", file, "id: meterNumber", "id: Signature"},
		{"bad pattern", file, `"[0-9]{11}"`, `"[0-9"`},
		{"length of an amount", file, "least: 0", "max: 3"},
		{"odd columns", file, "columns: 4", "columns: 5"},
		{"option twice", file, "key: english", "key: chinese"},
		{"when of a choice", file, "kind: choice", "kind: choice\n        when: past"},
		{"too tall a signature", file, "signature:", "signature:\n  height: 400"},
		{"not a number", file, "signature:", "signature:\n  height: .nan"},
		{"too many lines", file, "lines: 2", "lines: 99"},
		{"prefill from nowhere", file, "prefill: eme.postalAddress", "prefill: eme.shoeSize"},
		{"null section", file, "sections:", "sections:\n  - null"},
		{"number twice", file, "number: WSD 9911", "number: CA 9810"},
		{"too large", file, "number:", "#" + strings.Repeat("x", maxFile) + "\nnumber:"},
		{"department without a name", departmentsFile, "zh-Hans: 运输署", `zh-Hans: ""`},
		{"common field without an id", commonFile, "id: enName", "id: 1"},
		{"common field twice", commonFile, "id: zhName", "id: enName"},
	} {
		m := files(t)
		s := string(m[c.file].Data)
		if !strings.Contains(s, c.old) {
			t.Fatalf("%s: %s has no %q", c.name, c.file, c.old)
		}
		m[c.file] = &fstest.MapFile{Data: []byte(strings.Replace(s, c.old, c.new, 1))}
		cat, err := load(m)
		if !errors.Is(err, ErrCatalogue) && c.name != "number twice" || err == nil {
			t.Errorf("%s: %v (loaded %v), want %v", c.name, err, cat != nil, ErrCatalogue)
		}
	}
	if _, err := load(files(t)); err != nil {
		t.Errorf("the catalogue as it is: %v", err)
	}
}

// A common field that a form alters must stay as it is for the others.
func TestCommonFieldsAreNotShared(t *testing.T) {
	a, b := form(t, "helper-contract"), form(t, "vehicle-licence")
	if f := a.Field("helperPhone"); f.Required || f.Prefill != "" || f.Label.En != "Helper's telephone" {
		t.Errorf("helper's telephone: required %v, label %q", f.Required, f.Label.En)
	}
	if f := b.Field("phone"); !f.Required || f.Label.En != "Daytime telephone" {
		t.Errorf("telephone: required %v, label %q", f.Required, f.Label.En)
	}
}
