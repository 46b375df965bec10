package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
)

// serve answers one request by the handler behind the usual middlewares, and
// returns the answer with all lines of the log.
func serve(t *testing.T, h http.Handler, r *http.Request) (*httptest.ResponseRecorder, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	clock := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	stack, err := web.Stack(web.Config{
		Log:     slog.New(slog.NewJSONHandler(&log, nil)),
		Now:     func() time.Time { clock = clock.Add(time.Second); return clock },
		MaxBody: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	router := chi.NewRouter()
	router.Use(stack...)
	router.Method(http.MethodPost, "/person/{name}", h)
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	var lines []map[string]any
	for dec := json.NewDecoder(&log); ; {
		var line map[string]any
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return w, lines
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
}

func request(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/person/chan?token=geheim", strings.NewReader(body))
	r.Header.Set("X-Request-Id", "chosen")
	r.Header.Set("User-Agent", "browser-of-chan")
	return r
}

// Each kind of error becomes its status and a text for the person; the cause
// is in the log only.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		person string
	}{
		{"with a status", web.Error(http.StatusNotFound, "There is no such serial.", errors.New("secret cause")), 404, "There is no such serial."},
		{"wrapped", fmt.Errorf("look up: %w", web.Error(http.StatusConflict, "Already revoked.", nil)), 409, "Already revoked."},
		{"unknown", errors.New("secret cause"), 500, "Something went wrong on our side. The request's number finds it in our log."},
		{"with a senseless status", web.Error(200, "fine", errors.New("secret cause")), 500, "Something went wrong on our side. The request's number finds it in our log."},
		{"too late", fmt.Errorf("sign: %w", context.DeadlineExceeded), 503, "The answer took too long. Please try again."},
		{"client gone", fmt.Errorf("sign: %w", context.Canceled), 499, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, log := serve(t, web.Handler(func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "application/pdf")
				w.Header().Set("ETag", `"x"`)
				return c.err
			}), request(""))
			var p struct {
				Type, Title, Detail string
				Status              int
				RequestID           string `json:"request_id"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
			if w.Code != c.status || p.Status != c.status || p.Detail != c.person || p.Type != "about:blank" {
				t.Errorf("answer %d %+v; want %d, %q", w.Code, p, c.status, c.person)
			}
			if got := w.Header(); got.Get("Content-Type") != "application/problem+json" || got.Get("ETag") != "" || got.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", got)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("the answer tells the cause: %s", w.Body)
			}
			if len(log) != 2 || log[0]["err"] != c.err.Error() || log[0]["request"] != p.RequestID || p.RequestID == "" {
				t.Errorf("log %v; want the cause with the number %s", log, p.RequestID)
			}
		})
	}
}

// The access log knows the route, and nothing of the person.
func TestAccessLog(t *testing.T) {
	w, log := serve(t, web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	}), request("body-of-chan"))
	if w.Code != 200 || w.Body.String() != "hello" {
		t.Fatalf("answer %d %s", w.Code, w.Body)
	}
	if len(log) != 1 {
		t.Fatalf("log %v, want one line", log)
	}
	line := log[0]
	for key, want := range map[string]any{"method": "POST", "route": "/person/{name}", "status": 200.0, "bytes": 5.0, "took": 1e9} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	text := fmt.Sprint(log)
	for _, personal := range []string{"chan", "geheim", "192.0.2.1", "chosen"} {
		if strings.Contains(text, personal) {
			t.Errorf("the log has %q: %s", personal, text)
		}
	}
	if id := w.Header().Get("X-Request-Id"); id == "" || id != line["request"] {
		t.Errorf("request number %q, log has %v", id, line["request"])
	}
}

func TestUnknownRoute(t *testing.T) {
	w, log := serve(t, web.Handler(nil), httptest.NewRequest(http.MethodGet, "/secret/chan", nil))
	if w.Code != 404 || strings.Contains(fmt.Sprint(log), "chan") {
		t.Errorf("answer %d, log %v", w.Code, log)
	}
}

func TestLimitBody(t *testing.T) {
	read := web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		_, err = fmt.Fprint(w, len(b))
		return err
	})
	unknown := request(strings.Repeat("x", 101))
	unknown.ContentLength = -1
	for name, c := range map[string]struct {
		h      http.Handler
		r      *http.Request
		status int
	}{
		"as much as allowed":  {read, request(strings.Repeat("x", 100)), 200},
		"more, and says so":   {read, request(strings.Repeat("x", 101)), 413},
		"more, unannounced":   {read, unknown, 413},
		"more than the route": {web.LimitBody(10)(read), request(strings.Repeat("x", 11)), 413},
	} {
		t.Run(name, func(t *testing.T) {
			if w, _ := serve(t, c.h, c.r); w.Code != c.status {
				t.Errorf("answer %d %s, want %d", w.Code, w.Body, c.status)
			}
		})
	}
}

func TestRecover(t *testing.T) {
	w, log := serve(t, web.Handler(func(http.ResponseWriter, *http.Request) error { panic("index of chan") }), request(""))
	if w.Code != 500 || strings.Contains(w.Body.String(), "index") {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if len(log) != 3 || log[0]["reason"] != "index of chan" || !strings.Contains(fmt.Sprint(log[0]["stack"]), "web_test.go") || log[2]["status"] != 500.0 {
		t.Errorf("log %v; want reason and stack, the failure, the request with 500", log)
	}
}

// An answer that has begun is never finished with an error's text: the
// connection is cut, and the client sees that it has not got all.
func TestHalfWritten(t *testing.T) {
	var log bytes.Buffer
	stack, err := web.Stack(web.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]web.Handler{
		"panic": func(w http.ResponseWriter, r *http.Request) error {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic("half")
		},
		"error": func(w http.ResponseWriter, r *http.Request) error {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			return errors.New("half")
		},
	} {
		t.Run(name, func(t *testing.T) {
			router := chi.NewRouter()
			router.Use(stack...)
			router.Method(http.MethodGet, "/", h)
			server := httptest.NewServer(router)
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			defer server.Close()
			resp, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if b, err := io.ReadAll(resp.Body); err == nil || strings.Contains(string(b), "wrong") {
				t.Errorf("read %q, %v; want a cut answer", b, err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	if _, err := web.Stack(web.Config{}); err == nil {
		t.Error("Stack without a log: no error")
	}
	if _, err := web.Stack(web.Config{Log: slog.New(slog.DiscardHandler), MaxBody: -1}); err == nil {
		t.Error("Stack with a negative limit: no error")
	}
}
