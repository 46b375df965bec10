package department

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
	"chop/sealing"
)

// maxForm bounds a posted form without files, in bytes: an attestation is the largest.
const maxForm = 256 << 10

// Routes adds every address of the desk:
//
//	GET  /                           batches, and what this operator may do
//	GET  /passkey  POST              an operator makes their passkey
//	POST /language
//	GET  /batches/new  POST /batches begins one
//	GET  /batches/{id}               what it holds, and the next act
//	POST /batches/{id}/files         one document: JSON for the page's script
//	POST /batches/{id}/{act}         ask, approve (both signed by passkey), decline, withdraw
//	GET  /batches/{id}/progress      JSON
//	GET  /batches/{id}/files/{n}     a document as it was brought
//	GET  /batches/{id}/sealed/{n}    the sealed file
//	GET  /batches/{id}/sealed.zip    all of them
//	GET  /assets/{name}
func (d *Desk) Routes(root chi.Router) {
	root.Group(func(r chi.Router) {
		r.Use(web.Number(d.c.Log), web.AccessLog(d.c.Now), web.Recover, headers, http.NewCrossOriginProtection().Handler)
		r.Get("/assets/{name}", d.serveAsset)
		r.Method(http.MethodPost, "/language", d.known(setLanguage))
		r.Method(http.MethodGet, "/passkey", d.known(passkeyPage))
		r.Method(http.MethodPost, "/passkey", d.known(makePasskey))
		r.Method(http.MethodGet, "/", d.active(home))
		r.Method(http.MethodGet, "/batches/new", d.active(newPage))
		r.Method(http.MethodPost, "/batches", d.active(begin))
		r.Method(http.MethodGet, "/batches/{id}", d.active(batchPage))
		r.Method(http.MethodPost, "/batches/{id}/files", d.active(addFiles))
		for act, handle := range map[string]handler{"ask": ask, "approve": approve, "decline": decline, "withdraw": withdraw} {
			r.Method(http.MethodPost, "/batches/{id}/"+act, d.active(handle))
		}
		r.Method(http.MethodGet, "/batches/{id}/progress", d.active(progress))
		r.Method(http.MethodGet, "/batches/{id}/files/{n}", d.active(original))
		r.Method(http.MethodGet, "/batches/{id}/sealed/{n}", d.active(sealed))
		r.Method(http.MethodGet, "/batches/{id}/sealed.zip", d.active(allSealed))
	})
}

type handler func(*request) error

// known lets in whoever has an operator's client certificate.
func (d *Desk) known(h handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if !strings.HasSuffix(r.URL.Path, "/files") {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		id, err := d.c.Operator(r)
		if errors.Is(err, ErrStranger) {
			return web.Error(http.StatusForbidden, "This certificate is not that of a department's operator. Please ask whoever gave it to you.", err)
		}
		if err != nil {
			return err
		}
		o, err := d.c.Book.Operator(r.Context(), id)
		if errors.Is(err, sealing.ErrUnknown) || err == nil && o.State == sealing.Removed {
			return web.Error(http.StatusForbidden, "This certificate's operator is not known here (any more).", err)
		}
		if err != nil {
			return err
		}
		q := &request{Request: r, w: w, desk: d, lang: languageOf(r), operator: o}
		if err := h(q); err != nil {
			return q.fail(err)
		}
		return nil
	})
}

// active lets in an operator who was admitted; others make their passkey, and wait.
func (d *Desk) active(h handler) http.Handler {
	return d.known(func(q *request) error {
		if q.operator.State != sealing.Active {
			return q.seeOther("/passkey")
		}
		return h(q)
	})
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (d *Desk) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := d.files[chi.URLParam(r, "name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	_, _ = w.Write(a.body) // the browser has gone: nobody is left to tell
}

// param is a part of the path.
func (q *request) param(name string) string { return chi.URLParam(q.Request, name) }
