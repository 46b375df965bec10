package archive

import (
	_ "embed" // the API's description
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
	"chop/validation"
)

//go:embed openapi.yaml
var description []byte

// atOnce is how many files are read and extended at the same time; each is held in memory several times.
const atOnce = 4

// Routes answers departments' programs:
//
//	POST /v1/store                multipart/form-data: document, covered…; what is kept
//	GET  /v1/store                a page of the department's documents
//	GET  /v1/store/{id}           one of them
//	GET  /v1/store/{id}/document  its newest generation
//	GET  /v1/store/openapi.yaml   what these are, for programs (OpenAPI 3.0)
//
// Department says who asks; its error is the answer. Limits of frequency are the caller's, around these.
func (s *Store) Routes(root chi.Router, department func(*http.Request) (string, error)) {
	places := make(chan struct{}, atOnce)
	as := func(do func(http.ResponseWriter, *http.Request, Caller) error) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			name, err := department(r)
			if err != nil {
				return err
			}
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			return problem(do(w, r, Caller{Actor: "department:" + name, Department: name}))
		}
	}
	root.Method(http.MethodGet, "/v1/store/openapi.yaml", web.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/yaml")
		_, err := w.Write(description)
		return err
	}))
	root.Method(http.MethodPost, "/v1/store", as(func(w http.ResponseWriter, r *http.Request, c Caller) error {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", "5")
			return coded(http.StatusServiceUnavailable, "busy", "Too many files are being taken at the moment. Please try again soon.")
		}
		q, err := s.readForm(w, r)
		if err != nil {
			return err
		}
		d, already, err := s.Add(r.Context(), c, q)
		if err != nil {
			return err
		}
		status := http.StatusCreated
		switch {
		case d.State == Adding:
			status = http.StatusAccepted
		case already:
			status = http.StatusOK
		}
		return answer(w, status, d)
	}))
	root.Method(http.MethodGet, "/v1/store", as(func(w http.ResponseWriter, r *http.Request, c Caller) error {
		f := Filter{After: r.URL.Query().Get("after"), Fading: r.URL.Query().Get("fading") == "true"}
		list, err := s.List(r.Context(), c, f)
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, map[string]any{"documents": list})
	}))
	root.Method(http.MethodGet, "/v1/store/{id}", as(func(w http.ResponseWriter, r *http.Request, c Caller) error {
		d, err := s.Get(r.Context(), c, chi.URLParam(r, "id"))
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, d)
	}))
	root.Method(http.MethodGet, "/v1/store/{id}/document", as(func(w http.ResponseWriter, r *http.Request, c Caller) error {
		b, err := s.Content(r.Context(), c, chi.URLParam(r, "id"))
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/octet-stream") // a stranger's file: no browser shows it here
		w.Header().Set("Content-Disposition", "attachment")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, err = w.Write(b)
		return err
	}))
}

func answer(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(text)
	return err
}

// readForm reads multipart/form-data (RFC 7578) part by part, in memory.
func (s *Store) readForm(w http.ResponseWriter, r *http.Request) (q AddRequest, err error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || parameters["boundary"] == "" {
		return q, coded(http.StatusUnsupportedMediaType, "media-type", "Send multipart/form-data.")
	}
	const framing = 64 << 10 // of the parts
	r.Body = http.MaxBytesReader(w, r.Body, s.c.MaxBytes+framing)
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	for range maxCovered + 2 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return q, nil
		}
		if err != nil {
			return q, unreadable(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return q, unreadable(err)
		}
		switch name := part.FormName(); {
		case name == "document" && q.Document == nil:
			q.Document, q.Name = content, part.FileName()
		case name == "covered":
			q.Covered = append(q.Covered, validation.File{Name: part.FileName(), Content: content})
		default:
			return q, ErrRequest
		}
	}
	return q, ErrRequest
}

func unreadable(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return ErrSize
	}
	return ErrRequest
}

// coded is an error whose texts are ours: nothing of what was sent may reach the log.
func coded(status int, code, person string) error {
	return &web.HTTPError{Status: status, Person: person, Code: code}
}

var problems = []struct {
	err    error
	status int
	code   string
	person string
}{
	{ErrNotFound, http.StatusNotFound, "not-found", "There is no such document here."},
	{ErrRemoved, http.StatusGone, "removed", "The document was removed."},
	{ErrSize, http.StatusRequestEntityTooLarge, "size", "The file is larger than what is kept here."},
	{ErrNotPassed, http.StatusUnprocessableEntity, "not-passed", "The file does not pass validation now; POST /v1/validations says why."},
	{ErrForm, http.StatusUnprocessableEntity, "form", "This form of signature cannot be renewed. Put the file into a container (ASiC), and send that."},
	{ErrRequest, http.StatusBadRequest, "request", "The request does not have the form that /v1/store/openapi.yaml describes."},
	{ErrBusy, http.StatusServiceUnavailable, "busy", "The document is being worked on. Please try again soon."},
	{ErrFull, http.StatusInsufficientStorage, "full", "There is no room for the file at the moment."},
}

func problem(err error) error {
	if err == nil {
		return nil
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return coded(p.status, p.code, p.person)
		}
	}
	if known := (*web.HTTPError)(nil); errors.As(err, &known) {
		return known
	}
	// The engine's words may quote the document: the log gets which error it was.
	return &web.HTTPError{Status: http.StatusInternalServerError, Code: "internal", Person: "Something went wrong on our side.", Err: fmt.Errorf("store: %s", class(err))}
}
