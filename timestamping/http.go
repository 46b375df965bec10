package timestamping

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
)

// Media types of RFC 3161, 3.4.
const (
	queryType = "application/timestamp-query"
	replyType = "application/timestamp-reply"
)

// maxQuery bounds a request's body: against memory exhaustion, and well above the 150 bytes that requests have.
const maxQuery = 16 << 10

// Routes answers POST /tsa.
func (a *Authority) Routes(r chi.Router) {
	r.Method(http.MethodPost, "/tsa", a)
}

// ServeHTTP answers every readable request with 200; HTTP's own errors are for requests that are none of the protocol.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != queryType { // the usual spelling needs no parser
		if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != queryType {
			w.Header().Set("Accept-Post", queryType)
			http.Error(w, "Content-Type must be "+queryType, http.StatusUnsupportedMediaType)
			return
		}
	}
	body, err := readQuery(w, r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "request could not be read", http.StatusBadRequest)
		return
	}
	response, err := a.Respond(r.Context(), body)
	if err != nil {
		http.Error(w, "request ended", http.StatusServiceUnavailable)
		return
	}
	header := w.Header() // names as net/http spells them, values that nobody changes
	header["Content-Type"] = replyTypeHeader
	header["Content-Length"] = []string{strconv.Itoa(len(response))}
	header["Cache-Control"] = noStoreHeader
	_, _ = w.Write(response) // the client has gone: nobody is left to tell
}

var (
	replyTypeHeader = []string{replyType}
	noStoreHeader   = []string{"no-store"}
)

// readQuery reads the body: at most maxQuery bytes, and by one buffer of the right size where the length is told.
func readQuery(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > maxQuery {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
	}
	body := make([]byte, r.ContentLength) // the server gives no more than that
	_, err := io.ReadFull(r.Body, body)
	return body, err
}
