package kiosk

import (
	"context"
	"errors"
	"net/http"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/registration/kiosk/agent"
)

// Ticket is that of the case with the session's id. A case to which a phone was bound goes on when its session is over,
// and so its ticket can be signed then: the kiosk has seen the person, and their phone.
func (b *Book) Ticket(ctx context.Context, k Kiosk, id string) (*agent.Ticket, error) {
	if k.reader() { // an officer's passkey signs the tickets of a counter's cases
		if _, err := b.store.get(ctx, k.ID, id); err != nil {
			return nil, err
		}
		return &agent.Ticket{State: agent.TicketOver}, nil
	}
	ticket, reference, err := b.cfg.Registry.KioskTicket(ctx, k.caller(), id)
	switch {
	case err == nil:
		return &agent.Ticket{State: agent.TicketSign, Ticket: ticket, Reference: reference}, nil
	case errors.Is(err, registration.ErrNotReady):
		return &agent.Ticket{State: agent.TicketWait}, nil
	case errors.Is(err, registration.ErrState):
		return &agent.Ticket{State: agent.TicketOver}, nil
	case !errors.Is(err, registration.ErrNoCase):
		return nil, err
	}
	r, err := b.store.get(ctx, k.ID, id) // no case yet, and perhaps none to come
	if err != nil {
		return nil, err
	}
	if r.State == Read && b.cfg.Now().Before(r.ExpiresAt) {
		return &agent.Ticket{State: agent.TicketWait}, nil
	}
	return &agent.Ticket{State: agent.TicketOver}, nil
}

func (b *Book) ticket(r *http.Request, k Kiosk, body []byte) (any, error) {
	var m agent.Question
	if err := solecontrol.Decode(body, &m); err != nil {
		return nil, err
	}
	return b.Ticket(r.Context(), k, m.Session)
}

func (b *Book) signed(r *http.Request, k Kiosk, body []byte) (any, error) {
	var m agent.Signed
	if err := solecontrol.Decode(body, &m); err != nil {
		return nil, err
	}
	if k.reader() {
		return nil, ErrStranger
	}
	c, err := b.cfg.Registry.PresentKioskTicket(r.Context(), k.caller(), m.Session, m.Ticket, m.Signature, k.Key)
	if errors.Is(err, registration.ErrUnfinished) { // it is recorded, and presented again by itself
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return &agent.Verdict{State: string(c.State)}, nil
}
