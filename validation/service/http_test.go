package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
)

// published is the description, read as strangers read it.
var published = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err == nil {
		err = doc.Validate(context.Background())
	}
	return doc, err
})

// listening serves s to clients under the limits that are given.
func listening(s *Service, perMinute, atOnce int, log io.Writer) http.Handler {
	r := chi.NewRouter()
	s.Routes(r, Clients{Name: ByAddress, PerMinute: perMinute, AtOnce: atOnce, Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now})
	return r
}

type piece struct{ name, file, content string }

func form(t testing.TB, pieces ...piece) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range pieces {
		create := func() (io.Writer, error) { return w.CreateFormField(p.name) }
		if p.file != "" {
			create = func() (io.Writer, error) { return w.CreateFormFile(p.name, p.file) }
		}
		part, err := create()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, p.content)
	}
	w.Close()
	return body, w.FormDataContentType()
}

// post sends a request, and wants an answer that the description describes: its status, its type, its schema, and a code
// that it names.
func post(t testing.TB, h http.Handler, kind string, body io.Reader) (status int, code string, answer []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/validations", body)
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return described(t, w)
}

func described(t testing.TB, w *httptest.ResponseRecorder) (status int, code string, answer []byte) {
	t.Helper()
	doc, err := published()
	if err != nil {
		t.Fatal(err)
	}
	response := doc.Paths.Value("/v1/validations").Post.Responses.Status(w.Code)
	if response == nil {
		t.Fatalf("status %d is not described: %s", w.Code, w.Body)
	}
	kind := strings.Split(w.Header().Get("Content-Type"), ";")[0]
	content := response.Value.Content[kind]
	if content == nil {
		t.Fatalf("%d: %q is not described", w.Code, kind)
	}
	var value any
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if err := content.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%d is not as described: %v", w.Code, err)
	}
	for name, h := range response.Value.Headers {
		if h.Value.Required && w.Header().Get(name) == "" {
			t.Errorf("%d has no %s", w.Code, name)
		}
	}
	if m, ok := value.(map[string]any); ok {
		code, _ = m["code"].(string)
	}
	return w.Code, code, w.Body.Bytes()
}

func jsonBody(signature []byte, algorithm string, value []byte, more string) io.Reader {
	b64 := base64.StdEncoding.EncodeToString
	return strings.NewReader(fmt.Sprintf(`{"signature":%q,"hash":{"algorithm":%q,"value":%q}%s}`, b64(signature), algorithm, b64(value), more))
}

func TestValidations(t *testing.T) {
	t.Parallel()
	s, signature := signed(t, Limits{Bytes: 1 << 20, Files: 3, Evidence: 1}, nil)
	h := listening(s, 1000, 10, io.Discard)
	good, other := sha256.Sum256([]byte(note)), sha256.Sum256([]byte("another letter"))
	doc, file := piece{"document", "s.p7s", string(signature)}, piece{"detached", "letter.txt", note}
	for _, test := range []struct {
		name       string
		pieces     []piece
		json       io.Reader
		kind       string // of the body, if it is neither
		status     int
		code, want string
	}{
		{name: "passed", pieces: []piece{doc, file, {"kind", "", "other"}, {"amount", "", "100"}}, status: 200, want: `"indication":"TOTAL-PASSED"`},
		{name: "another file", pieces: []piece{doc, {"detached", "letter.txt", "another letter"}}, status: 200, want: `"sub_indication":"HASH_FAILURE"`},
		{name: "no file", pieces: []piece{doc}, status: 200, want: `"sub_indication":"SIGNED_DATA_NOT_FOUND"`},
		{name: "digest", json: jsonBody(signature, "sha-256", good[:], `,"name":"letter.txt","kind":"will"`), status: 200, want: `"signed":["file letter.txt"]`},
		{name: "another digest", json: jsonBody(signature, "sha-256", other[:], ""), status: 200, want: `"sub_indication":"HASH_FAILURE"`},
		{name: "digest under another algorithm", json: jsonBody(signature, "sha3-256", good[:], ""), status: 200, want: `"sub_indication":"SIGNED_DATA_NOT_FOUND"`},
		{name: "digest for XML", json: jsonBody([]byte("<a/>"), "sha-256", good[:], ""), status: 422, code: "files"},
		{name: "short digest", json: jsonBody(signature, "sha-256", good[:31], ""), status: 400, code: "request"},
		{name: "unknown algorithm", json: jsonBody(signature, "md5", good[:16], ""), status: 400, code: "request"},
		{name: "unknown member", json: jsonBody(signature, "sha-256", good[:], `,"trust":"me"`), status: 400, code: "request"},
		{name: "two values", json: io.MultiReader(jsonBody(signature, "sha-256", good[:], ""), strings.NewReader("{}")), status: 400, code: "request"},
		{name: "no signature", json: jsonBody(nil, "sha-256", good[:], ""), status: 400, code: "empty"},
		{name: "no document", pieces: []piece{file}, status: 400, code: "empty"},
		{name: "two documents", pieces: []piece{doc, doc}, status: 400, code: "request"},
		{name: "unknown part", pieces: []piece{doc, {"trust", "root.pem", "x"}}, status: 400, code: "request"},
		{name: "file without a name", pieces: []piece{doc, {"detached", "", note}}, status: 400, code: "request"},
		{name: "amount below zero", pieces: []piece{doc, file, {"amount", "", "-1"}}, status: 400, code: "request"},
		{name: "unknown kind", pieces: []piece{doc, file, {"kind", "", "poem"}}, status: 400, code: "kind"},
		{name: "not readable", pieces: []piece{{"document", "a.pdf", "This is no PDF."}}, status: 422, code: "format"},
		{name: "cut off", kind: "multipart/form-data; boundary=x", json: strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"document\"\r\n\r\nabc"), status: 400, code: "request"},
		{name: "no boundary", kind: "multipart/form-data", json: strings.NewReader("x"), status: 400, code: "request"},
		{name: "another type", kind: "text/plain", json: strings.NewReader("x"), status: 415, code: "media-type"},
		{name: "too large", pieces: []piece{{"document", "a.pdf", strings.Repeat("x", 1<<20)}}, status: 413, code: "size"},
		{name: "too large, its length not said", kind: "multipart/form-data; boundary=x", json: io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"document\"\r\n\r\n"), strings.NewReader(strings.Repeat("x", 1<<20))), status: 413, code: "size"},
		{name: "too many files", pieces: []piece{doc, file, file, file, file}, status: 413, code: "count"},
		{name: "too many parts", pieces: []piece{doc, file, file, file, file, file, file, file, file}, status: 413, code: "count"},
		{name: "too much evidence", pieces: []piece{doc, file, {"crl", "a", "x"}, {"ocsp", "b", "x"}}, status: 413, code: "count"},
	} {
		kind, body := test.kind, test.json
		if test.pieces != nil {
			body, kind = form(t, test.pieces...)
		} else if kind == "" {
			kind = "application/json"
		}
		status, code, answer := post(t, h, kind, body)
		if status != test.status || code != test.code || !strings.Contains(string(answer), test.want) {
			t.Errorf("%s: %d %q, want %d %q with %s: %s", test.name, status, code, test.status, test.code, test.want, answer)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/validations", nil))
	if status, code, _ := described(t, w); status != 405 || code != "method" || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %q %v", status, code, w.Header())
	}
}

// What is published is this description, and the requests that it describes are those that are taken.
func TestDescription(t *testing.T) {
	t.Parallel()
	doc, err := published()
	if err != nil {
		t.Fatal(err)
	}
	s, signature := signed(t, Limits{}, nil)
	h := listening(s, 1000, 10, io.Discard)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.yaml", nil))
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), description) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("published: %d %v", w.Code, w.Header())
	}
	digest := sha256.Sum256([]byte(note))
	b, err := io.ReadAll(jsonBody(signature, "sha-256", digest[:], ""))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(b, &value); err != nil {
		t.Fatal(err)
	}
	post := doc.Paths.Value("/v1/validations").Post
	if err := post.RequestBody.Value.Content["application/json"].Schema.Value.VisitJSON(value); err != nil {
		t.Errorf("a request in JSON is not as described: %v", err)
	}
	wanted := map[string]bool{}
	for _, p := range problems {
		wanted[p.code] = true
	}
	for _, code := range []string{"method", "media-type", "rate", "at-once", "internal"} {
		wanted[code] = true
	}
	named := map[string]bool{}
	for _, c := range doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		named[c.(string)] = true
	}
	if !maps.Equal(wanted, named) {
		t.Errorf("codes: described %v, answered %v", slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(wanted)))
	}
}
