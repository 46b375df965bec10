package activation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"chop/internal/solecontrol"
)

// answerAge is how old the Immigration Department's answer may be.
const answerAge = 24 * time.Hour

// maxTicketLife bounds how far ahead a ticket may expire.
const maxTicketLife = time.Hour

// PresentTicket lets the enrolment go on to its key. The ticket is believed for
// its officer's or kiosk's pinned key, and for the Immigration Department's; it
// names this enrolment, this account and this passkey, and counts once.
func (s *Service) PresentTicket(ctx context.Context, id string, signed *solecontrol.SignedTicket) (*EnrolmentStatus, error) {
	if err := s.presentTicket(ctx, id, signed); err != nil {
		return nil, err
	}
	return s.Enrolment(ctx, id)
}

func (s *Service) presentTicket(ctx context.Context, id string, signed *solecontrol.SignedTicket) error {
	ticket, err := s.checkTicket(signed)
	if err != nil {
		return err
	}
	e, err := s.enrolling(id, EnrolTicket)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	if ticket.Enrolment != e.id || ticket.Account != e.account || ticket.Case != e.caseID || ticket.RPID != s.cfg.RPID ||
		!bytes.Equal(ticket.PasskeyKey, e.created.Attested.COSE) {
		return fmt.Errorf("%w: the ticket is for another enrolment or another passkey", ErrRefused)
	}
	envelope, err := solecontrol.Encode(signed)
	if err != nil {
		return err
	}
	key, err := solecontrol.NewTransactionKey()
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	event := s.event(ticket.Signer, "activation.ticket", "", "", map[string]any{"enrolment": id, "case": ticket.Case, "place": ticket.Place})
	event.Subject = "account:" + e.account
	used := &presented{solecontrol.TicketChallenge(signed.Ticket), "ticket", envelope}
	if err := s.store.moveEnrolment(ctx, id, EnrolTicket, EnrolSeal, "", used, now, event); err != nil {
		return unlessKnown(err)
	}
	// The key that will receive the secret is made now, and lives five minutes.
	e.ticket, e.key = ticket, key
	e.offer.HPKEKey, e.offer.NotAfter = key.Public(), solecontrol.At(now.Add(maxTTL))
	e.offer.Ticket, e.offer.State = sum(signed.Ticket), EnrolSeal
	return nil
}

// checkTicket verifies all that does not depend on the enrolment.
func (s *Service) checkTicket(signed *solecontrol.SignedTicket) (*solecontrol.Ticket, error) {
	ticket, err := solecontrol.ParseTicket(signed.Ticket)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	now := s.cfg.Now()
	if !now.Before(ticket.Expires.Time) {
		return nil, fmt.Errorf("ticket: %w", ErrExpired)
	}
	if ticket.Expires.Sub(now) > maxTicketLife {
		return nil, fmt.Errorf("%w: the ticket lives too long", ErrRefused)
	}
	pins, err := s.cfg.Pins()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := pins.verifyTicket(ticket, signed); err != nil {
		return nil, err
	}
	return ticket, pins.verifyAnswer(ticket, signed.ImmdAnswer, now)
}

func (p *Pins) verifyTicket(t *solecontrol.Ticket, signed *solecontrol.SignedTicket) error {
	kind, id, err := solecontrol.SplitSigner(t.Signer)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if (signed.Assertion == nil) != (kind == "kiosk") || (len(signed.Signature) == 0) != (kind == "officer") {
		return fmt.Errorf("%w: the ticket is not signed as its signer signs", ErrRefused)
	}
	if kind == "officer" {
		return p.verifyOfficer(t.Signer, signed.Assertion, solecontrol.TicketChallenge(signed.Ticket))
	}
	key, err := find(p.Kiosks, "kiosk", id)
	if err != nil {
		return err
	}
	if err := solecontrol.VerifyRaw(key, solecontrol.TicketMessage(signed.Ticket), signed.Signature); err != nil {
		return fmt.Errorf("%w: ticket: %w", ErrRefused, err)
	}
	return nil
}

// verifyAnswer checks the Immigration Department's answer: that it is the one
// that the ticket names, signed, of today, and a match.
func (p *Pins) verifyAnswer(t *solecontrol.Ticket, envelope []byte, now time.Time) error {
	signed, err := solecontrol.ParseSignedAnswer(envelope)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	key, err := find(p.Immigration, "immigration key", signed.Key)
	if err != nil {
		return err
	}
	answer, err := signed.Verify(key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	digest := sha256.Sum256(signed.Answer)
	switch age := now.Sub(answer.At); {
	case !bytes.Equal(digest[:], t.Immd):
		return fmt.Errorf("%w: the ticket names another immigration answer", ErrRefused)
	case !bytes.Equal(answer.Subject, t.Subject):
		return fmt.Errorf("%w: the immigration answer is about another person than the ticket", ErrRefused)
	case answer.Result != "match":
		return fmt.Errorf("%w: the immigration answer is no match", ErrRefused)
	case age > answerAge, age < -time.Minute:
		return fmt.Errorf("%w: the immigration answer is not of today", ErrRefused)
	}
	return nil
}
