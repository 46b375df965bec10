package immd

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
)

// Routes answers POST /v1/verify. Mutual TLS is the listener's.
func (r *Reference) Routes(router chi.Router) {
	router.Method(http.MethodPost, "/v1/verify", web.Handler(r.verify))
}

// Handler is Routes by itself.
func (r *Reference) Handler() http.Handler {
	router := chi.NewRouter()
	r.Routes(router)
	return router
}

func (r *Reference) verify(w http.ResponseWriter, req *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxQuestion))
	if err != nil {
		return err
	}
	answer, err := r.Answer(body)
	if errors.Is(err, errQuestion) {
		return web.Error(http.StatusBadRequest, "The question cannot be read.", err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(answer)
	return err
}
