package kiosk

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"chop/internal/solecontrol"
	"chop/internal/web"
	"chop/registration"
	"chop/registration/kiosk/agent"
)

// Identify says which kiosk asks, by its client certificate and the list of
// places; ErrStranger, wrapped, for everybody else.
type Identify func(r *http.Request) (Kiosk, error)

// Routes answers kiosks' agents. Mutual TLS is the listener's.
//
//	POST /kiosk/v1/sessions  {}              agent.Offer: a card was put in
//	POST /kiosk/v1/readings  agent.Reading   agent.Verdict: it was read
//	POST /kiosk/v1/problems  agent.Problem   agent.Verdict: it was not
//	POST /kiosk/v1/tickets   agent.Question  agent.Ticket: of its case
//	POST /kiosk/v1/signatures agent.Signed   agent.Verdict: it is signed
//
// 403: not a kiosk. 404: not this kiosk's session, or over. 409: not in this state. 400: not in its form.
func (b *Book) Routes(router chi.Router, identify Identify) {
	handle := func(path string, answer func(r *http.Request, k Kiosk, body []byte) (any, error)) {
		router.Method(http.MethodPost, path, web.Handler(func(w http.ResponseWriter, r *http.Request) error {
			k, err := identify(r)
			if err != nil {
				return problem(err)
			}
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, agent.MaxMessage))
			if err != nil {
				return err
			}
			v, err := answer(r, k, body)
			if err != nil {
				return problem(err)
			}
			text, err := solecontrol.Encode(v)
			if err != nil {
				return err
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_, err = w.Write(text)
			return err
		}))
	}
	handle(agent.PathSessions, b.open)
	handle(agent.PathReadings, b.reading)
	handle(agent.PathProblems, b.reported)
	handle(agent.PathTickets, b.ticket)
	handle(agent.PathSigned, b.signed)
}

// problem is an error as an answer.
func problem(err error) error {
	for _, p := range []struct {
		err    error
		status int
		person string
	}{
		{ErrStranger, http.StatusForbidden, "This address is for kiosks."},
		{ErrNoSession, http.StatusNotFound, "There is no such session at this kiosk."},
		{ErrState, http.StatusConflict, "The session does not wait for this."},
		{ErrProblem, http.StatusBadRequest, "There is no such problem."},
		{registration.ErrAssertion, http.StatusForbidden, "The signature is not this kiosk's."},
		{registration.ErrState, http.StatusConflict, "The case does not wait for this."},
		{solecontrol.ErrFormat, http.StatusBadRequest, "The message cannot be read."},
	} {
		if errors.Is(err, p.err) {
			return web.Error(p.status, p.person, err)
		}
	}
	return err
}

func (b *Book) open(r *http.Request, k Kiosk, body []byte) (any, error) {
	var empty struct{}
	if err := solecontrol.Decode(body, &empty); err != nil {
		return nil, err
	}
	s, challenge, err := b.Open(r.Context(), k)
	if err != nil {
		return nil, err
	}
	return &agent.Offer{Session: s.ID, Challenge: challenge, NotAfter: solecontrol.At(s.ExpiresAt)}, nil
}

func (b *Book) reading(r *http.Request, k Kiosk, body []byte) (any, error) {
	var m agent.Reading
	if err := solecontrol.Decode(body, &m); err != nil {
		return nil, err
	}
	return verdict(b.Read(r.Context(), k, m.Session, m.Evidence()))
}

func (b *Book) reported(r *http.Request, k Kiosk, body []byte) (any, error) {
	var m agent.Problem
	if err := solecontrol.Decode(body, &m); err != nil {
		return nil, err
	}
	return verdict(b.Problem(r.Context(), k, m.Session, m.Problem))
}

func verdict(s *Session, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return &agent.Verdict{State: string(s.State), Reason: s.Reason}, nil
}
