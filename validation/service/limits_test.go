package service

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"chop/internal/web"
	"chop/validation"
)

// waits is a fetcher that answers when it is told to, or not at all.
type waits struct{ asked, answer chan struct{} }

func (w waits) Issuers(ctx context.Context, _ *x509.Certificate) ([][]byte, error) {
	w.asked <- struct{}{}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.answer:
		return nil, errors.New("nobody answers")
	}
}

func (w waits) Revocation(ctx context.Context, cert, _ *x509.Certificate) (crls, ocsps [][]byte, err error) {
	_, err = w.Issuers(ctx, cert)
	return nil, nil, err
}

// strangers is a signature whose chain ends nowhere, so that its issuer is asked for.
func strangers(t *testing.T) []byte {
	_, signature := signed(t, Limits{}, nil)
	return signature
}

// A document that takes too long gets no verdict, whatever was found.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	w := waits{make(chan struct{}, 100), nil}
	s, _ := signed(t, Limits{Time: time.Millisecond}, w)
	_, err := s.Validate(t.Context(), Request{Document: strangers(t), Detached: []validation.File{{Name: "a", Content: []byte(note)}}})
	if !errors.Is(err, ErrTime) && !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	answer := httptest.NewRecorder()
	number := web.Number(slog.New(slog.DiscardHandler))
	number(web.Handler(func(http.ResponseWriter, *http.Request) error { return problem(ErrTime) })).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/v1/validations", nil))
	if status, code, _ := described(t, answer); status != 503 || code != "time" {
		t.Errorf("%d %q", status, code)
	}
}

// One client has so many requests at a time, all together so much memory, and each so many in a minute.
func TestClientLimits(t *testing.T) {
	t.Parallel()
	w := waits{make(chan struct{}), make(chan struct{})}
	s, _ := signed(t, Limits{Bytes: 100 << 10, Memory: 100 << 10}, w)
	h := listening(s, 5, 1, io.Discard)
	send := func(from string, content string) *httptest.ResponseRecorder {
		body, kind := form(t, piece{"document", "s", content}, piece{"detached", "a", note})
		r := httptest.NewRequest(http.MethodPost, "/v1/validations", body)
		r.Header.Set("Content-Type", kind)
		r.RemoteAddr = from
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		return answer
	}
	signature := string(strangers(t))
	ended := make(chan *httptest.ResponseRecorder)
	go func() { ended <- send("192.0.2.1:1", signature) }()
	<-w.asked // it is being judged
	if status, code, _ := described(t, send("192.0.2.1:2", signature)); status != 429 || code != "at-once" {
		t.Errorf("a second one at once: %d %q", status, code)
	}
	full := send("192.0.2.2:1", strings.Repeat("x", 99<<10))
	if status, code, _ := described(t, full); status != 503 || code != "busy" || full.Header().Get("Retry-After") == "" {
		t.Errorf("beyond the memory: %d %q", status, code)
	}
	go func() {
		for range w.asked {
		}
	}()
	close(w.answer)
	if status, _, answer := described(t, <-ended); status != 200 {
		t.Errorf("the first one: %d %s", status, answer)
	}
	if status, code, _ := described(t, send("192.0.2.2:1", strings.Repeat("x", 99<<10))); status != 422 || code != "files" {
		t.Errorf("when there is room again: %d %q", status, code)
	}
	for i, want := range []int{422, 422, 422, 429} { // two came before
		if status, code, _ := described(t, send("192.0.2.1:1", "x")); status != want || want == 429 && code != "rate" {
			t.Errorf("request %d in a minute: %d %q", i+3, status, code)
		}
	}
	if status, _, _ := described(t, send("[2001:db8::1]:1", "x")); status != 422 {
		t.Errorf("another address: %d", status)
	}
	close(w.asked)
}

// Nothing of what is sent is written: no file by the reader, no word in the log, even where the engine fails.
func TestNothingKept(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	log := &strings.Builder{}
	s, signature := signed(t, Limits{Bytes: 64 << 20}, nil)
	h := listening(s, 1000, 10, log)
	const mark = "zebra7391"
	large := mark + strings.Repeat("y", 40<<20) // beyond what net/http would keep in memory
	for _, pieces := range [][]piece{
		{{"document", mark + ".p7s", string(signature)}, {"detached", mark + ".txt", large}},
		{{"document", mark + ".xml", "<" + mark + ">"}},
		{{"document", mark + ".json", `{"payload":"` + mark + `","signatures":` + mark},
			{"kind", "", mark}},
		{{mark, mark, mark}},
	} {
		body, kind := form(t, pieces...)
		post(t, h, kind, body)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("temporary files: %v, %v", entries, err)
	}
	if text := log.String(); strings.Contains(text, mark) || !strings.Contains(text, "route=/v1/validations") {
		t.Errorf("the log: %s", text)
	}
}

// What the engine says of a document stays out of the log.
func TestProblemTellsNothing(t *testing.T) {
	err := problem(errors.New("zebra7391"))
	if strings.Contains(err.Error(), "zebra7391") {
		t.Error(err)
	}
}
