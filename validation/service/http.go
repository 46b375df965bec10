package service

import (
	_ "embed" // the API's description
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"chop/internal/web"
	"chop/validation"
	"chop/validation/eto"
)

//go:embed openapi.yaml
var description []byte

// Clients are who may ask at one listener, and how often.
type Clients struct {
	// Name tells one client from another, for the limits: an address, a department. ErrStranger, wrapped, for
	// whoever may not ask.
	Name func(*http.Request) (string, error)
	// PerMinute is how often each may ask, AtOnce how many requests of each are taken at the same time.
	PerMinute, AtOnce int
	Log               *slog.Logger
	Now               func() time.Time // for durations in the log
}

// ErrStranger says that a client may not ask here.
var ErrStranger = errors.New("not a client of this service")

// ByAddress names clients by their address, IPv6 ones by the network that one subscriber has.
func ByAddress(r *http.Request) (string, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return httprate.CanonicalizeIP(host), nil
}

// Routes answers:
//
//	POST /v1/validations   multipart/form-data or application/json; the report
//	GET  /v1/openapi.yaml  what both are, for programs (OpenAPI 3.0)
//
// Errors are problem details (RFC 9457) with a code; openapi.yaml has the list.
func (s *Service) Routes(root chi.Router, c Clients) {
	root.Group(func(r chi.Router) {
		r.Use(web.Number(c.Log), web.AccessLog(c.Now), web.Recover)
		r.Get("/v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/yaml")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Write(description)
		})
		only := web.Handler(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Allow", http.MethodPost)
			return coded(http.StatusMethodNotAllowed, "method", "This address takes POST.")
		})
		r.Handle("/v1/validations", only)
		r.With(c.rate(), c.few()).Method(http.MethodPost, "/v1/validations", web.Handler(s.answer))
	})
}

// Limit puts the clients' limits, and the lines of the log, before the routes of another service at the same listener.
func (c Clients) Limit(r chi.Router) {
	r.Use(web.Number(c.Log), web.AccessLog(c.Now), web.Recover, c.rate(), c.few())
}

// Known is the client's name, or what a stranger is answered.
func (c Clients) Known(r *http.Request) (string, error) {
	name, err := c.Name(r)
	if err != nil {
		return "", problem(err)
	}
	return name, nil
}

// coded is an error whose texts are ours: nothing of what was sent may reach the log.
func coded(status int, code, person string) error {
	return &web.HTTPError{Status: status, Person: person, Code: code}
}

// rate limits each client's requests a minute.
func (c Clients) rate() web.Middleware {
	return httprate.LimitBy(c.PerMinute, time.Minute, c.Name,
		httprate.WithLimitHandler(web.Handler(func(http.ResponseWriter, *http.Request) error {
			return coded(http.StatusTooManyRequests, "rate", "Too many requests came from here. Please try again in a minute.")
		}).ServeHTTP),
		httprate.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) { web.Fail(w, r, problem(err)) }))
}

// few limits each client's requests at the same time: one who sends slowly holds memory meanwhile.
func (c Clients) few() web.Middleware {
	var mu sync.Mutex
	running := map[string]int{}
	return func(next http.Handler) http.Handler {
		return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
			name, err := c.Name(r)
			if err != nil {
				return problem(err)
			}
			mu.Lock()
			full := running[name] >= c.AtOnce
			if !full {
				running[name]++
			}
			mu.Unlock()
			if full {
				w.Header().Set("Retry-After", "5")
				return coded(http.StatusTooManyRequests, "at-once", "Too many requests from here are being answered. Please wait for one to end.")
			}
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				if running[name]--; running[name] == 0 {
					delete(running, name)
				}
			}()
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// answer judges what one request carries.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) error {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	limit := s.cfg.Limits.Bytes
	var read func(*http.Request, map[string]string) (Request, error)
	switch kind {
	case "multipart/form-data":
		read = s.readForm
	case "application/json":
		read, limit = s.readJSON, min(limit, maxJSON)
	default:
		return coded(http.StatusUnsupportedMediaType, "media-type", "Send multipart/form-data, or application/json.")
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	if size > limit {
		return problem(ErrSize)
	}
	release, err := s.Reserve(size)
	if err != nil {
		return busy(w, err)
	}
	defer release()
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	request, err := read(r, parameters)
	if err != nil {
		return problem(err)
	}
	result, err := s.Validate(r.Context(), request)
	if err != nil {
		return busy(w, err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		return problem(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, err = w.Write(text)
	return err
}

// busy is problem, with when to come again.
func busy(w http.ResponseWriter, err error) error {
	if errors.Is(err, ErrBusy) {
		w.Header().Set("Retry-After", "5")
	}
	return problem(err)
}

// problems are errors as answers.
var problems = []struct {
	err    error
	status int
	code   string
	person string
}{
	{ErrStranger, http.StatusForbidden, "stranger", "This address is for departments with a certificate that is known here."},
	{ErrSize, http.StatusRequestEntityTooLarge, "size", "The request is larger than what is judged here."},
	{ErrCount, http.StatusRequestEntityTooLarge, "count", "There are more files than are judged here."},
	{ErrBusy, http.StatusServiceUnavailable, "busy", "Too much is being judged at the moment. Please try again soon."},
	{ErrTime, http.StatusServiceUnavailable, "time", "The document was not judged in the time that there is for one."},
	{ErrEmpty, http.StatusBadRequest, "empty", "There is no document in the request."},
	{errRequest, http.StatusBadRequest, "request", "The request does not have the form that /v1/openapi.yaml describes."},
	{eto.ErrKind, http.StatusBadRequest, "kind", "This kind of document is not known; \"other\" is one that Schedule 1 does not exclude."},
	{validation.ErrOptions, http.StatusUnprocessableEntity, "files", "The files or digests do not fit this document: a digest is enough for CMS only, and each file is sent once."},
	{validation.ErrFormat, http.StatusUnprocessableEntity, "format", "This cannot be read as a signed PDF, XML, CMS, JSON or ASiC document."},
}

func problem(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		err = ErrSize
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return coded(p.status, p.code, p.person)
		}
	}
	if known := (*web.HTTPError)(nil); errors.As(err, &known) {
		return known
	}
	// An error of the engine may quote the document: the log gets its type.
	return &web.HTTPError{Status: http.StatusInternalServerError, Code: "internal", Person: "Something went wrong on our side.", Err: fmt.Errorf("judge a document: %T", err)}
}
