package registration

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"

	"chop/internal/solecontrol"
)

// KioskTicket is the ticket of a kiosk's case for the kiosk's key to sign, and the reference number in its subject, by
// which the kiosk finds out that it is about the card that it read. Each one that
// is asked for takes the place of the one before. ErrNotReady: the phone does not wait for it, or not yet.
func (r *Registry) KioskTicket(ctx context.Context, c Caller, id string) (ticket []byte, reference string, err error) {
	row, err := r.mine(ctx, c, "ticket", id)
	if err != nil {
		return nil, "", err
	}
	if !isKiosk(c) {
		return nil, "", fmt.Errorf("ticket: %w: not a kiosk", ErrForbidden)
	}
	row, ready, err := r.drive(ctx, row)
	if err != nil {
		return nil, "", err
	}
	switch {
	case row.State.over() || row.State == Ticketed || row.State.driven():
		return nil, "", fmt.Errorf("ticket: %w: the case is %s", ErrState, row.State)
	case !ready:
		return nil, "", ErrNotReady
	}
	return r.draw(ctx, c, row)
}

// PresentKioskTicket takes the kiosk's signature (r‖s, ES256) over the ticket, by the key of its client certificate, records
// it, and gives the ticket to the activation process. ErrAssertion; ErrUnfinished: it is recorded, and presented
// again by itself.
func (r *Registry) PresentKioskTicket(ctx context.Context, c Caller, id string, ticket, signature []byte, key *ecdsa.PublicKey) (*Case, error) {
	row, err := r.mine(ctx, c, "ticket", id)
	if err != nil {
		return nil, err
	}
	if _, err := next("case", row.State, actTicket); err != nil || string(row.Ticket) != string(ticket) || len(ticket) == 0 {
		return nil, errors.Join(ErrState, err)
	}
	t, err := solecontrol.ParseTicket(row.Ticket)
	if err != nil {
		return nil, err
	}
	if !isKiosk(c) || t.Signer != c.Actor || !r.cfg.Now().Before(t.Expires.Time) {
		return nil, fmt.Errorf("present ticket: %w: another's ticket, or too late", ErrState)
	}
	if err := solecontrol.VerifyRaw(key, solecontrol.TicketMessage(row.Ticket), signature); err != nil {
		return nil, r.refuse(ctx, c, "ticket", caseSubject(id), fmt.Errorf("%w: %w", ErrAssertion, err))
	}
	return r.presentTicket(ctx, c, row, solecontrol.SignedTicket{Ticket: row.Ticket, Signature: signature})
}
