// Package web is what every HTTP service of the appliance has in common: a
// handler that returns its error, one adapter that answers it (RFC 9457), and
// the few middlewares around them. It knows no route and no page.
//
// What a person sees and what the log sees are two texts. Neither the log nor
// an answer ever carries a query string, a body, an address or a name.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
)

// Handler answers a request, or returns an error before it has written
// anything; ServeHTTP answers that.
type Handler func(http.ResponseWriter, *http.Request) error

// ServeHTTP makes Handler an http.Handler.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		Fail(w, r, err)
	}
}

// HTTPError is an error that knows its status. Any other error is a 500, whose
// cause only the log sees.
type HTTPError struct {
	Status int    // 400 to 599
	Person string // for who asked: one sentence that they can act on
	Err    error  // for the log; may be nil
	Code   string // one word for a program that asked; may be empty
}

// Error returns an HTTPError.
func Error(status int, person string, err error) *HTTPError {
	return &HTTPError{Status: status, Person: person, Err: err}
}

// Error is the text for the log.
func (e *HTTPError) Error() string {
	if e.Err == nil {
		return e.Person
	}
	return e.Person + ": " + e.Err.Error()
}

func (e *HTTPError) Unwrap() error { return e.Err }

// problem is a problem details object. RFC 9457, 3.1.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id,omitempty"` // finds the line in the log
}

// Fail answers err as problem+json and logs it. It is for middlewares; handlers
// return their errors.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	status, person := classify(err)
	var code string
	if known := (*HTTPError)(nil); errors.As(err, &known) {
		code = known.Code
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	Log(r.Context()).Log(r.Context(), level, "request failed", "status", status, "err", err.Error())
	if rec, ok := w.(*recorder); ok && rec.status != 0 {
		// The answer has begun. Cut off, it cannot be taken for a whole one.
		panic(http.ErrAbortHandler)
	}
	head := w.Header()
	// What the handler meant to send no longer applies, least of all to caches.
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "ETag", "Last-Modified", "Expires"} {
		head.Del(name)
	}
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: person, Code: code, RequestID: RequestID(r.Context()),
	})
}

// statusClientGone is for a client that left; nobody reads the answer.
const statusClientGone = 499

func classify(err error) (status int, person string) {
	var known *HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known) && known.Status >= 400 && known.Status <= 599:
		return known.Status, known.Person
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "The request is larger than this address accepts."
	case errors.Is(err, context.Canceled):
		return statusClientGone, ""
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "The answer took too long. Please try again."
	default:
		return http.StatusInternalServerError, "Something went wrong on our side. The request's number finds it in our log."
	}
}
