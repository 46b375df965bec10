package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
)

// Middleware wraps a handler.
type Middleware = func(http.Handler) http.Handler

// Config of the usual middlewares.
type Config struct {
	Log *slog.Logger
	Now func() time.Time // for durations in the access log; nil means time.Now
	// MaxBody bounds every request's body, in bytes: the most that any route
	// takes; 0 means 1 MiB. Routes that take less say so with LimitBody.
	MaxBody int64
}

// Stack is the usual order: request number, access log, recovery, body limit.
func Stack(cfg Config) ([]Middleware, error) {
	if cfg.Log == nil {
		return nil, errors.New("web: no log")
	}
	if cfg.MaxBody < 0 {
		return nil, fmt.Errorf("web: MaxBody is %d", cfg.MaxBody)
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return []Middleware{Number(cfg.Log), AccessLog(cfg.Now), Recover, LimitBody(cfg.MaxBody)}, nil
}

type contextKey int

const (
	keyID contextKey = iota
	keyLog
)

// RequestID is the request's number, a UUIDv7; empty outside of Number.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(keyID).(string)
	return id
}

// Log is the request's logger, which adds its number to each line. Outside of
// Number it discards.
func Log(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(keyLog).(*slog.Logger); ok {
		return log
	}
	return slog.New(slog.DiscardHandler)
}

// Number gives each request its number. It takes none from the client: a
// number that somebody chose could point at another one's lines.
func Number(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, err := uuid.NewV7()
			if err != nil {
				http.Error(w, "no request number", http.StatusInternalServerError)
				return
			}
			w.Header().Set("X-Request-Id", id.String())
			ctx := context.WithValue(r.Context(), keyID, id.String())
			ctx = context.WithValue(ctx, keyLog, log.With("request", id.String()))
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// AccessLog writes one line a request: method, route, status, bytes, duration.
// The route is the pattern that matched, because a path may name a person or a
// document; where nothing matched it is empty. No address, no agent, no query.
func AccessLog(now func() time.Time) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := now()
			rec := &recorder{ResponseWriter: w}
			defer func() {
				status := rec.status
				if status == 0 {
					status = http.StatusOK
				}
				Log(r.Context()).Info("request",
					"method", r.Method, "route", r.Pattern, "status", status,
					"bytes", rec.bytes, "took", now().Sub(began))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Recover answers a handler that panicked with 500 and logs its stack.
func Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if err, ok := reason.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			Log(r.Context()).Error("handler panicked", "reason", fmt.Sprint(reason), "stack", string(debug.Stack()))
			Fail(w, r, errors.New("handler panicked"))
		}()
		next.ServeHTTP(w, r)
	})
}

// LimitBody bounds the request's body to n bytes. Reading more gives an
// *http.MaxBytesError, which Handler answers with 413. Against a client that
// sends without end, a limit belongs on everything that is read.
func LimitBody(n int64) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > n {
				Fail(w, r, &http.MaxBytesError{Limit: n})
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, n)
			next.ServeHTTP(w, r)
		})
	}
}
