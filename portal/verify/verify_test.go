package verify

import (
	"bytes"
	"encoding/json"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

// part is one field of a form.
type part struct{ field, file, content string }

func body(t testing.TB, parts ...part) (*bytes.Buffer, string) {
	t.Helper()
	b := &bytes.Buffer{}
	m := multipart.NewWriter(b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + p.field + `"`
		if p.field != "kind" {
			disposition += `; filename="` + strings.NewReplacer(`"`, "%22", "\n", "%0A").Replace(p.file) + `"`
		}
		h.Set("Content-Disposition", disposition)
		w, err := m.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(p.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b, m.FormDataContentType()
}

// post sends a form to an address as a browser does, in English.
func (d *desk) post(path string, parts ...part) *httptest.ResponseRecorder {
	d.t.Helper()
	b, kind := body(d.t, parts...)
	r := httptest.NewRequest(http.MethodPost, path, b)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept-Language", "en")
	if path == "/verify/files" {
		r.Header.Set("Accept", "application/json")
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

var tag = regexp.MustCompile(`<[^>]*>`)

// text is what a page says.
func text(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, " "))), " ")
}

// flipped has one letter of the content changed.
func flipped(t testing.TB, doc []byte, old, now string) []byte {
	t.Helper()
	if !bytes.Contains(doc, []byte(old)) {
		t.Fatalf("no %q to change", old)
	}
	return bytes.Replace(doc, []byte(old), []byte(now), 1)
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	note := "Chan owes 100 dollars"
	for name, c := range map[string]struct {
		parts []part
		want  Verdict
		says  []string
	}{
		"PDF":             {[]part{{"document", "a.pdf", string(d.pdf(d.good, note))}}, Valid, []string{"The signature is valid", "CHAN Tai Man 陳大文", "A time-stamp proves it", "Chop Test Issuing CA", "The whole document"}},
		"PDF changed":     {[]part{{"document", "a.pdf", string(d.changedPDF(note))}}, Changed, []string{"What you see is not what was signed", "Page 2", "the content was changed", "Page 2: something was changed here after signing", "Page 1: the signature is shown here"}},
		"PDF altered":     {[]part{{"document", "a.pdf", string(flipped(t, d.pdf(d.good, note), "100", "900"))}}, Invalid, []string{"The signature is not valid", "it was altered"}},
		"PDF revoked":     {[]part{{"document", "a.pdf", string(d.pdf(d.revoked, note))}}, Undecided, []string{"WONG Siu Ming", "revoked"}},
		"PDF not signed":  {[]part{{"document", "a.pdf", string(blank(note))}}, Unsigned, []string{"Nobody signed this document"}},
		"XML":             {[]part{{"document", "a.xml", string(d.xml(d.good, note))}}, Valid, nil},
		"XML altered":     {[]part{{"document", "a.xml", string(flipped(t, d.xml(d.good, note), "100", "900"))}}, Invalid, nil},
		"CMS":             {[]part{{"document", "a.p7m", string(d.cms(d.good, note, false))}}, Valid, nil},
		"CMS detached":    {[]part{{"document", "a.txt.p7s", string(d.cms(d.good, note, true))}, {"detached", "a.txt", note}}, Valid, []string{"The file a.txt"}},
		"of other text":   {[]part{{"document", "a.txt.p7s", string(d.cms(d.good, note, true))}, {"detached", "a.txt", "another"}}, Invalid, nil},
		"without its doc": {[]part{{"document", "a.txt.p7s", string(d.cms(d.good, note, true))}, {"detached", "", ""}}, Undecided, []string{"The document that was signed is not here"}},
		"ASiC":            {[]part{{"document", "a.asice", string(d.asic(d.good, note))}}, Valid, []string{"The file letter.txt"}},
		"JSON":            {[]part{{"document", "a.jws", string(d.json(d.good, note))}}, Valid, nil},
		"JSON revoked":    {[]part{{"document", "a.jws", string(d.json(d.revoked, note))}}, Undecided, nil},
		"a picture":       {[]part{{"document", "a.png", "\x89PNG\r\n"}}, Unreadable, []string{"This file cannot be read"}},
		"nothing in it":   {[]part{{"document", "a.pdf", ""}}, Unreadable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := d.post("/verify", append(c.parts, part{"kind", "", "will"})...)
			page := w.Body.String()
			if w.Code != 200 || !strings.Contains(page, `class="verdict verdict--`+string(c.want)+`"`) {
				t.Fatalf("%d, not %s: %s", w.Code, c.want, text(page))
			}
			for _, want := range append(c.says, "Your file is not kept.") {
				if !strings.Contains(text(page), want) && !strings.Contains(page, want) {
					t.Errorf("the page does not say %q: %s", want, text(page))
				}
			}
			if strings.Contains(page, "%!") || strings.Contains(text(page), "[") && strings.Contains(text(page), "-]") {
				t.Errorf("a text is not whole: %s", text(page))
			}
			var row row
			w = d.post("/verify/files", c.parts...)
			if err := json.Unmarshal(w.Body.Bytes(), &row); err != nil || w.Code != 200 || row.Verdict != c.want {
				t.Errorf("the table has %d %s, %v; want %s", w.Code, row.Verdict, err, c.want)
			}
			for _, lang := range languages {
				if row.Reason[lang] == "" {
					t.Errorf("no reason in %s", lang)
				}
			}
		})
	}
}

// The Ordinance's answer is told with its reasons and with what would decide it.
func TestOrdinance(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	doc := string(d.json(d.good, "x"))
	page := text(d.post("/verify", part{"document", "a.jws", doc}, part{"kind", "", "will"}).Body.String())
	for _, want := range []string{"section 6: Not satisfied", "Schedule 1, item 1, excludes it", "No list of recognized certification authorities", "What would decide it: Give the list", "This is no legal advice"} {
		if !strings.Contains(page, want) {
			t.Errorf("does not say %q: %s", want, page)
		}
	}
	page = text(d.post("/verify", part{"document", "a.jws", doc}, part{"kind", "", eto.Other}).Body.String())
	if !strings.Contains(page, "section 6: Cannot be decided") {
		t.Errorf("says %s", page)
	}
	if w := d.post("/verify", part{"document", "a.jws", doc}, part{"kind", "", "poem"}); w.Code != 422 || !strings.Contains(w.Body.String(), `href="#kind"`) {
		t.Errorf("an unknown kind: %d %s", w.Code, text(w.Body.String()))
	}
}

// What is wrong with a form is said on the form, with a status to match.
func TestRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	most := int(d.site.most)
	big := strings.Repeat("x", most+1)
	many := []part{{"document", "a.p7s", "x"}}
	for range maxFiles + 1 {
		many = append(many, part{"detached", "f", "x"})
	}
	for name, c := range map[string]struct {
		parts []part
		code  int
		says  string
	}{
		"no file":               {[]part{{"kind", "", "will"}}, 422, "Choose a file"},
		"none chosen":           {[]part{{"document", "", ""}}, 422, "Choose a file"},
		"too large":             {[]part{{"document", "a.pdf", big}}, 413, "larger than 32 MB"},
		"too large together":    {[]part{{"document", "a.p7s", big[:most/2+1]}, {"detached", "a", big[:most/2+1]}}, 413, "larger than 32 MB"},
		"larger than is read":   {[]part{{"document", "a.pdf", big + big + big}}, 413, "larger than 32 MB"},
		"too many files":        {many, 422, "At most 20 files"},
		"a PDF, and a file too": {[]part{{"document", "a.pdf", string(d.pdf(d.good, "x"))}, {"detached", "b", "x"}}, 422, "holds its own signature"},
	} {
		t.Run(name, func(t *testing.T) {
			w := d.post("/verify", c.parts...)
			if w.Code != c.code || !strings.Contains(text(w.Body.String()), c.says) {
				t.Errorf("%d %s; want %d, %q", w.Code, text(w.Body.String()), c.code, c.says)
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/verify", strings.NewReader("kind=will"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if d.handler.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
	// One budget is over the pages and over whoever else asks the service.
	for range 8 {
		if _, err := d.site.c.Judge.Reserve(d.site.most); err != nil {
			t.Fatal("some memory was never given back")
		}
	}
	if w := d.post("/verify", part{"document", "a", "x"}); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("without memory: %d, retry after %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// Each client has its own limit; a refusal says when to come again.
func TestLimits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	send := func(address string) *httptest.ResponseRecorder {
		b, kind := body(t, part{"document", "a", "x"})
		r := httptest.NewRequest(http.MethodPost, "/verify", b)
		r.Header.Set("Content-Type", kind)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	for i := range 60 {
		if w := send("192.0.2.1:1"); w.Code != 200 {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	if w := send("192.0.2.1:2"); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d, retry after %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := send("192.0.2.2:1"); w.Code != 200 {
		t.Errorf("somebody else: %d", w.Code)
	}
	if a, b := network(&http.Request{RemoteAddr: "[2001:db8::1]:1"}), network(&http.Request{RemoteAddr: "[2001:db8::ffff:2]:1"}); a != b {
		t.Errorf("one subscriber is %s and %s", a, b)
	}
}

// A name that would deceive is shown by the numbers of its characters, and never as markup.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	name := "<script>alert(1)</script>\u202efdp.exe"
	page := d.post("/verify", part{"document", name, string(d.json(d.good, "x"))}).Body.String()
	if strings.Contains(page, "\u202e") || strings.Contains(page, "<script>alert") || !strings.Contains(page, `\u202efdp.exe`) {
		t.Errorf("the name is shown as %s", page[:2000])
	}
}

// A result changes its language without the document; one that is not ours is not shown.
func TestLanguageOfResult(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	page := d.post("/verify", part{"document", "a.pdf", string(d.changedPDF("x"))}, part{"kind", "", "will"}).Body.String()
	sealed := regexp.MustCompile(`name="result" value="([^"]*)"`).FindStringSubmatch(page)
	if sealed == nil {
		t.Fatal("the page does not carry its result")
	}
	send := func(sealed, lang string) string {
		r := httptest.NewRequest(http.MethodPost, "/verify/language", strings.NewReader(url.Values{"result": {sealed}, "set-lang": {lang}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	value := html.UnescapeString(sealed[1])
	for lang, want := range map[string][]string{"zh-Hant-HK": {"所顯示的並非所簽署的內容", "第 2 頁", "不符合", "遺囑"}, "zh-Hans": {"所显示的并非所签署的内容", "第 2 页", "不符合"}, "en": {"What you see is not what was signed"}} {
		got := text(send(value, lang))
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not say %q: %s", lang, w, got)
			}
		}
	}
	other := newDesk(t, nil)
	theirs, err := other.site.seal(&Result{Verdict: Valid})
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{theirs, value[:40] + "AAAA" + value[44:], "", "!"} {
		if got := send(forged, "en"); strings.Contains(got, "verdict--") {
			t.Errorf("shows what it did not seal: %s", text(got))
		}
	}
}

// Valid is said of what validation passes, and of nothing else.
func TestValidIsPassed(t *testing.T) {
	indications := []validation.Indication{validation.TotalPassed, validation.TotalFailed, validation.Indeterminate, ""}
	for _, level := range []changes.Level{"", changes.None, changes.Allowed, changes.Suspicious} {
		for _, extra := range []validation.Document{{}, {Unsigned: []string{"x"}}, {Faults: []string{"x"}}} {
			for _, a := range indications {
				for _, b := range append(indications, "absent") {
					extra.Modifications = level
					r := &validation.Report{Document: extra, Signatures: []validation.Signature{{Indication: a}}}
					if b != "absent" {
						r.Signatures = append(r.Signatures, validation.Signature{Indication: b})
					}
					if got := verdictOf(r, len(r.Signatures)); (got == Valid) != r.Passed() {
						t.Errorf("%s of %+v", got, r)
					}
					// Time-stamps alone are nobody's signature.
					if got := verdictOf(r, 0); got == Valid {
						t.Errorf("%s without a signature: %+v", got, r)
					}
				}
			}
		}
	}
	if got := verdictOf(&validation.Report{}, 0); got != Unsigned {
		t.Errorf("%s of nothing", got)
	}
}
