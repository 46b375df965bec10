package portal

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"chop/portal/forms"
)

// answers fills a form with something that every field takes.
func answers(f *forms.Form, v url.Values) {
	for _, field := range f.Fields() {
		switch field.Kind {
		case forms.KindDate:
			year := "1990"
			if field.When == "future" {
				year = "2090"
			}
			v.Set(field.ID+"-year", year)
			v.Set(field.ID+"-month", "3")
			v.Set(field.ID+"-day", "7")
		case forms.KindChoice:
			v.Set(field.ID, field.Options[0].Key)
		case forms.KindCheckbox:
			v.Set(field.ID, "yes")
		case forms.KindHKID:
			v.Set(field.ID, "A123456(3)")
		case forms.KindPhone:
			v.Set(field.ID, "91234567")
		case forms.KindEmail:
			v.Set(field.ID, "a@example.hk")
		case forms.KindAmount:
			v.Set(field.ID, "1000")
		case forms.KindChineseName:
			v.Set(field.ID, "陳大文")
		}
	}
}

// A form: errors keep what was typed; the account's data on request; changed once more;
// signed together with a PDF; nothing of it readable in the database.
func TestFormToSigning(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	f, err := h.cfg.Forms.Form("change-of-address")
	if err != nil {
		t.Fatal(err)
	}
	page := "/forms/" + f.ID
	w := b.post(page, "enName=CHAN%2C+Tai+Man")
	if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "govuk-error-summary") || !strings.Contains(body, `value="CHAN, Tai Man"`) {
		t.Fatalf("incomplete: %d %s", w.Code, body)
	}
	w = b.post(page, "prefill=yes")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `value="CHAN, Tai Man"`) || !strings.Contains(body, "陳大文") {
		t.Fatalf("filled in: %d %s", w.Code, body)
	}
	v := url.Values{}
	for _, m := range regexp.MustCompile(`name="([A-Za-z0-9-]+)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		v.Set(m[1], m[2])
	}
	v.Del("set-lang")
	v.Del("prefill")
	answers(f, v)
	for _, field := range f.Fields() {
		if (field.Kind == forms.KindText || field.Kind == forms.KindMultiline) && v.Get(field.ID) == "" && field.Required {
			v.Set(field.ID, "Flat 8, 3/F, 1 Example Street, Tsuen Wan")
		}
	}
	if w = b.post(page, v.Encode()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/to-sign" {
		t.Fatalf("complete: %d %.6000s", w.Code, regexp.MustCompile(`(?s)govuk-error-summary__list.*?</ul>`).FindString(w.Body.String()))
	}
	body := b.get("/to-sign").Body.String()
	m := regexp.MustCompile(`/to-sign/([0-9a-f-]+)/document`).FindStringSubmatch(body)
	if m == nil || !strings.Contains(body, f.Department.Name.En+" asks you to sign") {
		t.Fatalf("to sign: %s", body)
	}
	if w := b.get(m[0]); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "%PDF-") || w.Header().Get("Content-Type") != "application/pdf" {
		t.Errorf("document: %d %.100s", w.Code, w.Body)
	}
	// Changed: still one document.
	v.Set("draft", m[1])
	if w = b.post(page, v.Encode()); w.Code != http.StatusSeeOther {
		t.Fatalf("change: %d", w.Code)
	}
	if n := strings.Count(b.get("/to-sign").Body.String(), "/document\""); n != 1 {
		t.Errorf("%d documents after a change, want 1", n)
	}
	// What lies in the database says nothing, and another browser of the same person opens nothing.
	var dump string
	if err := h.cfg.DB.Pool.QueryRow(t.Context(), `SELECT string_agg(encode(about, 'escape'), '') FROM portal_draft`).Scan(&dump); err != nil || strings.Contains(dump, "CHAN") || strings.Contains(dump, "A123456") {
		t.Errorf("the database holds %q, %v", dump, err)
	}
	if body := h.browser().enter(chan_, "device").get("/to-sign").Body.String(); !strings.Contains(body, "Nothing is waiting") {
		t.Error("another browser sees the draft")
	}
	if w := h.browser().enter(lite, "device").get(m[0]); w.Code != http.StatusNotFound {
		t.Errorf("another person: %d", w.Code)
	}
	if code, _ := b.upload("租約.pdf", "none", onePage); code != 303 {
		t.Fatal("upload")
	}
	w = b.post("/to-sign", "with=here&reason=")
	if w.Code != 303 || w.Header().Get("Location") != "http://approve.localhost:8080/#sign/BBBBBBBBBBBBBBBBBBBBBB" {
		t.Fatalf("sign: %d %s", w.Code, w.Header())
	}
	q := h.signings.asked[0]
	if len(q.Documents) != 2 || q.Documents[0].Field != forms.SignatureField || q.Documents[1].Field != "" || q.Documents[1].Name != "租約.pdf" || q.Service.ID != "portal" || q.Return != "http://localhost:8080/signed" {
		t.Errorf("asked %+v", q)
	}
	if !strings.Contains(b.get("/to-sign").Body.String(), "Nothing is waiting") {
		t.Error("the drafts are still there")
	}
	// Back from the approval page: the browser that asked sees its signing.
	if w := b.get("/signed"); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/signings/") {
		t.Errorf("back: %d %s", w.Code, w.Header())
	}
}

// What the law excludes is said, and must be acknowledged; two kinds are signed apart.
func TestExcludedKinds(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	if code, _ := b.upload("lease.pdf", "stampable-instrument", onePage); code != 303 {
		t.Fatal(code)
	}
	if body := b.get("/to-sign").Body.String(); !strings.Contains(body, "may not recognize this signature") || !strings.Contains(body, "Stamp Duty Ordinance") {
		t.Errorf("no warning: %s", body)
	}
	if w := b.post("/to-sign", "with=phone"); w.Code != http.StatusUnprocessableEntity || len(h.signings.asked) != 0 {
		t.Errorf("without acknowledging: %d", w.Code)
	}
	if w := b.post("/to-sign", "with=phone&know=yes&reason=lease"); w.Code != 303 {
		t.Fatalf("acknowledged: %d %s", w.Code, w.Body)
	}
	if q := h.signings.asked[0]; q.DocumentKind != "stampable-instrument" || !q.KindAcknowledged || q.Reason != "lease" {
		t.Errorf("asked %+v", q)
	}
	b.upload("a.pdf", "trust", onePage)
	b.upload("b.pdf", "none", onePage)
	if w := b.post("/to-sign", "with=phone&know=yes"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "different warnings") {
		t.Errorf("two kinds: %d", w.Code)
	}
}

// A signing is tried again, cancelled, downloaded; another person's is not there.
func TestSigningActs(t *testing.T) {
	h := newHouse(t, "http://localhost:8080", "http://approve.localhost:8080")
	b := h.browser().enter(chan_, "device")
	if w := b.post("/signings/expired", "act=again"); w.Code != 303 || h.signings.all["expired"].State != "waiting" {
		t.Errorf("again: %d", w.Code)
	}
	if w := b.post("/signings/waiting", "act=cancel"); w.Code != 303 || h.signings.all["waiting"].State != "cancelled" {
		t.Errorf("cancel: %d", w.Code)
	}
	w := b.get("/signings/signed/documents/0")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; filename*=utf-8''%E7%94%B3") {
		t.Errorf("download: %d %s", w.Code, w.Header())
	}
	if w := b.get("/signings/signed/receipt.json"); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("receipt: %d", w.Code)
	}
	if w := b.get("/signings/signed/receipt.pdf"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "%PDF-") {
		t.Errorf("receipt on paper: %d", w.Code)
	}
	other := h.browser().enter(lite, "device")
	for _, path := range []string{"/signings/signed", "/signings/signed/documents/0", "/signings/signed/state"} {
		if w := other.get(path); w.Code != http.StatusNotFound {
			t.Errorf("another person's %s: %d", path, w.Code)
		}
	}
}
