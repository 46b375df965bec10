package desk

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"chop/internal/web"
	"chop/registration"
	"chop/registration/kiosk"
	"chop/registration/officers"
)

// request is one request of an officer.
type request struct {
	*http.Request
	w       http.ResponseWriter
	desk    *Desk
	lang    string
	officer *officers.Officer
	session *session // nil before sign-on
}

func (q *request) caller() registration.Caller {
	if q.session == nil {
		return registration.Caller{Actor: "officer:" + q.officer.ID}
	}
	return q.session.caller
}

// view is what every page gets.
type view struct {
	Lang, Title, Path string
	Officer           *officers.Officer
	Caller            registration.Caller
	On                bool   // signed on to a shift
	Alert             string // what went wrong, in words; empty: nothing
	Data              any
	q                 *request
}

// T is the text for a key in the page's language.
func (v *view) T(key string, args ...any) string { return v.q.desk.texts.in(v.Lang, key, args...) }

// Place is the name of a place in the page's language.
func (v *view) Place(id string) string { return v.q.desk.places.Name(id, v.Lang) }

// At is a moment as the page's language writes it, in Hong Kong.
func (v *view) At(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(hongKong)
	if v.Lang == "en" {
		return t.Format("2 January 2006, 15:04")
	}
	return t.Format("2006年1月2日 15:04")
}

var hongKong = time.FixedZone("HKT", 8*3600)

// Languages is the switch.
func (v *view) Languages() []string { return languages }

// show answers with a page.
func (q *request) show(status int, name, title string, data any, alert string) error {
	v := &view{
		Lang: q.lang, Title: q.desk.texts.in(q.lang, title), Path: q.URL.Path, Officer: q.officer,
		Caller: q.caller(), On: q.session != nil, Alert: alert, Data: data, q: q,
	}
	var out bytes.Buffer
	if err := q.desk.pages[name].ExecuteTemplate(&out, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(out.Bytes()) // the browser has gone: nobody is left to tell
	return nil
}

// seeOther sends the browser to a page after a form.
func (q *request) seeOther(path string) error {
	http.Redirect(q.w, q.Request, path, http.StatusSeeOther)
	return nil
}

// wordsFor are the texts for what registration refuses. The order counts: what is more exact comes first.
var wordsFor = []struct {
	err    error
	key    string
	status int
}{
	{registration.ErrFourEyes, "error-four-eyes", http.StatusForbidden},
	{registration.ErrSelf, "error-self", http.StatusForbidden},
	{registration.ErrForbidden, "error-forbidden", http.StatusForbidden},
	{officers.ErrFourEyes, "error-four-eyes", http.StatusForbidden},
	{officers.ErrForbidden, "error-forbidden", http.StatusForbidden},
	{registration.ErrNoCase, "error-no-case", http.StatusNotFound},
	{kiosk.ErrNoSession, "error-no-card", http.StatusConflict},
	{kiosk.ErrState, "error-no-card", http.StatusConflict},
	{registration.ErrFilter, "error-filter", http.StatusUnprocessableEntity},
	{registration.ErrNoAccount, "error-no-account", http.StatusNotFound},
	{registration.ErrRegistered, "error-registered", http.StatusConflict},
	{registration.ErrContact, "error-contact", http.StatusUnprocessableEntity},
	{registration.ErrImmigration, "error-immigration", http.StatusServiceUnavailable},
	{registration.ErrRefused, "error-refused", http.StatusConflict},
	{registration.ErrToken, "error-token", http.StatusConflict},
	{registration.ErrNumber, "error-number", http.StatusConflict},
	{registration.ErrNotReady, "error-not-ready", http.StatusConflict},
	{registration.ErrAssertion, "error-assertion", http.StatusForbidden},
	{officers.ErrAssertion, "error-assertion", http.StatusForbidden},
	{registration.ErrProof, "error-proof", http.StatusForbidden},
	{registration.ErrTooMany, "error-too-many", http.StatusTooManyRequests},
	{registration.ErrUnfinished, "error-activation", http.StatusAccepted},
	{registration.ErrActivation, "error-activation", http.StatusServiceUnavailable},
	{registration.ErrState, "error-state", http.StatusConflict},
	{officers.ErrState, "error-state", http.StatusConflict},
	{officers.ErrTaken, "error-taken", http.StatusConflict},
	{officers.ErrInvalid, "error-invalid", http.StatusUnprocessableEntity},
	{officers.ErrUnknown, "error-unknown", http.StatusNotFound},
}

// words says what an officer is told of an error; ok is false for one that is the appliance's own.
func (q *request) words(err error) (text string, status int, ok bool) {
	for _, w := range wordsFor {
		if errors.Is(err, w.err) {
			return q.desk.texts.in(q.lang, w.key), w.status, true
		}
	}
	return "", 0, false
}

// fail answers an error that belongs to no form with a page.
func (q *request) fail(err error) error {
	text, status, ok := q.words(err)
	if !ok {
		web.Log(q.Context()).Error("the desk failed", "err", err.Error())
		text, status = q.desk.texts.in(q.lang, "error-internal"), http.StatusInternalServerError
	}
	return q.show(status, "failure", "title-failure", nil, text)
}

// field is a posted value, trimmed.
func (q *request) field(name string) string { return strings.TrimSpace(q.PostFormValue(name)) }
