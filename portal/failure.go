package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"chop/internal/web"
	"chop/registration"
	"chop/signer"
)

// refusal is an error that has a page of its own: what happened, what was not lost,
// what to do. Its texts are Key + ".title", ".text" and ".do".
type refusal struct {
	Status int
	Key    string
	Err    error // for the log; may be nil
}

func (e *refusal) Error() string {
	if e.Err == nil {
		return e.Key
	}
	return fmt.Sprintf("%s: %v", e.Key, e.Err)
}

func (e *refusal) Unwrap() error { return e.Err }

func refuse(status int, key string) *refusal { return &refusal{Status: status, Key: key} }

// asRefusal finds the page for an error of a service.
func asRefusal(err error) *refusal {
	var known *refusal
	var tooLarge *http.MaxBytesError
	is := func(target error) bool { return errors.Is(err, target) }
	with := func(status int, key string) *refusal { return &refusal{Status: status, Key: key, Err: err} }
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tooLarge):
		return with(http.StatusRequestEntityTooLarge, "error.large")
	case is(signer.ErrSigningNotFound), is(registration.ErrNoAccount), is(registration.ErrNoCase):
		return with(http.StatusNotFound, "error.missing")
	case is(signer.ErrGone):
		return with(http.StatusGone, "error.gone")
	case is(signer.ErrLite):
		return with(http.StatusForbidden, "error.lite")
	case is(signer.ErrAccount), is(signer.ErrSuspended):
		return with(http.StatusForbidden, "error.suspended")
	case is(signer.ErrCredentialNotFound), is(signer.ErrCredentialNotActive), is(signer.ErrCertificate):
		return with(http.StatusConflict, "error.certificate")
	case is(signer.ErrBusy):
		return with(http.StatusConflict, "error.busy")
	case is(signer.ErrState), is(signer.ErrClosed), is(registration.ErrState):
		return with(http.StatusConflict, "error.moved")
	case is(registration.ErrTooMany):
		return with(http.StatusTooManyRequests, "error.many")
	case is(registration.ErrToken):
		return with(http.StatusGone, "error.code")
	case is(registration.ErrForbidden):
		return with(http.StatusForbidden, "error.forbidden")
	case is(registration.ErrActivation), is(context.DeadlineExceeded):
		return with(http.StatusServiceUnavailable, "error.busyhere")
	default:
		return with(http.StatusInternalServerError, "error.ours")
	}
}

// fail answers an error: a page for a person, problem details (RFC 9457) for a script.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the person has gone
	}
	known := asRefusal(err)
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		title, titleErr := p.words.text(v.Lang, known.Key+".title")
		person, textErr := p.words.text(v.Lang, known.Key+".text")
		web.Fail(w, r, web.Error(known.Status, title+": "+person, errors.Join(known, titleErr, textErr)))
		return
	}
	log := web.Log(r.Context())
	if known.Status >= 500 {
		log.Error("page failed", "status", known.Status, "err", known.Error())
	} else {
		log.Info("page refused", "status", known.Status, "err", known.Error())
	}
	if w.Header().Get("Content-Disposition") != "" {
		w.Header().Del("Content-Disposition")
	}
	drawn := p.show(w, r, v, known.Status, "error", view{D: map[string]any{
		"Key": known.Key, "Status": known.Status, "Request": web.RequestID(r.Context()),
	}})
	if drawn != nil {
		web.Fail(w, r, errors.Join(err, drawn))
	}
}

// problemPage is a handler that answers with an error page.
func (p *Portal) problemPage(status int, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, &visit{Lang: p.words.choose(r)}, refuse(status, key))
	})
}
