package department

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"chop/internal/web"
	"chop/sealing"
)

// request is one request of an operator.
type request struct {
	*http.Request
	w        http.ResponseWriter
	desk     *Desk
	lang     string
	operator *sealing.Operator
}

func (q *request) book() *sealing.Book { return q.desk.c.Book }

// view is what every page gets.
type view struct {
	Lang, Title, Path string
	Operator          *sealing.Operator
	Alert             string // what went wrong, in words; empty: nothing
	Check             string
	Data              any
	q                 *request
}

// T is the text for a key in the page's language.
func (v *view) T(key string, args ...any) string { return v.q.desk.texts.in(v.Lang, key, args...) }

// At is a moment as the page's language writes it, in Hong Kong.
func (v *view) At(t time.Time) string {
	t = t.In(hongKong)
	if v.Lang == "en" {
		return t.Format("2 January 2006, 15:04")
	}
	return t.Format("2006年1月2日 15:04")
}

// Size writes a file's.
func (v *view) Size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// Hex writes a digest.
func (v *view) Hex(b []byte) string { return fmt.Sprintf("%x", b) }

var hongKong = time.FixedZone("HKT", 8*3600)

// Languages is the switch.
func (v *view) Languages() []string { return languages }

// show answers with a page.
func (q *request) show(status int, name, title string, data any, alert string) error {
	v := &view{
		Lang: q.lang, Title: q.desk.texts.in(q.lang, title), Path: q.URL.Path, Operator: q.operator, Alert: alert, Check: q.desk.c.Check, Data: data, q: q,
	}
	var out bytes.Buffer
	if err := q.desk.pages[name].ExecuteTemplate(&out, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.Header().Set("Content-Language", q.lang)
	q.w.WriteHeader(status)
	_, _ = q.w.Write(out.Bytes()) // the browser has gone: nobody is left to tell
	return nil
}

// seeOther sends the browser to a page after a form.
func (q *request) seeOther(path string) error {
	http.Redirect(q.w, q.Request, path, http.StatusSeeOther)
	return nil
}

// wordsFor are the texts for what package sealing refuses. The order counts: what is more exact comes first.
var wordsFor = []struct {
	err    error
	key    string
	status int
}{
	{sealing.ErrFourEyes, "error-four-eyes", http.StatusForbidden},
	{sealing.ErrForbidden, "error-forbidden", http.StatusForbidden},
	{sealing.ErrUnknown, "error-unknown", http.StatusNotFound},
	{sealing.ErrTaken, "error-taken", http.StatusConflict},
	{sealing.ErrState, "error-state", http.StatusConflict},
	{sealing.ErrLimit, "error-limit", http.StatusRequestEntityTooLarge},
	{sealing.ErrAssertion, "error-assertion", http.StatusForbidden},
	{sealing.ErrGone, "error-gone", http.StatusGone},
	{sealing.ErrInvalid, "error-invalid", http.StatusUnprocessableEntity},
	{errBusy, "error-busy", http.StatusServiceUnavailable},
	{errForm, "error-form", http.StatusBadRequest},
}

var (
	errBusy = errors.New("too many uploads at once")
	errForm = errors.New("form not in its form")
)

// fail answers an error: a page for a person, problem details for the page's script.
func (q *request) fail(err error) error {
	if q.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return nil // the person has gone
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		err = sealing.ErrLimit
	}
	i := slices.IndexFunc(wordsFor, func(w struct {
		err    error
		key    string
		status int
	}) bool {
		return errors.Is(err, w.err)
	})
	if i < 0 {
		return err
	}
	text := q.desk.texts.in(q.lang, wordsFor[i].key)
	web.Log(q.Context()).Info("department's desk refused", "status", wordsFor[i].status, "why", wordsFor[i].key)
	if wordsFor[i].status == http.StatusServiceUnavailable {
		q.w.Header().Set("Retry-After", "3")
	}
	if strings.Contains(q.Header.Get("Accept"), "application/json") {
		return &web.HTTPError{Status: wordsFor[i].status, Person: text, Code: wordsFor[i].key}
	}
	return q.show(wordsFor[i].status, "failure", "title-failure", nil, text)
}

func setLanguage(q *request) error {
	lang, path := q.PostFormValue("language"), q.PostFormValue("path")
	if slices.Contains(languages, lang) {
		http.SetCookie(q.w, &http.Cookie{Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		path = "/"
	}
	return q.seeOther(path)
}
