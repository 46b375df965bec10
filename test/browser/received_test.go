//go:build browser

package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/pdf"
)

// received100 writes a hundred files as a department gets them, signed by a seal or not, and returns the verdict that each
// must have. Batches sign most; what is signed is then changed as strangers would.
func received100(t *testing.T, a *appliance, seal, folder string) map[string]string {
	t.Helper()
	plain, signed := filepath.Join(a.scratch, "plain"), filepath.Join(a.scratch, "signed")
	for _, dir := range []string{plain, signed, folder} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(dir, name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{}
	kinds := []struct {
		name    string // of the document; %02d
		ends    string // of what the batch makes of it
		count   int
		verdict string
		change  func([]byte) []byte
	}{
		{"letter-%02d.pdf", "", 25, "valid", nil},
		{"amended-%02d.pdf", "", 10, "changed", func(b []byte) []byte { return noted(t, b) }},
		{"altered-%02d.pdf", "", 10, "invalid", flip},
		{"record-%02d.xml", "", 12, "valid", nil},
		{"record-altered-%02d.xml", "", 5, "invalid", flip},
		{"receipt-%02d.json", ".jws", 10, "valid", nil},
		{"圖則 plan-%02d.dwg", ".asics", 10, "valid", nil},
	}
	for _, k := range kinds {
		for i := range k.count {
			name := fmt.Sprintf(k.name, i)
			write(plain, name, document(name))
		}
	}
	must(t, a.command(t.Context(), "sign batch", "--credential", seal, "--level", "B-T", "--in", plain, "--out", signed))
	for _, k := range kinds {
		for i := range k.count {
			name := fmt.Sprintf(k.name, i) + k.ends
			content, err := os.ReadFile(filepath.Join(signed, name))
			if err != nil {
				t.Fatal(err)
			}
			if k.change != nil {
				content = k.change(content)
			}
			write(folder, name, content)
			want[name] = k.verdict
		}
	}
	for i := range 2 {
		name := fmt.Sprintf("notice-%02d.p7m", i)
		must(t, a.command(t.Context(), "sign cms", "--credential", seal, "--level", "B-T", "--in", filepath.Join(plain, "receipt-00.json"), "--out", filepath.Join(folder, name)))
		want[name] = "valid"
	}
	for i := range 16 {
		name, verdict, content := fmt.Sprintf("plain-%02d.pdf", i), "unsigned", document("a.pdf")
		if i >= 10 {
			name, verdict, content = fmt.Sprintf("photo-%02d.png", i), "unreadable", []byte("\x89PNG\r\n\x1a\n")
		}
		write(folder, name, content)
		want[name] = verdict
	}
	if len(want) != 100 {
		t.Fatalf("%d files", len(want))
	}
	return want
}

// letters40 writes what a department wants sealed, and returns one of each kind by its end.
func letters40(t *testing.T, folder string) map[string]string {
	t.Helper()
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	one := map[string]string{}
	for i := range 40 {
		end := []string{"pdf", "pdf", "xml", "json", "txt"}[i%5]
		name := fmt.Sprintf("續牌 renewal-%02d.%s", i, end)
		if err := os.WriteFile(filepath.Join(folder, name), document(name), 0o644); err != nil {
			t.Fatal(err)
		}
		one[end] = name
	}
	return one
}

// document is one of the kind that its name says.
func document(name string) []byte {
	text := fmt.Sprintf("%d: pay 100 dollars", len(name))
	switch filepath.Ext(name) {
	case ".pdf":
		return twoPages(text)
	case ".xml":
		return []byte("<letter><text>" + name + " " + text + "</text></letter>")
	case ".json":
		return []byte(`{"text": "` + name + " " + text + `"}`)
	}
	return []byte(name + " " + text)
}

// flip changes the sum.
func flip(doc []byte) []byte {
	return bytes.Replace(doc, []byte("pay 100"), []byte("pay 900"), 1)
}

// noted has a text stuck over its second page.
func noted(t *testing.T, signed []byte) []byte {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := pdf.PageAt(f.Latest(), 1)
	if err != nil {
		t.Fatal(err)
	}
	u := pdf.NewUpdate(f)
	note := u.Add(pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("FreeText"), "Rect": pdf.Array{int64(70), int64(600), int64(400), int64(700)},
		"Contents": pdf.String("Pay 900 dollars"), "P": page.Ref,
	})
	o, err := u.Get(page.Ref)
	if err != nil {
		t.Fatal(err)
	}
	changed := o.(pdf.Dict).Clone()
	changed["Annots"] = pdf.Array{note}
	u.Set(page.Ref, changed)
	added, err := u.Build()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(signed), added.Bytes...)
}

// twoPages is a PDF with a line of text on each.
func twoPages(text string) []byte {
	var b bytes.Buffer
	var at []int
	object := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	b.WriteString("%PDF-1.7\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>")
	page := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
	object(page)
	line := "BT /F1 24 Tf 72 720 Td (" + text + ") Tj ET"
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(line), line))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	object(page)
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}
