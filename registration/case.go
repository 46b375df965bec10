package registration

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/notification"
	"chop/registration/hkic"
	"chop/registration/personal"
)

// caseLife is how long a case may take until there is a key.
const caseLife = 2 * time.Hour

// OpenCase opens a case at the caller's place. At a counter, accounts are full.
func (r *Registry) OpenCase(ctx context.Context, c Caller, kind Kind) (*Case, error) {
	if err := r.authorize(ctx, c, "open-case", ""); err != nil {
		return nil, err
	}
	if kind != Full {
		return nil, fmt.Errorf("open case: %w: a counter opens full accounts", ErrState)
	}
	return r.openCase(ctx, c, kind, Opening)
}

func (r *Registry) openCase(ctx context.Context, c Caller, kind Kind, purpose Purpose) (*Case, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make case id: %w", err)
	}
	now := r.cfg.Now()
	row := &caseRow{
		ID: id.String(), Kind: kind, Purpose: purpose, State: Opened, Place: c.Place, Source: sourceKeyed, Officer: c.Officer(), Nonce: make([]byte, 32),
		OpenedAt: now, ExpiresAt: now.Add(caseLife),
	}
	rand.Read(row.Nonce)
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		return []audit.Event{r.event(c, "registration.open", caseSubject(row.ID), "", map[string]any{"kind": kind, "purpose": purpose})}, insertCase(ctx, tx, row)
	})
	if err != nil {
		return nil, fmt.Errorf("open case: %w", err)
	}
	return row.view(), nil
}

// mine is the case, if it is the caller's: the officer or kiosk who opened it, at its place. ErrNoCase at another place.
func (r *Registry) mine(ctx context.Context, c Caller, act, id string) (*caseRow, error) {
	if err := r.authorizeOpener(ctx, c, act, caseSubject(id)); err != nil {
		return nil, err
	}
	row, err := r.store.getCase(ctx, id)
	if err != nil {
		return nil, err
	}
	if row.Place != c.Place {
		return nil, r.refuse(ctx, c, act, caseSubject(id), ErrNoCase)
	}
	if row.Officer != opener(c) {
		return nil, r.refuse(ctx, c, act, caseSubject(id), fmt.Errorf("%w: the case is another's", ErrForbidden))
	}
	return row, nil
}

// step moves a case on under its lock, and refuses one that has moved meanwhile or is over.
func (r *Registry) step(ctx context.Context, id string, a act, fn func(tx postgres.Tx, c *caseRow) ([]audit.Event, error)) (*caseRow, error) {
	var after *caseRow
	err := r.store.changeCase(ctx, id, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		to, err := next("case", row.State, a)
		if err != nil {
			return nil, err
		}
		now := r.cfg.Now()
		if a != actEnd && !row.State.driven() && !now.Before(row.ExpiresAt) {
			return nil, fmt.Errorf("%w: the case has run out", ErrState)
		}
		events, err := fn(tx, row)
		if err != nil {
			return nil, err
		}
		row.State, row.ChangedAt = to, now
		after = row
		return events, nil
	})
	return after, err
}

// driven: there is a key, and the case is completed whatever its time.
func (s CaseState) driven() bool { return s == Made || s == Issued }

// EnterCard keeps the card's data, keyed in by the officer who opened the case.
// Entered again, before they are confirmed, they replace what was there.
// ErrRegistered, ErrSelf, ErrRefused (too young), hkic.ErrCard, ErrContact.
func (r *Registry) EnterCard(ctx context.Context, c Caller, id string, card hkic.Card, contact Contact) (*Case, error) {
	row, err := r.mine(ctx, c, "enter-card", id)
	if err != nil {
		return nil, err
	}
	if _, err := next("case", row.State, actEnter); err != nil {
		return nil, err
	}
	if card, err = card.Check(r.cfg.Now()); err != nil {
		return nil, err
	}
	if contact, err = contact.normal(); err != nil {
		return nil, err
	}
	if err := r.notSelf(ctx, c, c.Officer(), card.Number, caseSubject(id)); err != nil {
		return nil, err
	}
	if !card.OldEnough(r.cfg.Now()) {
		return nil, errors.Join(ErrRefused, r.end(ctx, c, id, actRefuse, "too-young"))
	}
	if row.Purpose == Replacing {
		after, err := r.keepReplacement(ctx, c, row, card, contact)
		if err != nil {
			return nil, wrap("enter card", err)
		}
		return r.show(ctx, after), nil
	}
	account := value(row.Account)
	owners, err := r.people.Find(ctx, personal.HKIC, card.Number.Normal())
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		if o != account {
			return nil, r.refuse(ctx, c, "enter-card", caseSubject(id), ErrRegistered)
		}
	}
	for try := 0; ; try++ {
		after, err := r.keepCard(ctx, c, id, account, card, contact)
		switch {
		case errors.Is(err, errSRN) && try < 5:
			continue
		case errors.Is(err, personal.ErrTaken):
			return nil, r.refuse(ctx, c, "enter-card", caseSubject(id), ErrRegistered) // another desk was first
		case err != nil:
			return nil, wrap("enter card", err)
		}
		return r.show(ctx, after), nil
	}
}

// keepCard seals the data and writes them, with a new account where there is none yet.
func (r *Registry) keepCard(ctx context.Context, c Caller, id, account string, card hkic.Card, contact Contact) (*caseRow, error) {
	fresh := account == ""
	a, sealed, digest, err := r.prepare(ctx, c, id, account, card, contact)
	if err != nil {
		return nil, err
	}
	return r.step(ctx, id, actEnter, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if value(row.Account) != account {
			return nil, fmt.Errorf("%w: the card was entered meanwhile", ErrState)
		}
		if fresh {
			if err := insertAccount(ctx, tx, a); err != nil {
				return nil, err
			}
		} else if held, err := lockAccount(ctx, tx, a.ID); err != nil {
			return nil, err
		} else {
			held.Language = contact.Language
			if err := updateAccount(ctx, tx, held); err != nil {
				return nil, err
			}
		}
		row.Account, row.CardDigest = &a.ID, digest
		return []audit.Event{r.event(c, "registration.enter", caseSubject(id), "", map[string]any{"account": a.ID})}, r.people.Put(ctx, tx, sealed)
	})
}

// prepare makes what is written for a card: the account (a new one, if account is empty), the sealed data, and their digest.
func (r *Registry) prepare(ctx context.Context, c Caller, id, account string, card hkic.Card, contact Contact) (a *accountRow, sealed *personal.Prepared, digest []byte, err error) {
	a = &accountRow{ID: account, Kind: Full, State: Pending, SRN: "SRN" + randomDigits(10), UserHandle: make([]byte, 32), Language: contact.Language, Place: c.Place, OpenedAt: r.cfg.Now()}
	rand.Read(a.UserHandle)
	lookups := map[personal.LookupKind]string{personal.HKIC: card.Number.Normal(), personal.Phone: contact.Phone, personal.Email: contact.Email}
	if account == "" {
		u, err := uuid.NewV7()
		if err != nil {
			return nil, nil, nil, fmt.Errorf("make account id: %w", err)
		}
		a.ID, lookups[personal.SRN] = u.String(), a.SRN
	}
	fields := cardFields(card)
	fields[fieldPhone], fields[fieldEmail] = contact.Phone, contact.Email
	if sealed, err = r.people.Prepare(ctx, a.ID, fields, lookups); err != nil {
		return nil, nil, nil, err
	}
	digest, err = r.cardDigest(ctx, id, card)
	return a, sealed, digest, err
}

// Card shows the data keyed in, for the second officer to compare with the card. The resident sees that it was looked at.
func (r *Registry) Card(ctx context.Context, c Caller, id string) (*hkic.Card, *Contact, error) {
	if err := r.authorize(ctx, c, "view-card", caseSubject(id)); err != nil {
		return nil, nil, err
	}
	row, err := r.store.getCase(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if row.Place != c.Place || row.Account == nil || row.State.over() {
		return nil, nil, r.refuse(ctx, c, "view-card", caseSubject(id), ErrNoCase)
	}
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, nil, err
	}
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		return []audit.Event{r.event(c, "registration.view-card", caseSubject(id), "", nil)}, r.note(ctx, tx, c, *row.Account, "card-viewed")
	})
	if err != nil {
		return nil, nil, fmt.Errorf("view card: %w", err)
	}
	return &held.card, &held.contact, nil
}

// over: nothing follows.
func (s CaseState) over() bool { return s == Done || s == Refused || s == Ended }

// confirmChallenge binds the second officer's word to this case, these data and this officer.
func (row *caseRow) confirmChallenge(officer string) solecontrol.Digest {
	h := sha256.New()
	if row.Purpose == Replacing { // what the second officer vouches for is another act
		fmt.Fprintf(h, "chop/confirm-replace/v1\x00%s\x00%t\x00", value(row.Replaces), row.DeviceActive)
	}
	fmt.Fprintf(h, "chop/confirm/v1\x00%s\x00%s\x00", row.ID, officer)
	h.Write(row.Nonce)
	h.Write(row.CardDigest)
	return solecontrol.Digest(h.Sum(nil))
}

// second is the case for a second officer. ErrFourEyes for the first, alarmed.
func (r *Registry) second(ctx context.Context, c Caller, id string) (*caseRow, error) {
	if err := r.authorize(ctx, c, "confirm-card", caseSubject(id)); err != nil {
		return nil, err
	}
	row, err := r.store.getCase(ctx, id)
	if err != nil {
		return nil, err
	}
	if row.Place != c.Place {
		return nil, r.refuse(ctx, c, "confirm-card", caseSubject(id), ErrNoCase)
	}
	if row.Officer == c.Officer() {
		return nil, r.alarm(ctx, c, "four-eyes", caseSubject(id), ErrFourEyes)
	}
	if _, err := next("case", row.State, actConfirm); err != nil {
		return nil, err
	}
	return row, nil
}

// ConfirmChallenge is what the second officer's passkey signs.
func (r *Registry) ConfirmChallenge(ctx context.Context, c Caller, id string) ([]byte, error) {
	row, err := r.second(ctx, c, id)
	if err != nil {
		return nil, err
	}
	d := row.confirmChallenge(c.Officer())
	return d[:], nil
}

// ConfirmCard is the second officer's word that the data are the card's. ErrFourEyes, ErrSelf, ErrAssertion.
func (r *Registry) ConfirmCard(ctx context.Context, c Caller, id string, a Assertion) (*Case, error) {
	row, err := r.second(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if err := r.notOwnAccount(ctx, c, c.Officer(), value(row.Account)); err != nil {
		return nil, err
	}
	challenge := row.confirmChallenge(c.Officer())
	if err := r.officers.Verify(ctx, c.Officer(), challenge, a); err != nil {
		return nil, r.refuse(ctx, c, "confirm-card", caseSubject(id), err)
	}
	kept, err := solecontrol.Encode(a)
	if err != nil {
		return nil, fmt.Errorf("confirm card: %w", err)
	}
	text, sum := string(kept), sha256.Sum256(kept)
	after, err := r.step(ctx, id, actConfirm, func(_ postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if row.confirmChallenge(c.Officer()) != challenge {
			return nil, fmt.Errorf("%w: the data were changed meanwhile", ErrState)
		}
		officer := c.Officer()
		row.Second, row.Confirmation = &officer, &text
		return []audit.Event{r.event(c, "registration.confirm", caseSubject(id), "", map[string]any{"assertion": fmt.Sprintf("%x", sum)})}, nil
	})
	if err != nil {
		return nil, wrap("confirm card", err)
	}
	return r.show(ctx, after), nil
}

// outcomeFailed is that of a case whose key got no certificate and was destroyed.
const outcomeFailed = "failed"

// CancelCase ends a case that has made no key; what was kept for it is deleted.
func (r *Registry) CancelCase(ctx context.Context, c Caller, id, reason string) error {
	row, err := r.mine(ctx, c, "cancel-case", id)
	if err != nil {
		return err
	}
	if row.State.driven() {
		return fmt.Errorf("cancel case: %w: there is a key, and the case is being completed", ErrState)
	}
	return r.end(ctx, c, id, actEnd, "cancelled", reason)
}

// end ends a case before it is done: its data, the pending account that it opened and what the phone had are deleted.
func (r *Registry) end(ctx context.Context, c Caller, id string, a act, outcome string, reason ...string) error {
	var enrolment string
	_, err := r.step(ctx, id, a, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if row.State.driven() && outcome != outcomeFailed && outcome != outcomeStopped {
			return nil, fmt.Errorf("%w: there is a key", ErrState)
		}
		enrolment = value(row.Enrolment)
		text := outcome
		if len(reason) > 0 && reason[0] != "" {
			text = reason[0]
		}
		e := r.event(c, "registration.end", caseSubject(id), text, map[string]any{"outcome": outcome, "from": row.State})
		row.Outcome, row.Waiting, row.Token, row.TokenUntil, row.Desk, row.Phone, row.Number = outcome, "", nil, nil, nil, nil, ""
		row.Ticket, row.Envelope, row.CardDigest, row.Passkey = nil, nil, nil, nil
		if row.Account == nil {
			return []audit.Event{e}, nil
		}
		if row.standing() { // the account was there before, and stays
			return []audit.Event{e}, r.people.Forget(ctx, tx, row.ID)
		}
		account := *row.Account
		row.Account = nil
		to, err := next("case", row.State, a)
		if err != nil {
			return nil, err
		}
		if err := r.people.Forget(ctx, tx, account); err != nil {
			return nil, err
		}
		if r.cfg.Notices != nil {
			if err := notification.Forget(ctx, tx, account); err != nil {
				return nil, err
			}
		}
		return []audit.Event{e}, deleteAccount(ctx, tx, account, id, to)
	})
	if err != nil {
		return wrap("end case", err)
	}
	if enrolment != "" { // it ends by itself too
		if err := r.cfg.Activation.CancelEnrolment(ctx, enrolment); err != nil {
			r.cfg.Log.Info("enrolment of an ended case was not cancelled", "case", id, "err", err)
		}
	}
	return nil
}
