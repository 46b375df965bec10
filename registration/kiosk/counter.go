package kiosk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration"
)

// At counters, and with mobile teams, the same agent reads cards for the officers there. A reader is a kiosk that has no
// page, sees no face and signs no ticket: what it does is bring a card, which is judged as any other. It is an officer's
// case that the card opens, and the officer who compares the person with the card.

// ReaderID is the id in the client certificate of a counter's nth reader. A place may have several.
func ReaderID(n int, place string) string { return fmt.Sprintf("%d@%s", n, place) }

// reader reports whether it is a counter's: no kiosk's id, which is its place, has the sign.
func (k Kiosk) reader() bool { return strings.Contains(k.ID, "@") }

// Lying is a card that a counter's reader has read, and that no case was opened from yet.
type Lying struct {
	ID        string // of the session
	Reader    string // its number at the place
	ReadAt    time.Time
	ExpiresAt time.Time
}

// Lying lists the cards that were read at a place's readers, the newest first. It says nothing of whose they are.
func (b *Book) Lying(ctx context.Context, place string) ([]Lying, error) {
	rows, err := b.store.read(ctx, place, b.cfg.Now())
	if err != nil {
		return nil, err
	}
	var out []Lying
	for _, r := range rows {
		if !r.kiosk().reader() {
			continue
		}
		number, _, _ := strings.Cut(r.Kiosk, "@")
		out = append(out, Lying{r.ID, number, r.ChangedAt, r.ExpiresAt})
	}
	return out, nil
}

// TakeCard opens an officer's case from a card that was read at their place, under the session's id; asked again after a
// crash it gives the same. The registry says whether this officer may. What the card said is
// deleted here, whether it opened a case or was refused one.
func (b *Book) TakeCard(ctx context.Context, c registration.Caller, id string, contact registration.Contact) (*registration.Case, error) {
	r, err := b.store.at(ctx, c.Place, id)
	if err == nil && !r.kiosk().reader() {
		err = ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	k := r.kiosk()
	card, err := b.Card(ctx, k, id)
	if err != nil {
		return nil, err
	}
	opened, err := b.cfg.Registry.OpenChipCase(ctx, c, id, card, contact)
	for _, no := range []error{registration.ErrRegistered, registration.ErrRefused, registration.ErrSelf} {
		if errors.Is(err, no) {
			return nil, errors.Join(err, b.end(ctx, r, "refused"))
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = b.step(ctx, k, id, actCase, func(postgres.Tx, *row) ([]audit.Event, error) {
		e := b.event(k, id, "case", "")
		e.Actor, e.Role = c.Actor, c.Role
		return []audit.Event{e}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("open case: %w", err)
	}
	return opened, nil
}
