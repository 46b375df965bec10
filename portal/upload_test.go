package portal

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// upload sends a file as a browser does.
func (b *browser) upload(name, kind string, content []byte) (int, string) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	if content != nil {
		part, err := m.CreateFormFile("file", name)
		if err != nil {
			b.h.t.Fatal(err)
		}
		_, _ = part.Write(content)
	}
	_ = m.WriteField("kind", kind)
	_ = m.Close()
	w := b.send("POST", "/upload", m.FormDataContentType(), body.String())
	return w.Code, w.Body.String()
}

// What cannot be signed is refused with its reason, and keeps the page.
func TestUploadRefusals(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	encrypted := bytes.Replace(onePage, []byte("/Root 1 0 R"), []byte("/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/O(x)/U(y)/P -4>>"), 1)
	for name, c := range map[string]struct {
		kind    string
		content []byte
		says    string
	}{
		"nothing":   {"none", nil, "Choose a PDF file"},
		"empty":     {"none", []byte{}, "The file is empty"},
		"too large": {"none", bytes.Repeat([]byte("x"), maxUpload+1), "larger than 20 MB"},
		"text":      {"none", []byte("hello"), "The file is not a PDF"},
		"encrypted": {"none", encrypted, "The PDF has a password"},
		"damaged":   {"none", []byte("%PDF-1.7\nnothing else"), "The PDF is damaged"},
		"no kind":   {"", onePage, "Choose what kind of document it is"},
		"odd kind":  {"recipe", onePage, "Choose what kind of document it is"},
		"a will":    {"will", onePage, "has no effect on this kind of document"},
	} {
		code, body := b.upload("a.pdf", c.kind, c.content)
		if code != http.StatusUnprocessableEntity || !strings.Contains(body, c.says) || !strings.Contains(body, `<title>Error: `) {
			t.Errorf("%s: %d, want 422 saying %q; page: %.3000s", name, code, c.says, body)
		}
	}
	if w := b.get("/to-sign"); !strings.Contains(w.Body.String(), "Nothing is waiting") {
		t.Errorf("something was kept: %s", w.Body)
	}
	if code, body := b.upload("a.pdf", "none", onePage); code != http.StatusSeeOther {
		t.Errorf("a good file: %d %s", code, body)
	}
	// More than is read at all.
	if code, body := b.upload("a.pdf", "none", bytes.Repeat([]byte("x"), 3*maxUpload)); code != http.StatusRequestEntityTooLarge || !strings.Contains(body, "A document may have 20 MB") {
		t.Errorf("60 MB: %d %.500s", code, body)
	}
}

func TestFileName(t *testing.T) {
	for sent, want := range map[string]string{
		"a.pdf": "a.pdf", `C:\Users\me\租約.pdf`: "租約.pdf", "../../etc/passwd": "passwd", "": "document.pdf", "..": "..", "/": "document.pdf",
		"invoice\u202efdp.exe": "invoicefdp.exe", "a\x00b\nc.pdf": "abc.pdf", "\xff\xfe.pdf": ".pdf", strings.Repeat("長", 200): strings.Repeat("長", 96) + ".pdf",
	} {
		if got := fileName(sent, "document.pdf"); got != want {
			t.Errorf("%q gives %q, want %q", sent, got, want)
		}
	}
}
