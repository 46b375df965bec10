package forms

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chop/internal/pdf"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// everyForm calls try for each form in each language, blank, as a person fills it in,
// and with the longest answers.
func everyForm(t *testing.T, try func(t *testing.T, f *Form, lang, name string, values map[string]string, file []byte)) {
	for _, f := range catalogue(t).Forms() {
		for _, lang := range Languages {
			for name, values := range map[string]map[string]string{"blank": nil, "filled": sample(f), "longest": longest(f)} {
				t.Run(f.ID+"/"+lang+"/"+name, func(t *testing.T) {
					t.Parallel()
					var b []byte
					var err error
					if values == nil {
						b, err = f.Blank(lang, day)
					} else {
						b, err = f.Fill(values, lang, day)
					}
					if err != nil {
						t.Fatal(err)
					}
					try(t, f, lang, name, values, b)
				})
			}
		}
	}
}

func TestStrangersRead(t *testing.T) {
	everyForm(t, func(t *testing.T, f *Form, lang, name string, values map[string]string, file []byte) {
		path := saved(t, file)
		if out, code := tool(t, "qpdf", "--check", path); code != 0 || strings.Contains(out, "WARNING") {
			t.Errorf("qpdf --check: exit %d\n%s", code, out)
		}
		if out, code := tool(t, "mutool", "draw", "-q", "-r", "20", "-o", os.DevNull, "-F", "ppm", path); code != 0 || strings.Contains(strings.ReplaceAll(out, "warning: ICC support is not available", ""), "warning") || strings.Contains(out, "error") {
			t.Errorf("mutool draw: exit %d\n%s", code, out)
		}
		poppler, code := tool(t, "pdftotext", "-layout", path, "-")
		if code != 0 || strings.Contains(poppler, "Error") {
			t.Errorf("pdftotext: exit %d\n%.300s", code, poppler)
		}
		want := []string{squeeze(f.Number + " (" + f.Revision + ")"), squeeze(f.Department.Name.In(lang))[:6]}
		if name == "filled" {
			want = append(want, "TaiMan", "陳大文", "𨋢")
		}
		for _, w := range want {
			if !strings.Contains(squeeze(poppler), w) {
				t.Errorf("pdftotext does not find %q:\n%s", w, poppler)
			}
		}
	})
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestFieldsHoldWhatWasGiven(t *testing.T) {
	everyForm(t, func(t *testing.T, f *Form, lang, name string, values map[string]string, file []byte) {
		checkFile(t, f, lang, values, file)
	})
}

// checkFile reads a form by our own reader and compares it with what it was made of.
func checkFile(t testing.TB, f *Form, lang string, values map[string]string, file []byte) {
	t.Helper()
	v := opened(t, file)
	fields := readFields(t, v)
	checkPlaces(t, v, fields)
	kept, err := f.Check(values, lang, day)
	if values != nil && err != nil {
		t.Fatal(err)
	}
	for _, field := range f.Fields() {
		d := fields[field.ID]
		if d == nil {
			t.Errorf("field %s is not in the file", field.ID)
			continue
		}
		want := kept[field.ID]
		switch field.Kind {
		case KindCheckbox:
			want = map[bool]string{true: "Yes", false: "Off"}[want == "true"]
		case KindChoice:
		default:
			want = field.Show(want, lang)
		}
		if got := valueOf(t, v, d); got != want {
			t.Errorf("field %s is %q, want %q", field.ID, got, want)
		}
		ap, err := v.Dict(d["AP"])
		if err != nil || ap["N"] == nil {
			t.Errorf("field %s has no appearance", field.ID)
		}
	}
	if len(fields) != len(f.Fields())+1 || fields[SignatureField]["FT"] != pdf.Name("Sig") || fields[SignatureField]["V"] != nil {
		t.Errorf("%d fields, want %d with an empty signature field", len(fields), len(f.Fields())+1)
	}
}

// Nothing in a form runs, opens, sends or refers to anything outside of it.
func TestNothingActs(t *testing.T) {
	everyForm(t, func(t *testing.T, f *Form, lang, name string, values map[string]string, file []byte) {
		out, code := tool(t, "qpdf", "--qdf", "--object-streams=disable", saved(t, file), "-")
		if code != 0 {
			t.Fatalf("qpdf --qdf: exit %d", code)
		}
		for _, word := range []string{"/JavaScript", "/JS", "/URI", "/Launch", "/GoToR", "/SubmitForm", "/ImportData", "/OpenAction", "/AA", "/EmbeddedFile", "/Filespec", "/XFA", "/RichMedia", "/NeedAppearances", "/Encrypt", "/A"} {
			if regexp.MustCompile(word + `[^A-Za-z]`).MatchString(out) {
				t.Errorf("the file has %s", word)
			}
		}
		for _, word := range []string{"/Lang", "/StructTreeRoot", "/MarkInfo", "/Metadata", "/DisplayDocTitle", "/DR", "/DA"} {
			if !strings.Contains(out, word) {
				t.Errorf("the file lacks %s", word)
			}
		}
	})
}

func TestSameInputSameBytes(t *testing.T) {
	f := form(t, "radio-amateur")
	for _, lang := range Languages {
		a, err := f.Fill(sample(f), lang, day)
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.Fill(sample(f), lang, day)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: two files of %d and %d bytes differ (%v)", lang, len(a), len(b), err)
		}
		if len(a) > 200_000 {
			t.Errorf("%s: %d bytes: the fonts were not cut to subsets", lang, len(a))
		}
	}
}

// All fonts with which something is drawn are embedded, with a map to Unicode.
func TestFontsAreEmbedded(t *testing.T) {
	f := form(t, "tree-felling")
	b, err := f.Fill(sample(f), Traditional, day)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := tool(t, "pdffonts", saved(t, b))
	for line := range strings.SplitSeq(out, "\n") {
		if strings.Contains(line, "CID") && !strings.Contains(line, "yes yes yes") {
			t.Errorf("a font is not embedded, no subset or without Unicode: %s", line)
		}
	}
	if !strings.Contains(out, "UMingHK") || !strings.Contains(out, "GoRegular") {
		t.Errorf("pdffonts:\n%s", out)
	}
}

// The text as a stranger takes it from the page. -update writes it anew; look at the
// difference before committing it.
func TestGoldenText(t *testing.T) {
	check := func(name string, file []byte) {
		t.Helper()
		out, code := tool(t, "pdftotext", "-layout", saved(t, file), "-")
		if code != 0 {
			t.Fatalf("pdftotext: exit %d", code)
		}
		var lines []string // spaces depend on the version of the tool
		for line := range strings.SplitSeq(out, "\n") {
			if line = strings.Join(strings.Fields(line), " "); line != "" {
				lines = append(lines, line)
			}
		}
		got := strings.Join(lines, "\n") + "\n"
		path := filepath.Join("testdata", "golden", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, lang := range Languages {
		for _, f := range catalogue(t).Forms() {
			b, err := f.Fill(sample(f), lang, day)
			if err != nil {
				t.Fatal(err)
			}
			check(f.ID+"-"+lang, b)
		}
		b, err := catalogue(t).Receipt(receipt(2), lang)
		if err != nil {
			t.Fatal(err)
		}
		check("receipt-"+lang, b)
	}
}

func TestReceipt(t *testing.T) {
	for _, lang := range Languages {
		for _, d := range []ReceiptData{receipt(1), receipt(4), receipt(10), longReceipt()} {
			b, err := catalogue(t).Receipt(d, lang)
			if err != nil {
				t.Fatalf("%s, %d documents: %v", lang, len(d.Documents), err)
			}
			path := saved(t, b)
			if out, code := tool(t, "qpdf", "--check", path); code != 0 {
				t.Errorf("qpdf --check: exit %d\n%s", code, out)
			}
			text, _ := tool(t, "pdftotext", "-layout", path, "-")
			for _, doc := range d.Documents {
				if !strings.Contains(squeeze(text), fmt.Sprintf("%x", doc.SHA256)) {
					t.Errorf("the receipt lacks the digest %x:\n%s", doc.SHA256, text)
				}
			}
			if info, _ := tool(t, "pdfinfo", path); !strings.Contains(info, "Pages:           1\n") {
				t.Errorf("the receipt has more than one page:\n%s", info)
			}
		}
	}
	for name, spoil := range map[string]func(*ReceiptData){
		"no documents": func(d *ReceiptData) { d.Documents = nil },
		"eleven":       func(d *ReceiptData) { d.Documents = receipt(11).Documents },
		"no time":      func(d *ReceiptData) { d.At = ReceiptData{}.At },
		"no signer":    func(d *ReceiptData) { d.Signer = " " },
		"long":         func(d *ReceiptData) { d.Service = strings.Repeat("x", maxReceiptText+1) },
		"no UTF-8":     func(d *ReceiptData) { d.Issuer = "\xff" },
	} {
		d := receipt(1)
		spoil(&d)
		if _, err := catalogue(t).Receipt(d, English); err == nil {
			t.Errorf("%s: a receipt was drawn", name)
		}
	}
}
