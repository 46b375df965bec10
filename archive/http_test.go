package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
)

// A department's program brings a file and has it back; another department's does not know that it is there. What is
// answered is what is published.
func TestHTTP(t *testing.T) {
	t.Parallel()
	published, err := openapi3.NewLoader().LoadFromData(description)
	if err == nil {
		err = published.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.max = 1 << 20
	s := r.store()
	router := chi.NewRouter()
	s.Routes(router, func(q *http.Request) (string, error) { return q.Header.Get("Department"), nil })
	schema := published.Components.Schemas["Document"].Value
	ask := func(department, method, path string, body io.Reader, kind string) (int, []byte) {
		t.Helper()
		q := httptest.NewRequest(method, path, body)
		q.Header.Set("Department", department)
		q.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, q)
		return w.Code, w.Body.Bytes()
	}
	document := func(b []byte) (d Document) {
		t.Helper()
		var v any
		if err := errors.Join(json.Unmarshal(b, &v), json.Unmarshal(b, &d)); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if err := schema.VisitJSON(v); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		return d
	}
	form := func(q AddRequest, field string) (io.Reader, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		part, err := m.CreateFormFile(field, q.Name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(q.Document)
		for _, c := range q.Covered {
			if part, err = m.CreateFormFile("covered", c.Name); err != nil {
				t.Fatal(err)
			}
			part.Write(c.Content)
		}
		m.Close()
		return &b, m.FormDataContentType()
	}
	post := func(department string, q AddRequest, field string) (int, []byte) {
		t.Helper()
		body, kind := form(q, field)
		return ask(department, http.MethodPost, "/v1/store", body, kind)
	}
	detached := r.signed()["letter-true.p7s"]
	status, b := post("transport", detached, "document")
	d := document(b)
	if status != http.StatusCreated || d.State != Kept || d.Department != "transport" || d.Name != "letter-true.p7s" {
		t.Fatalf("%d %s", status, b)
	}
	if status, b = post("transport", detached, "document"); status != http.StatusOK || document(b).ID != d.ID {
		t.Errorf("again: %d %s", status, b)
	}
	if status, b = ask("transport", http.MethodGet, "/v1/store/"+d.ID, nil, ""); status != http.StatusOK || document(b).ID != d.ID {
		t.Errorf("%d %s", status, b)
	}
	status, b = ask("transport", http.MethodGet, "/v1/store/"+d.ID+"/document", nil, "")
	if content, err := s.Content(t.Context(), clerk, d.ID); status != http.StatusOK || err != nil || !bytes.Equal(b, content) {
		t.Errorf("its bytes: %d, %d of %d, %v", status, len(b), len(content), err)
	}
	for department, want := range map[string]int{"transport": 1, "lands": 0} {
		var page struct{ Documents []Document }
		if status, b = ask(department, http.MethodGet, "/v1/store", nil, ""); status != http.StatusOK || json.Unmarshal(b, &page) != nil || len(page.Documents) != want {
			t.Errorf("%s: %d %s", department, status, b)
		}
	}
	code := func(name string, status int, b []byte, wantStatus int, want string) {
		t.Helper()
		var p struct{ Code string }
		if json.Unmarshal(b, &p) != nil || status != wantStatus || p.Code != want {
			t.Errorf("%s: %d %s; want %d %s", name, status, b, wantStatus, want)
		}
	}
	for _, path := range []string{"/v1/store/" + d.ID, "/v1/store/" + d.ID + "/document", "/v1/store/x"} {
		status, b = ask("lands", http.MethodGet, path, nil, "")
		code("another department's", status, b, http.StatusNotFound, "not-found")
	}
	status, b = post("lands", AddRequest{Name: "x.pdf", Document: blank("")}, "document")
	code("not signed", status, b, http.StatusUnprocessableEntity, "not-passed")
	status, b = post("lands", AddRequest{Name: "x.pdf", Document: make([]byte, 2<<20)}, "document")
	code("too large", status, b, http.StatusRequestEntityTooLarge, "size")
	status, b = post("lands", detached, "file")
	code("another field", status, b, http.StatusBadRequest, "request")
	status, b = ask("lands", http.MethodPost, "/v1/store", strings.NewReader("x"), "text/plain")
	code("no form", status, b, http.StatusUnsupportedMediaType, "media-type")
	if status, b = ask("", http.MethodGet, "/v1/store/openapi.yaml", nil, ""); status != http.StatusOK || !bytes.Equal(b, description) {
		t.Errorf("description: %d", status)
	}
	if err := s.Remove(t.Context(), operator, d.ID, "a trial"); err != nil {
		t.Fatal(err)
	}
	status, b = ask("transport", http.MethodGet, "/v1/store/"+d.ID+"/document", nil, "")
	code("removed", status, b, http.StatusGone, "removed")
	r.nothingLeft()
}
