package desk

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
	"chop/registration/officers"
)

// maxForm bounds a posted form in bytes: an attestation is the largest.
const maxForm = 256 << 10

// Handler serves the desk:
//
//	GET  /                     what waits here
//	GET  /passkey  POST        a proposed officer makes their passkey
//	GET  /sign-on  POST        to a shift
//	POST /sign-off
//	POST /language
//	POST /cases                opens one
//	GET  /chip   POST          a card that a reader here has read opens one
//	GET  /cases/{id}           what there is to decide about it
//	POST /cases/{id}/{act}     card confirm verify offer number ticket cancel
//	GET  /people   POST        finds one
//	GET  /people/{account}     POST /people/{account}/resume
//	GET  /search               accounts and cases by status and date (reviewers, supervisors)
//	GET  /hotline  POST        verifies a caller; POST /hotline/suspend
//	GET  /orders/{id} POST     two officers sign
//	GET  /referred             cases of people's own phones that wait for a reviewer
//	GET  /referred/{id} POST   one, and the decision; GET …/photos/{name}, …/waits
//	GET  /officers POST …      who works here (supervisors)
func (d *Desk) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(web.Recover, d.headers, http.NewCrossOriginProtection().Handler)
	r.Get("/assets/{name}", d.serveAsset)
	r.Method(http.MethodPost, "/language", d.known(setLanguage))
	r.Method(http.MethodGet, "/passkey", d.known(passkeyPage))
	r.Method(http.MethodPost, "/passkey", d.known(makePasskey))
	r.Method(http.MethodGet, "/sign-on", d.known(signOnPage))
	r.Method(http.MethodPost, "/sign-on", d.known(signOn))
	r.Method(http.MethodPost, "/sign-off", d.known(signOff))

	r.Method(http.MethodGet, "/", d.onShift(home))
	r.Method(http.MethodPost, "/cases", d.onShift(openCase))
	r.Method(http.MethodGet, "/cases/{id}", d.onShift(casePage))
	for act, handle := range map[string]handler{
		"card": enterCard, "confirm": confirmCard, "verify": verifyCase, "offer": offerBinding,
		"number": confirmNumber, "ticket": presentTicket, "cancel": cancelCase,
	} {
		r.Method(http.MethodPost, "/cases/{id}/"+act, d.onShift(handle))
	}
	r.Method(http.MethodGet, "/chip", d.onShift(chipPage))
	r.Method(http.MethodPost, "/chip", d.onShift(takeCard))
	r.Method(http.MethodGet, "/search", d.onShift(searchPage))
	r.Method(http.MethodGet, "/people", d.onShift(peoplePage))
	r.Method(http.MethodPost, "/people", d.onShift(findPerson))
	r.Method(http.MethodGet, "/people/{account}", d.onShift(personPage))
	r.Method(http.MethodPost, "/people/{account}/resume", d.onShift(beginResume))
	r.Method(http.MethodGet, "/hotline", d.onShift(hotlinePage))
	r.Method(http.MethodPost, "/hotline", d.onShift(verifyCaller))
	r.Method(http.MethodPost, "/hotline/suspend", d.onShift(hotlineSuspend))
	r.Method(http.MethodGet, "/orders/{id}", d.onShift(orderPage))
	r.Method(http.MethodPost, "/orders/{id}", d.onShift(signOrder))
	r.Method(http.MethodGet, "/referred", d.onShift(referredPage))
	r.Method(http.MethodGet, "/referred/{id}", d.onShift(referralPage))
	r.Method(http.MethodPost, "/referred/{id}", d.onShift(decideReferral))
	r.Method(http.MethodGet, "/referred/{id}/photos/{name}", d.onShift(referralPhoto))
	r.Method(http.MethodGet, "/referred/{id}/waits", d.onShift(referralWaits))
	r.Method(http.MethodGet, "/officers", d.onShift(officersPage))
	r.Method(http.MethodPost, "/officers/{id}/approve", d.onShift(approveOfficer))
	r.Method(http.MethodPost, "/officers/{id}/suspend", d.onShift(suspendOfficer))
	r.Method(http.MethodPost, "/officers/{id}/shift", d.onShift(planShift))
	r.NotFound(d.known(func(q *request) error {
		return q.show(http.StatusNotFound, "failure", "title-failure", nil, q.desk.texts.in(q.lang, "error-not-found"))
	}).ServeHTTP)
	return r
}

type handler func(*request) error

// known lets in whoever has an officer's client certificate.
func (d *Desk) known(h handler) http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		id, err := d.c.Officer(r)
		if errors.Is(err, ErrStranger) {
			return web.Error(http.StatusForbidden, "This certificate is not an officer's. Please ask your supervisor.", err)
		}
		if err != nil {
			return err
		}
		o, err := d.c.Registry.Officers().Officer(r.Context(), id)
		if errors.Is(err, officers.ErrUnknown) {
			return web.Error(http.StatusForbidden, "This certificate's officer is not known here. Please ask your supervisor.", err)
		}
		if err != nil {
			return err
		}
		q := &request{Request: r, w: w, desk: d, lang: languageOf(r), officer: o}
		if q.session, err = d.session(r, id); err != nil {
			return err
		}
		if err := h(q); err != nil {
			return q.fail(err)
		}
		return nil
	})
}

// onShift lets in an officer who has signed on; others are sent to do so.
func (d *Desk) onShift(h handler) http.Handler {
	return d.known(func(q *request) error {
		switch {
		case q.session != nil:
			return h(q)
		case q.officer.State == officers.Proposed:
			return q.seeOther("/passkey")
		}
		return q.seeOther("/sign-on")
	})
}

func (d *Desk) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
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
