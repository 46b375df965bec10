package registration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/hkic"
	"chop/registration/personal"
)

// The sources of a case's data.
const (
	sourceKeyed = "keyed"
	sourceChip  = "chip"
)

// Kiosk is the caller of a kiosk, by its client certificate and the list of places.
func Kiosk(id, place string) Caller {
	return Caller{Actor: "kiosk:" + id, Role: "kiosk", Place: place}
}

func isKiosk(c Caller) bool {
	return strings.HasPrefix(c.Actor, "kiosk:") && c.Role == "kiosk" && c.Place != ""
}

// opener is how a case names who opened it. An officer's id has no colon.
func opener(c Caller) string {
	if isKiosk(c) {
		return c.Actor
	}
	return c.Officer()
}

// openedBy is who opened the case, as a caller.
func (row *caseRow) openedBy() Caller {
	if id, ok := strings.CutPrefix(row.Officer, "kiosk:"); ok {
		return Kiosk(id, row.Place)
	}
	return Caller{Actor: "officer:" + row.Officer, Place: row.Place}
}

// kioskActs are what a kiosk does with its own case, and nothing else.
var kioskActs = []string{"open-case", "view-case", "verify", "bind", "ticket", "cancel-case"}

// authorizeOpener is authorize for who opens cases: officers, and kiosks as far as they may.
func (r *Registry) authorizeOpener(ctx context.Context, c Caller, act, subject string) error {
	if !isKiosk(c) {
		return r.authorize(ctx, c, act, subject)
	}
	if !slices.Contains(kioskActs, act) {
		return r.refuse(ctx, c, act, subject, fmt.Errorf("%w: %s is not for kiosks", ErrForbidden, act))
	}
	return nil
}

// OpenChipCase opens a case from what a card's chip said and proved, with the
// account and its data, all or nothing. It is confirmed at once: data that are read
// and not typed need no second officer. id is the case's, a UUIDv7 of who asks;
// asked again with it, the case is the same. A number
// that has an active Lite account opens a case that upgrades it. ErrRegistered, ErrSelf, ErrRefused
// (too young), ErrContact.
func (r *Registry) OpenChipCase(ctx context.Context, c Caller, id string, data *hkic.CardData, contact Contact) (*Case, error) {
	if err := r.authorizeOpener(ctx, c, "open-case", caseSubject(id)); err != nil {
		return nil, err
	}
	card, err := data.Card().Check(r.cfg.Now())
	if err != nil {
		return nil, err
	}
	if contact, err = contact.normal(); err != nil {
		return nil, err
	}
	if officer := c.Officer(); officer != "" {
		if err := r.notSelf(ctx, c, officer, card.Number, caseSubject(id)); err != nil {
			return nil, err
		}
	}
	if !card.OldEnough(r.cfg.Now()) {
		return nil, r.refuse(ctx, c, "open-case", caseSubject(id), fmt.Errorf("%w: too young", ErrRefused))
	}
	if row, err := r.store.getCase(ctx, id); err == nil {
		return r.sameCase(ctx, c, row, card)
	} else if !errors.Is(err, ErrNoCase) {
		return nil, err
	}
	owners, err := r.people.Find(ctx, personal.HKIC, card.Number.Normal())
	if err != nil {
		return nil, err
	}
	lite, err := r.upgradable(ctx, owners)
	if err != nil {
		return nil, err
	}
	if lite != nil {
		row, err := r.openUpgrade(ctx, c, id, card, contact, lite.ID)
		if errors.Is(err, ErrRegistered) {
			return r.already(ctx, c, id, card)
		}
		if err != nil {
			return nil, wrap("open case from chip", err)
		}
		return r.show(ctx, row), nil
	}
	if len(owners) > 0 {
		return r.already(ctx, c, id, card)
	}
	for try := 0; ; try++ {
		row, err := r.keepChip(ctx, c, id, card, contact)
		switch {
		case errors.Is(err, errSRN) && try < 5:
			continue
		case errors.Is(err, personal.ErrTaken), errors.Is(err, ErrRegistered):
			return r.already(ctx, c, id, card)
		case err != nil:
			return nil, wrap("open case from chip", err)
		}
		return r.show(ctx, row), nil
	}
}

// already: the number has an account or an open case. It is this very one, where it was asked for twice at the same moment.
func (r *Registry) already(ctx context.Context, c Caller, id string, card hkic.Card) (*Case, error) {
	row, err := r.store.getCase(ctx, id)
	if errors.Is(err, ErrNoCase) {
		return nil, r.refuse(ctx, c, "open-case", caseSubject(id), ErrRegistered)
	}
	if err != nil {
		return nil, err
	}
	return r.sameCase(ctx, c, row, card)
}

// sameCase is the case that was opened before under the id, if it is this caller's and this card's.
func (r *Registry) sameCase(ctx context.Context, c Caller, row *caseRow, card hkic.Card) (*Case, error) {
	digest, err := r.cardDigest(ctx, row.ID, card)
	if err != nil {
		return nil, err
	}
	if row.Officer != opener(c) || row.Place != c.Place || string(row.CardDigest) != string(digest) {
		return nil, r.refuse(ctx, c, "open-case", caseSubject(row.ID), ErrNoCase)
	}
	return r.show(ctx, row), nil
}

// keepChip writes the case, its account and its sealed data in one transaction.
func (r *Registry) keepChip(ctx context.Context, c Caller, id string, card hkic.Card, contact Contact) (*caseRow, error) {
	a, sealed, digest, err := r.prepare(ctx, c, id, "", card, contact)
	if err != nil {
		return nil, err
	}
	state, err := next("case", Opened, actChip)
	if err != nil {
		return nil, err
	}
	now := r.cfg.Now()
	row := &caseRow{
		ID: id, Account: &a.ID, Kind: Full, Purpose: Opening, State: state, Place: c.Place, Source: sourceChip, Officer: opener(c), Nonce: make([]byte, 32),
		CardDigest: digest, OpenedAt: now, ChangedAt: now, ExpiresAt: now.Add(caseLife),
	}
	rand.Read(row.Nonce)
	return row, r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if err := insertAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		if err := insertCase(ctx, tx, row); err != nil {
			return nil, err
		}
		e := r.event(c, "registration.open", caseSubject(id), "", map[string]any{"kind": Full, "source": sourceChip, "account": a.ID})
		return []audit.Event{e}, r.people.Put(ctx, tx, sealed)
	})
}

// KioskCases lists the cases that AbandonCase would end, for whoever knows which session stands behind each.
func (r *Registry) KioskCases(ctx context.Context) ([]*Case, error) {
	rows, err := r.store.kioskCases(ctx)
	return views(rows), err
}

// AbandonCase ends a kiosk's case that nobody stands at any more. One that a phone
// was bound to goes on, or runs out by itself; one that is over or was never opened is no error.
func (r *Registry) AbandonCase(ctx context.Context, c Caller, id string) error {
	if _, err := r.store.getCase(ctx, id); errors.Is(err, ErrNoCase) {
		return nil
	}
	row, err := r.mine(ctx, c, "cancel-case", id)
	if err != nil {
		return err
	}
	if !slices.Contains([]CaseState{Confirmed, Verified, Scanned}, row.State) {
		return nil
	}
	r.tries.end(id)
	return r.end(ctx, c, id, actEnd, "abandoned")
}
