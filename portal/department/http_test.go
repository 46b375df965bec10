package department

import (
	"bytes"
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/sealing"
	"chop/signer/approval/device"
)

const (
	origin = "https://localhost:8446"
	seal   = "0199a000-0000-7000-8000-000000000001"
)

// house is a desk that operators come to by a header instead of a certificate: the connection's is cmd's to look at.
type house struct {
	t       *testing.T
	book    *sealing.Book
	device  *device.Device
	handler http.Handler
}

func newHouse(t *testing.T) *house {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, device: device.New()}
	db := postgrestest.New(t)
	if h.book, err = sealing.New(sealing.Config{DB: db, Policies: set, Origin: origin, RPID: "localhost"}); err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{
		DB: db, Book: h.book, RPID: "localhost", Log: slog.New(slog.DiscardHandler), Check: "http://localhost:8080/verify",
		Operator: func(r *http.Request) (string, error) {
			if id := r.Header.Get("Operator"); id != "" {
				return id, nil
			}
			return "", ErrStranger
		},
		Seals: func(_ context.Context, department string) ([]Seal, error) {
			if department != "transport" {
				return nil, nil
			}
			return []Seal{{seal, "Transport Department", time.Now().AddDate(1, 0, 0)}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	d.Routes(r)
	h.handler = r
	return h
}

func (h *house) operator(department, id string, roles ...string) {
	h.t.Helper()
	ctx := h.t.Context()
	err := h.book.Propose(ctx, "local:root", sealing.Operator{ID: id, Department: department, Name: id, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	challenge, err := h.book.PasskeyChallenge(ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	made, err := h.device.Create("localhost", origin, solecontrol.Digest(challenge), []byte(id), false)
	if err == nil {
		err = h.book.Enrol(ctx, id, *made)
	}
	if err == nil {
		err = h.book.Admit(ctx, "local:root", id)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) send(operator, method, path, kind string, body []byte, more ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	if operator != "" {
		r.Header.Set("Operator", operator)
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) post(operator, path string, fields ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return h.send(operator, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(v.Encode()))
}

func upload(t *testing.T, name, content string) (string, []byte) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	f, err := m.CreateFormFile("document", name)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.Bytes()
}

// Nobody without an operator's certificate, or of another department, or from another site, gets anywhere.
func TestStrangers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.operator("transport", "chan", sealing.Sealer)
	h.operator("lands", "ho", sealing.Sealer, sealing.Approver)
	w := h.post("chan", "/batches", "seal", seal, "level", "B-T", "reason", "Renewals <b>")
	batch := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(batch, "/batches/") {
		t.Fatal(w.Code, w.Body)
	}
	kind, body := upload(t, "a <i>.txt", "letter")
	if w := h.send("chan", http.MethodPost, batch+"/files", kind, body, "Accept", "application/json"); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	page := h.send("chan", http.MethodGet, batch, "", nil)
	if page.Code != 200 || strings.Contains(page.Body.String(), "<b>") || strings.Contains(page.Body.String(), "<i>") || !strings.Contains(page.Body.String(), "data-challenge") {
		t.Errorf("%d %s", page.Code, page.Body)
	}
	if w := h.send("chan", http.MethodGet, batch+"/files/1", "", nil); w.Code != 200 || w.Body.String() != "letter" ||
		!strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("a letter: %d %v", w.Code, w.Header())
	}
	for name, c := range map[string]struct {
		got  *httptest.ResponseRecorder
		want int
	}{
		"no certificate":                 {h.send("", http.MethodGet, "/", "", nil), 403},
		"of nobody":                      {h.send("nobody", http.MethodGet, "/", "", nil), 403},
		"another department's batch":     {h.send("ho", http.MethodGet, batch, "", nil), 404},
		"another department's letter":    {h.send("ho", http.MethodGet, batch+"/files/1", "", nil), 404},
		"another department's files":     {h.send("ho", http.MethodPost, batch+"/files", kind, body), 404},
		"another department takes back":  {h.post("ho", batch+"/withdraw"), 404},
		"another department's seal":      {h.post("ho", "/batches", "seal", seal, "level", "B-T", "reason", "x"), 422},
		"no letter":                      {h.send("chan", http.MethodGet, batch+"/files/2", "", nil), 404},
		"a sealed letter before it is":   {h.send("chan", http.MethodGet, batch+"/sealed/1", "", nil), 410},
		"all before they are sealed":     {h.send("chan", http.MethodGet, batch+"/sealed.zip", "", nil), 409},
		"an approver's act, by a sealer": {h.post("chan", batch+"/approve", "assertion", "{}"), 403},
		"asked without a passkey":        {h.post("chan", batch+"/ask", "assertion", "{}"), 403},
		"asked with no answer":           {h.post("chan", batch+"/ask"), 400},
		"from another site":              {h.send("chan", http.MethodPost, batch+"/withdraw", "", nil, "Sec-Fetch-Site", "cross-site"), 403},
		"a form that is none":            {h.send("chan", http.MethodPost, batch+"/files", "text/plain", []byte("x")), 400},
		"a form longer than any":         {h.post("chan", "/batches", "reason", strings.Repeat("x", maxForm+1)), 422},
		"no batch":                       {h.send("chan", http.MethodGet, "/batches/x", "", nil), 404},
		"a language for another's page":  {h.post("chan", "/language", "language", "zh-Hans", "path", "//evil.example"), 303},
		"one who was proposed sees pages": {func() *httptest.ResponseRecorder {
			if err := h.book.Propose(t.Context(), "local:root", sealing.Operator{ID: "new", Department: "transport", Name: "new", Roles: []string{sealing.Sealer}}); err != nil {
				t.Fatal(err)
			}
			return h.send("new", http.MethodGet, batch, "", nil)
		}(), 303},
	} {
		if c.got.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, c.got.Code, c.want, c.got.Body)
		}
		if at := c.got.Header().Get("Location"); strings.Contains(at, "evil") {
			t.Errorf("%s: sent to %s", name, at)
		}
	}
	if err := h.book.Remove(t.Context(), "local:root", "chan", "left"); err != nil {
		t.Fatal(err)
	}
	if w := h.send("chan", http.MethodGet, "/", "", nil); w.Code != 403 {
		t.Errorf("one who was removed: %d", w.Code)
	}
}
