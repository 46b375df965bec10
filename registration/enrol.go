package registration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/registration/immd"
)

// ticketLife is how long an officer's signature on a ticket can be presented.
const ticketLife = 5 * time.Minute

// BeginEnrolment opens the enrolment on the approval origin, where the phone goes
// next: /#enrol/<id>. Asked again it gives the one that is open. ErrNotReady:
// agreement or sign-in passkey are missing. ErrActivation.
func (r *Registry) BeginEnrolment(ctx context.Context, phone string) (string, error) {
	row, err := r.phoneCase(ctx, phone)
	if err != nil {
		return "", err
	}
	if row, _, err = r.drive(ctx, row); err != nil {
		return "", err
	}
	if row.State == Enrolling || row.State == Ticketed {
		return value(row.Enrolment), nil
	}
	if _, err := next("case", row.State, actEnrol); err != nil {
		return "", fmt.Errorf("begin enrolment: %w: %w", ErrNotReady, err)
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return "", err
	}
	if has, err := r.hasPasskey(ctx, row); err != nil || !has {
		return "", errors.Join(ErrNotReady, err)
	}
	id, _, err := r.cfg.Activation.BeginEnrolment(ctx, EnrolmentRequest{
		Account: a.ID, Case: row.ID, UserName: a.SRN, Number: row.Number, Return: strings.TrimSuffix(r.cfg.PortalURL, "/") + "/bind/phone",
	})
	if err != nil {
		return "", fmt.Errorf("begin enrolment: %w: %w", ErrActivation, err)
	}
	_, err = r.step(ctx, row.ID, actEnrol, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		row.Enrolment, row.Waiting = &id, ""
		return []audit.Event{r.event(phoneCaller(a.ID), "registration.enrol", caseSubject(row.ID), "", map[string]any{"enrolment": id})}, nil
	})
	if err != nil {
		// Nobody will use this one; it ends by itself too.
		if failed := r.cfg.Activation.CancelEnrolment(ctx, id); failed != nil {
			r.cfg.Log.Info("enrolment was not cancelled", "case", row.ID, "err", failed)
		}
		return "", wrap("begin enrolment", err)
	}
	return id, nil
}

// Ticket builds the ticket, once the phone has made its signing passkey, and says
// what the officer's passkey signs of it. ErrNotReady before.
func (r *Registry) Ticket(ctx context.Context, c Caller, id string) (*TicketOffer, error) {
	row, err := r.mine(ctx, c, "ticket", id)
	if err != nil {
		return nil, err
	}
	row, ready, err := r.drive(ctx, row)
	if err != nil {
		return nil, err
	}
	if !ready {
		return nil, ErrNotReady
	}
	officer, err := r.officers.Officer(ctx, c.Officer())
	if err != nil {
		return nil, err
	}
	ticket, _, err := r.draw(ctx, c, row)
	if err != nil {
		return nil, err
	}
	challenge := solecontrol.TicketChallenge(ticket)
	return &TicketOffer{Challenge: challenge[:], PasskeyID: officer.PasskeyID}, nil
}

// draw makes the ticket of a case whose phone waits for it, for the caller to sign, and keeps it. It returns it
// with the reference number that is in its subject.
func (r *Registry) draw(ctx context.Context, c Caller, row *caseRow) (ticket []byte, reference string, err error) {
	e, err := r.cfg.Activation.Enrolment(ctx, value(row.Enrolment))
	if err != nil {
		return nil, "", fmt.Errorf("ticket: %w: %w", ErrActivation, err)
	}
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, "", err
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return nil, "", err
	}
	subject, err := immd.Subject(held.card, a.SRN).Digest()
	if err != nil {
		return nil, "", err
	}
	signed, err := solecontrol.ParseSignedAnswer(held.immd)
	if err != nil {
		return nil, "", fmt.Errorf("ticket: %w", err)
	}
	answer := sha256.Sum256(signed.Answer)
	ticket, err = (&solecontrol.Ticket{
		Kind: "ticket", Case: row.ID, Account: a.ID, Enrolment: value(row.Enrolment), PasskeyKey: e.PasskeyKey, RPID: r.cfg.RPID,
		Subject: subject[:], Immd: answer[:], Signer: c.Actor, Place: c.Place, Expires: solecontrol.At(r.cfg.Now().Add(ticketLife)),
	}).Marshal()
	if err != nil {
		return nil, "", fmt.Errorf("ticket: %w", err)
	}
	err = r.store.changeCase(ctx, row.ID, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if _, err := next("case", row.State, actTicket); err != nil {
			return nil, err
		}
		row.Ticket = ticket
		return nil, nil
	})
	if err != nil {
		return nil, "", wrap("ticket", err)
	}
	return ticket, a.SRN, nil
}

// PresentTicket takes the officer's assertion over the ticket, records it, and
// gives the ticket to the activation process. ErrAssertion; ErrUnfinished: it is
// recorded, and presented again by itself.
func (r *Registry) PresentTicket(ctx context.Context, c Caller, id string, a Assertion) (*Case, error) {
	row, err := r.mine(ctx, c, "ticket", id)
	if err != nil {
		return nil, err
	}
	if _, err := next("case", row.State, actTicket); err != nil || row.Ticket == nil {
		return nil, errors.Join(ErrState, err)
	}
	t, err := solecontrol.ParseTicket(row.Ticket)
	if err != nil {
		return nil, err
	}
	if t.Signer != c.Actor || !r.cfg.Now().Before(t.Expires.Time) {
		return nil, fmt.Errorf("present ticket: %w: another officer's ticket, or too late", ErrState)
	}
	if err := r.officers.Verify(ctx, c.Officer(), solecontrol.TicketChallenge(row.Ticket), a); err != nil {
		return nil, r.refuse(ctx, c, "ticket", caseSubject(id), err)
	}
	return r.presentTicket(ctx, c, row, solecontrol.SignedTicket{Ticket: row.Ticket, Assertion: &a})
}

// presentTicket records a ticket whose signature was verified, with the answer that it relies upon, and gives it on.
func (r *Registry) presentTicket(ctx context.Context, c Caller, row *caseRow, signed solecontrol.SignedTicket) (*Case, error) {
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, err
	}
	signed.ImmdAnswer = held.immd
	envelope, err := solecontrol.Encode(signed)
	if err != nil {
		return nil, fmt.Errorf("present ticket: %w", err)
	}
	id, account, ticket, operation := row.ID, value(row.Account), row.Ticket, ""
	after, err := r.step(ctx, id, actTicket, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if string(row.Ticket) != string(ticket) {
			return nil, fmt.Errorf("%w: another ticket was made meanwhile", ErrState)
		}
		row.Envelope = envelope
		if row.Purpose == Replacing {
			var err error
			if operation, err = r.rebind(ctx, tx, c, row); err != nil {
				return nil, err
			}
		}
		return []audit.Event{r.event(c, "registration.ticket", caseSubject(id), "", map[string]any{
			"ticket": fmt.Sprintf("%x", solecontrol.TicketDigest(ticket)), "account": account,
		})}, nil
	})
	if errors.Is(err, ErrFourEyes) {
		return nil, r.alarm(ctx, c, "four-eyes", caseSubject(id), err)
	}
	if err != nil {
		return nil, wrap("present ticket", err)
	}
	if operation != "" { // what is not done of it is repeated, and no new key is made before
		if err := r.perform(ctx, operation); err != nil && !errors.Is(err, ErrUnfinished) {
			return nil, err
		}
	}
	if after, _, err = r.drive(ctx, after); err != nil {
		return nil, err
	}
	if after.Waiting != "" {
		return r.show(ctx, after), ErrUnfinished
	}
	return r.show(ctx, after), nil
}
