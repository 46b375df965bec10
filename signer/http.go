package signer

import (
	"errors"
	"net/http"
	"strconv"

	"chop/internal/web"
)

// DocumentHandler serves documents.sock to the approval process, and to nobody else:
//
//	GET /v1/transactions/{tx}/documents/{n}    the prepared bytes; n counts from 0
//
// Whoever opens the socket checks its peer. The bytes are for one showing: they are not
// cached.
func (r *Residents) DocumentHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/transactions/{tx}/documents/{n}", web.Handler(func(w http.ResponseWriter, q *http.Request) error {
		n, err := strconv.Atoi(q.PathValue("n"))
		if err != nil || n < 0 {
			return web.Error(http.StatusNotFound, "There is no such document.", err)
		}
		b, err := r.Prepared(q.Context(), q.PathValue("tx"), n)
		switch {
		case errors.Is(err, ErrNoTransaction), errors.Is(err, ErrSigningNotFound), errors.Is(err, ErrGone):
			return web.Error(http.StatusNotFound, "There is no such document.", err)
		case err != nil:
			return err
		}
		head := w.Header()
		head.Set("Content-Type", "application/pdf")
		head.Set("Content-Length", strconv.Itoa(len(b)))
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		_, err = w.Write(b)
		return err
	}))
	return mux
}
