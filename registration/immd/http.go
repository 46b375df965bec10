package immd

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/internal/solecontrol"
	"chop/internal/web"
)

// Routes answers POST /v1/verify and POST /v1/portrait, and takes POST /v1/fault, by
// which whoever tries things out tells the server what to do wrong. Mutual TLS is the listener's.
func (r *Reference) Routes(router chi.Router) {
	router.Method(http.MethodPost, "/v1/verify", r.answering(maxQuestion, r.Answer))
	router.Method(http.MethodPost, "/v1/portrait", r.answering(maxPortrait, r.Compare))
	router.Method(http.MethodPost, "/v1/fault", web.Handler(r.told))
}

// Handler is Routes by itself.
func (r *Reference) Handler() http.Handler {
	router := chi.NewRouter()
	r.Routes(router)
	return router
}

// answering reads a question of at most so many bytes, and answers as honestly as the server is told to be.
func (r *Reference) answering(most int64, answer func([]byte) ([]byte, error)) http.Handler {
	return web.Handler(func(w http.ResponseWriter, req *http.Request) error {
		if r.Fault() == Refusing {
			return web.Error(http.StatusServiceUnavailable, "Closed.", nil)
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, most))
		if err != nil {
			return err
		}
		honest, err := answer(body)
		if errors.Is(err, errQuestion) {
			return web.Error(http.StatusBadRequest, "The question cannot be read.", err)
		}
		if err != nil {
			return err
		}
		said, err := r.bend(req, honest)
		if err != nil {
			return err
		}
		if said == nil {
			panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, err = w.Write(said)
		return err
	})
}

// told changes what the server does wrong.
func (r *Reference) told(w http.ResponseWriter, req *http.Request) error {
	var order struct {
		Fault Fault `json:"fault"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxQuestion))
	if err != nil {
		return err
	}
	if err := errors.Join(solecontrol.Decode(body, &order), r.Tell(order.Fault)); err != nil {
		return web.Error(http.StatusBadRequest, "There is no such fault.", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
