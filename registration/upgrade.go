package registration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/hkic"
	"chop/registration/steps"
)

// A Lite account becomes a full one by a case that the card's chip opens, at a kiosk or a counter: the same proof as
// for a new account. It is the account of the card's holder whoever opened it on a phone, so the chip's data and
// the phone that scans take the place of what was there: on the phone that the account was opened with, its passkey
// is made anew under the same name; what signed in elsewhere does so no more, and contact and suspension code
// go, for they are the opener's: the case's own contact, if one was given, takes their place. Until the case is done the
// account is as it was. One that was suspended before the case was opened is active again with it.

// standing: the case is about an account that was there before, and stays if the case ends.
func (row *caseRow) standing() bool { return row.Purpose != Opening }

// upgradable: a Lite account that is neither pending nor closed.
func (a *accountRow) upgradable() bool {
	_, err := next("account", a.State, actUpgrade)
	return err == nil && a.Kind == Lite
}

// upgradable is the Lite account that a card's chip makes full; nil if the number's owners are anything else.
func (r *Registry) upgradable(ctx context.Context, owners []string) (*accountRow, error) {
	if len(owners) != 1 {
		return nil, nil
	}
	a, err := r.store.account(ctx, owners[0])
	if errors.Is(err, ErrNoAccount) || err == nil && !a.upgradable() {
		return nil, nil
	}
	return a, err
}

// openUpgrade writes a case that upgrades an account, with the card's data, and the contact given beside it, under the case.
func (r *Registry) openUpgrade(ctx context.Context, c Caller, id string, card hkic.Card, contact Contact, account string) (*caseRow, error) {
	fields := cardFields(card)
	fields[fieldPhone], fields[fieldEmail] = contact.Phone, contact.Email
	sealed, err := r.people.Prepare(ctx, id, fields, nil)
	if err != nil {
		return nil, err
	}
	digest, err := r.cardDigest(ctx, id, card)
	if err != nil {
		return nil, err
	}
	state, err := next("case", Opened, actChip)
	if err != nil {
		return nil, err
	}
	now := r.cfg.Now()
	row := &caseRow{
		ID: id, Account: &account, Kind: Full, Purpose: Upgrading, State: state, Place: c.Place, Source: sourceChip, Officer: opener(c),
		Nonce: make([]byte, 32), CardDigest: digest, OpenedAt: now, ChangedAt: now, ExpiresAt: now.Add(caseLife),
	}
	rand.Read(row.Nonce)
	return row, r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if err := row.mayUpgrade(a); err != nil {
			return nil, err
		}
		if err := insertCase(ctx, tx, row); err != nil {
			return nil, err
		}
		e := r.event(c, "registration.open", caseSubject(id), "", map[string]any{"kind": Full, "source": sourceChip, "account": account, "purpose": Upgrading})
		return []audit.Event{e}, r.people.Put(ctx, tx, sealed)
	})
}

// mayUpgrade refuses an account that is no Lite account any more, or was stopped after the case was opened.
func (row *caseRow) mayUpgrade(a *accountRow) error {
	if row.halted(a) {
		return fmt.Errorf("%w: %w", ErrState, errStopped)
	}
	if !a.upgradable() {
		return fmt.Errorf("%w: the account is %s and %s", ErrState, a.Kind, a.State)
	}
	return nil
}

// shut decides, in the transaction that completes an upgrade, the end of what there was before: its sessions, which
// passkeys began that sign in no more, and what is left of a suspension or a resumption, which is about an account without a key.
func (r *Registry) shut(ctx context.Context, tx postgres.Tx, row *caseRow) (operation string, err error) {
	for _, kind := range []string{"resume", "suspend"} {
		if _, err := r.steps.DropOthers(ctx, tx, *row.Account, kind); err != nil {
			return "", err
		}
	}
	c := row.openedBy()
	op := &steps.Operation{Account: *row.Account, Kind: "upgrade", State: steps.Open, Actor: c.Actor, Role: c.Role, Place: c.Place, Reason: "upgraded"}
	err = r.steps.Begin(ctx, tx, op)
	return op.ID, err
}
