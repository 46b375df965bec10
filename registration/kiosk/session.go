package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration"
	"chop/registration/attempts"
	"chop/registration/hkic"
)

func (r *row) view() *Session { return &Session{r.ID, r.State, r.Reason, r.ExpiresAt} }

func (r *row) kiosk() Kiosk { return Kiosk{ID: r.Kiosk, Place: r.Place} }

func (b *Book) event(k Kiosk, id, action, reason string) audit.Event {
	return audit.Event{At: b.cfg.Now(), Actor: "kiosk:" + k.ID, Role: "kiosk", Place: k.Place, Action: "kiosk." + action, Subject: "session:" + id, Reason: reason}
}

// step moves a session on under its lock, and refuses one that has moved meanwhile or whose time is over.
func (b *Book) step(ctx context.Context, k Kiosk, id string, a act, fn func(tx postgres.Tx, r *row) ([]audit.Event, error)) (*row, error) {
	var after *row
	err := b.store.change(ctx, k.ID, id, func(tx postgres.Tx, r *row) ([]audit.Event, error) {
		to, err := next(r.State, a)
		if err != nil {
			return nil, err
		}
		now := b.cfg.Now()
		if a != actEnd && !now.Before(r.ExpiresAt) {
			return nil, fmt.Errorf("%w: its time is over", ErrNoSession)
		}
		events, err := fn(tx, r)
		if err != nil {
			return nil, err
		}
		r.State, r.ChangedAt = to, now
		if a != actEnd {
			r.ExpiresAt = now.Add(Life)
		}
		if to != Waiting {
			r.Challenge = nil
		}
		if to != Read {
			r.Evidence = nil
		}
		after = r
		return events, nil
	})
	if err == nil {
		b.bells.ring(k.ID)
	}
	return after, err
}

// Open is what happens when a card is put in: the session that waits for one, or a
// new one, gets a new challenge, and an earlier challenge is void. Somebody's session
// beyond that ends: their card is out, and another person may stand there.
func (b *Book) Open(ctx context.Context, k Kiosk) (*Session, []byte, error) {
	challenge := make([]byte, hkic.ChallengeSize)
	rand.Read(challenge)
	for range 5 { // each time round, somebody else was at this kiosk's session meanwhile
		r, err := b.store.living(ctx, k.ID)
		switch {
		case errors.Is(err, ErrNoSession):
			id, err := uuid.NewV7()
			if err != nil {
				return nil, nil, fmt.Errorf("make session id: %w", err)
			}
			now := b.cfg.Now()
			r = &row{ID: id.String(), Kiosk: k.ID, Place: k.Place, State: Waiting, Challenge: challenge, OpenedAt: now, ExpiresAt: now.Add(Life)}
			err = b.store.insert(ctx, r, b.event(k, r.ID, "open", ""))
			if errors.Is(err, ErrState) {
				continue
			}
			b.bells.ring(k.ID)
			return r.view(), challenge, err
		case err != nil:
			return nil, nil, err
		case r.State == Waiting && b.cfg.Now().Before(r.ExpiresAt):
			after, err := b.step(ctx, k, r.ID, actOffer, func(_ postgres.Tx, r *row) ([]audit.Event, error) {
				r.Challenge, r.Reason = challenge, ""
				return nil, nil
			})
			if errors.Is(err, ErrState) || errors.Is(err, ErrNoSession) {
				continue
			}
			if err != nil {
				return nil, nil, fmt.Errorf("open session: %w", err)
			}
			return after.view(), challenge, nil
		}
		if err := b.end(ctx, r, "next"); err != nil && !errors.Is(err, ErrState) {
			return nil, nil, fmt.Errorf("open session: %w", err)
		}
	}
	return nil, nil, fmt.Errorf("open session: %w", ErrState)
}

// Current is a kiosk's latest session, for its page. ErrNoSession: there is none, or it has been over for a minute.
func (b *Book) Current(ctx context.Context, k Kiosk) (*Session, error) {
	r, err := b.store.latest(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	now := b.cfg.Now()
	switch over := r.State == Refused || r.State == Ended; {
	case over && !now.Before(r.ChangedAt.Add(Life)):
		return nil, ErrNoSession
	case over || now.Before(r.ExpiresAt):
		return r.view(), nil
	}
	if err := b.end(ctx, r, "expired"); err != nil && !errors.Is(err, ErrState) {
		return nil, err
	}
	return &Session{r.ID, Ended, "expired", r.ExpiresAt}, nil
}

// Touch keeps a session for another minute.
func (b *Book) Touch(ctx context.Context, k Kiosk, id string) (*Session, error) {
	r, err := b.step(ctx, k, id, actTouch, func(postgres.Tx, *row) ([]audit.Event, error) { return nil, nil })
	if err != nil {
		return nil, err
	}
	return r.view(), nil
}

// End is the person's "start over".
func (b *Book) End(ctx context.Context, k Kiosk, id string) error {
	r, err := b.store.get(ctx, k.ID, id)
	if err != nil {
		return err
	}
	return b.end(ctx, r, "cancelled")
}

// end ends a session; a case that it opened (or was about to, at a crash) ends with it, unless a phone was bound to that.
func (b *Book) end(ctx context.Context, r *row, why string) error {
	if (r.State == Read || r.State == Cased) && !r.kiosk().reader() { // a counter's case is its officer's
		if err := b.cfg.Registry.AbandonCase(ctx, r.kiosk().caller(), r.ID); err != nil {
			return fmt.Errorf("end session: %w", err)
		}
	}
	was := r.State
	_, err := b.step(ctx, r.kiosk(), r.ID, actEnd, func(_ postgres.Tx, r *row) ([]audit.Event, error) {
		if r.State != was {
			return nil, fmt.Errorf("%w: it moved meanwhile", ErrState)
		}
		if why == "expired" && b.cfg.Now().Before(r.ExpiresAt) {
			return nil, fmt.Errorf("%w: it was touched meanwhile", ErrState)
		}
		r.Reason = why
		return []audit.Event{b.event(r.kiosk(), r.ID, "end", why)}, nil
	})
	return err
}

// Sweep ends sessions whose time is over, and cases whose session is gone, and forgets sessions that ended a day ago.
// It returns how many it ended.
func (b *Book) Sweep(ctx context.Context) (int, error) {
	now := b.cfg.Now()
	due, err := b.store.due(ctx, now)
	errs := []error{err}
	n := 0
	for _, r := range due {
		switch err := b.end(ctx, r, "expired"); {
		case err == nil:
			n++
		case !errors.Is(err, ErrState):
			errs = append(errs, err)
		}
	}
	return n, errors.Join(append(errs, b.orphans(ctx), b.store.forget(ctx, now.Add(-24*time.Hour)))...)
}

// orphans ends cases whose session is gone, with a crash of the database or in the moment in which the case was opened:
// they would keep their person out for hours. A session is there before its case, so the cases are read first.
func (b *Book) orphans(ctx context.Context) error {
	cases, err := b.cfg.Registry.KioskCases(ctx)
	if err != nil || len(cases) == 0 {
		return err
	}
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = c.ID
	}
	living, err := b.store.lives(ctx, ids)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range cases {
		id, ok := strings.CutPrefix(c.Officer, "kiosk:")
		if !ok || slices.Contains(living, c.ID) {
			continue
		}
		if err := b.cfg.Registry.AbandonCase(ctx, registration.Kiosk(id, c.Place), c.ID); err != nil && !errors.Is(err, registration.ErrState) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run sweeps every few seconds until ctx ends. Any number of processes may run it.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if _, err := b.Sweep(ctx); err != nil && ctx.Err() == nil {
			b.cfg.Log.Error("kiosks' housekeeping failed; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func who(k Kiosk) attempts.Who {
	return attempts.Who{Actor: "kiosk:" + k.ID, Role: "kiosk", Place: k.Place}
}
