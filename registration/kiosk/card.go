package kiosk

import (
	"context"
	"encoding/json"
	"fmt"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration"
	"chop/registration/hkic"
)

// kept is what is sealed of a card: its own bytes and the challenge, so that whoever
// opens them judges again, and nothing that was written into the table counts as read.
type kept struct {
	Challenge []byte        `json:"challenge"`
	Evidence  hkic.Evidence `json:"evidence"`
}

func seals(id string) []byte { return []byte("chop/kiosk/v1\x00" + id) }

// Read judges a card by the bytes that the agent brought and the session's
// challenge, which is used up. A card that is refused ends the session; since the
// agent does not bring such cards, supervisors are told.
func (b *Book) Read(ctx context.Context, k Kiosk, id string, e *hkic.Evidence) (*Session, error) {
	r, err := b.store.get(ctx, k.ID, id)
	if err != nil {
		return nil, err
	}
	if _, err := next(r.State, actRead); err != nil {
		return nil, err
	}
	if r.Challenge == nil {
		return nil, fmt.Errorf("%w: no challenge is open", ErrState)
	}
	challenge := r.Challenge
	if _, err := e.Verify(challenge, b.cfg.Trust, b.cfg.Now()); err != nil {
		return b.refuse(ctx, k, id, hkic.Reason(err), true)
	}
	text, err := json.Marshal(kept{challenge, *e})
	if err != nil {
		return nil, fmt.Errorf("keep card: %w", err)
	}
	sealed, err := b.cfg.Sealer.Seal(ctx, text, seals(id))
	if err != nil {
		return nil, fmt.Errorf("keep card: %w", err)
	}
	after, err := b.step(ctx, k, id, actRead, func(_ postgres.Tx, r *row) ([]audit.Event, error) {
		if string(r.Challenge) != string(challenge) {
			return nil, fmt.Errorf("%w: another card was put in meanwhile", ErrState)
		}
		r.Evidence, r.Reason = sealed, ""
		return []audit.Event{b.event(k, id, "read", "")}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("keep card: %w", err)
	}
	return after.view(), nil
}

// refuse ends a session whose card is refused. brought: the agent took it for good.
func (b *Book) refuse(ctx context.Context, k Kiosk, id, reason string, brought bool) (*Session, error) {
	after, err := b.step(ctx, k, id, actRefuse, func(tx postgres.Tx, r *row) ([]audit.Event, error) {
		r.Reason = reason
		e := b.event(k, id, "refuse", reason)
		if !brought {
			return []audit.Event{e}, nil
		}
		return []audit.Event{e}, b.attempts.Raise(ctx, tx, "kiosk-evidence", "kiosk:"+k.ID, who(k))
	})
	if err != nil {
		return nil, fmt.Errorf("refuse card: %w", err)
	}
	return after.view(), nil
}

// Problem is the agent's word that a card could not be read, or was refused. After
// one that was pulled out or could not be read, the session waits: put it back.
func (b *Book) Problem(ctx context.Context, k Kiosk, id, reason string) (*Session, error) {
	switch reason {
	case "removed", "unreadable":
	case "foreign", "tampered", "cloned", "expired":
		return b.refuse(ctx, k, id, reason, false)
	default:
		return nil, ErrProblem
	}
	after, err := b.step(ctx, k, id, actRetry, func(_ postgres.Tx, r *row) ([]audit.Event, error) {
		r.Challenge, r.Reason = nil, reason
		return []audit.Event{b.event(k, id, "retry", reason)}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("note problem: %w", err)
	}
	return after.view(), nil
}

// Card is what the chip said, judged again from its own bytes.
func (b *Book) Card(ctx context.Context, k Kiosk, id string) (*hkic.CardData, error) {
	r, err := b.store.get(ctx, k.ID, id)
	switch {
	case err != nil:
		return nil, err
	case r.State != Read || !b.cfg.Now().Before(r.ExpiresAt):
		return nil, fmt.Errorf("%w: there is no card", ErrState)
	}
	text, err := b.cfg.Sealer.Open(ctx, r.Evidence, seals(id))
	if err != nil {
		return nil, fmt.Errorf("open card: %w", err)
	}
	var held kept
	if err := json.Unmarshal(text, &held); err != nil {
		return nil, fmt.Errorf("open card: %w", err)
	}
	return held.Evidence.Verify(held.Challenge, b.cfg.Trust, b.cfg.Now())
}

// OpenCase opens a case from the card, under the session's id; asked again after a
// crash it gives the same. What the card said is deleted here: the case has it.
func (b *Book) OpenCase(ctx context.Context, k Kiosk, id string, contact registration.Contact) (*registration.Case, error) {
	card, err := b.Card(ctx, k, id)
	if err != nil {
		return nil, err
	}
	c, err := b.cfg.Registry.OpenChipCase(ctx, k.caller(), id, card, contact)
	if err != nil {
		return nil, err
	}
	_, err = b.step(ctx, k, id, actCase, func(postgres.Tx, *row) ([]audit.Event, error) {
		return []audit.Event{b.event(k, id, "case", "")}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("open case: %w", err)
	}
	return c, nil
}
