package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/hkic"
	"chop/registration/personal"
	"chop/registration/steps"
)

// Registering again on another phone is a case like the one that opened the account: the
// card, the second officer, Immigration, the phone, the ticket. What differs is here.
//
//   - Until the case is done, its data and the new phone's sign-in passkey lie under the
//     case: the account, and its old device, are as they were.
//   - As soon as Immigration has matched the data, the holder is told, by every contact
//     that was known before, with a link that stops everything.
//   - The officer's ticket is the moment of re-binding. In the transaction that records it
//     the account is suspended and the old device's end is intended; the old sealed key
//     is deleted before the activation process gets the ticket for a new one. There is
//     no time at which both could sign.
//   - A stop by anybody, after the case was opened, ends it; a key that was made meanwhile is destroyed.
//   - While the old device can sign, no officer does this alone.

// Purpose of a case.
type Purpose string

// The purposes.
const (
	Opening   Purpose = "open"    // a new account
	Replacing Purpose = "replace" // another phone for an account
	Upgrading Purpose = "upgrade" // a Lite account becomes full
)

// outcomeStopped is that of a replacing case whose account was stopped, or closed, meanwhile.
const outcomeStopped = "stopped"

// errStopped: see halted.
var errStopped = errors.New("the account was stopped meanwhile")

// OpenReplacement opens a case at the caller's place for a person who has an account and another phone than before.
func (r *Registry) OpenReplacement(ctx context.Context, c Caller) (*Case, error) {
	if err := r.authorize(ctx, c, "re-register", ""); err != nil {
		return nil, err
	}
	return r.openCase(ctx, c, Full, Replacing)
}

// owner is under whose key a case's data lie: the account that it opens, or the case itself.
func (row *caseRow) owner() string {
	if row.standing() {
		return row.ID
	}
	return value(row.Account)
}

// found is the account that a replacing case is about, by the card's number. ErrNoAccount, ErrState.
func (r *Registry) found(ctx context.Context, c Caller, row *caseRow, n hkic.Number) (*accountRow, error) {
	owners, err := r.people.Find(ctx, personal.HKIC, n.Normal())
	if err != nil {
		return nil, r.tampered(ctx, err)
	}
	if len(owners) != 1 || row.Account != nil && *row.Account != owners[0] {
		return nil, r.refuse(ctx, c, "enter-card", caseSubject(row.ID), ErrNoAccount)
	}
	a, err := r.store.account(ctx, owners[0])
	if err != nil {
		return nil, err
	}
	if _, err := next("account", a.State, actRebind); err != nil || a.Kind != Full || a.Credential == nil {
		return nil, r.refuse(ctx, c, "enter-card", caseSubject(row.ID), errors.Join(ErrState, err))
	}
	return a, nil
}

// keepReplacement seals a replacing case's data under the case.
func (r *Registry) keepReplacement(ctx context.Context, c Caller, row *caseRow, card hkic.Card, contact Contact) (*caseRow, error) {
	if contact.Phone != "" || contact.Email != "" {
		return nil, fmt.Errorf("%w: it is changed by its holder, on the portal", ErrContact)
	}
	account, err := r.found(ctx, c, row, card.Number)
	if err != nil {
		return nil, err
	}
	sealed, err := r.people.Prepare(ctx, row.ID, cardFields(card), nil)
	if err != nil {
		return nil, err
	}
	digest, err := r.cardDigest(ctx, row.ID, card)
	if err != nil {
		return nil, err
	}
	return r.step(ctx, row.ID, actEnter, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account.ID)
		if err != nil {
			return nil, err
		}
		row.Account, row.CardDigest, row.Replaces, row.DeviceActive = &a.ID, digest, a.Credential, a.State == Active
		return []audit.Event{r.event(c, "registration.enter", caseSubject(row.ID), "", map[string]any{
			"account": a.ID, "purpose": Replacing, "device_active": row.DeviceActive,
		})}, r.people.Put(ctx, tx, sealed)
	})
}

// warn tells the holder that somebody is registering a phone for their account.
func (r *Registry) warn(ctx context.Context, tx postgres.Tx, c Caller, row *caseRow) error {
	if !row.standing() {
		return nil
	}
	if err := r.note(ctx, tx, c, *row.Account, "re-registering"); err != nil {
		return err
	}
	return r.notify(ctx, tx, *row.Account, notification.DeviceReplacing, map[string]string{"place": row.Place})
}

// halted: its holder stopped the account, or closed it, after the case was opened.
func (row *caseRow) halted(a *accountRow) bool {
	return a.State == Closed || a.StoppedAt != nil && a.StoppedAt.After(row.OpenedAt)
}

// mayRebind refuses a replacement by one officer while the old device can sign. ErrFourEyes.
func (row *caseRow) mayRebind(a *accountRow) error {
	switch {
	case row.halted(a):
		return fmt.Errorf("%w: %w", ErrState, errStopped)
	case (a.State == Active || row.DeviceActive) && row.Second == nil:
		return ErrFourEyes
	case value(row.Replaces) != value(a.Credential):
		return fmt.Errorf("%w: the device was replaced meanwhile", ErrState)
	}
	return nil
}

// replacement is what a replace operation carries: the device whose end was decided.
type replacement struct {
	Case       string `json:"case"`
	Credential string `json:"credential"`
	Serial     []byte `json:"serial"`
}

// rebind decides the old device's end, in the transaction that records the ticket. From
// here on the account cannot sign in or sign until the new phone has its certificate.
func (r *Registry) rebind(ctx context.Context, tx postgres.Tx, c Caller, row *caseRow) (operation string, err error) {
	a, err := lockAccount(ctx, tx, *row.Account)
	if err != nil {
		return "", err
	}
	if err := row.mayRebind(a); err != nil {
		return "", err
	}
	if a.State, err = next("account", a.State, actRebind); err != nil {
		return "", err
	}
	a.ChangedAt = r.cfg.Now()
	if err := updateAccount(ctx, tx, a); err != nil {
		return "", err
	}
	// An earlier suspension that is not finished is at its end too: what is left of it is about whatever device the account has then.
	for _, kind := range []string{"resume", "suspend"} {
		if _, err := r.steps.DropOthers(ctx, tx, a.ID, kind); err != nil {
			return "", err
		}
	}
	op := &steps.Operation{Account: a.ID, Kind: "replace", State: steps.Open, Actor: c.Actor, Role: c.Role, Place: c.Place, Reason: "another device"}
	if op.Payload, err = json.Marshal(replacement{row.ID, *a.Credential, a.Serial}); err != nil {
		return "", err
	}
	if err := r.steps.Begin(ctx, tx, op); err != nil {
		return "", err
	}
	return op.ID, r.note(ctx, tx, c, a.ID, "suspended")
}

func replaced(o *steps.Operation) (p replacement, err error) {
	if err = json.Unmarshal(o.Payload, &p); err != nil {
		err = fmt.Errorf("read replacement: %w", err)
	}
	return p, err
}

// destroyReplaced deletes the old device's sealed key.
func destroyReplaced(r *Registry, ctx context.Context, o *steps.Operation, _ *accountRow) error {
	p, err := replaced(o)
	if err != nil {
		return err
	}
	return r.cfg.Activation.Destroy(ctx, p.Credential, by(o), o.Reason)
}

// revokeReplaced revokes the old device's certificate: superseded (RFC 5280, 5.3.1).
func revokeReplaced(r *Registry, ctx context.Context, o *steps.Operation, _ *accountRow) error {
	p, err := replaced(o)
	if err != nil {
		return err
	}
	return onCertificate(&accountRow{Serial: p.Serial}, func(s *big.Int) error { return r.cfg.Certificates.Supersede(ctx, o.Actor, s, o.Reason) })
}

// cleared makes sure that the old device is gone before there is a new one, and that nobody stopped the account.
func (r *Registry) cleared(ctx context.Context, row *caseRow) (stopped bool, _ *stuck) {
	if !row.standing() {
		return false, nil
	}
	a, err := r.store.account(ctx, *row.Account)
	if err != nil {
		return false, &stuck{"database", err}
	}
	if row.Purpose == Upgrading {
		return row.mayUpgrade(a) != nil, nil
	}
	if row.halted(a) {
		return true, nil
	}
	return false, party("activation", r.cfg.Activation.Destroy(ctx, value(row.Replaces), "system:registration", "another device"))
}

// abandon ends a replacing or upgrading case whose account was stopped: what it made is destroyed.
func (r *Registry) abandon(ctx context.Context, row *caseRow, serial *big.Int) *stuck {
	if row.Credential != nil {
		if err := r.cfg.Activation.Destroy(ctx, *row.Credential, "system:registration", outcomeStopped); err != nil {
			return &stuck{"activation", err}
		}
	}
	if serial != nil {
		if err := r.cfg.Certificates.Revoke(ctx, System.Actor, serial, outcomeStopped); err != nil {
			return &stuck{"certificates", err}
		}
	}
	return party("database", r.end(ctx, System, row.ID, actEnd, outcomeStopped))
}

// prepareTaken seals the data of a case that is about a standing account under the account, for the transaction that completes it.
func (r *Registry) prepareTaken(ctx context.Context, row *caseRow) (*personal.Prepared, error) {
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, err
	}
	fields := cardFields(held.card)
	fields[fieldImmd] = string(held.immd)
	if row.Purpose != Upgrading {
		return r.people.Prepare(ctx, value(row.Account), fields, nil)
	}
	fields[fieldPhone], fields[fieldEmail] = held.contact.Phone, held.contact.Email
	return r.people.Prepare(ctx, value(row.Account), fields,
		map[personal.LookupKind]string{personal.Phone: held.contact.Phone, personal.Email: held.contact.Email, personal.Code: ""})
}

// take gives a standing account what its case has: data, passkey, and takes away what the old phone signed in with.
func (r *Registry) take(ctx context.Context, tx postgres.Tx, row *caseRow, a *accountRow, sealed *personal.Prepared) error {
	if row.halted(a) {
		return errStopped
	}
	var p Passkey
	if err := json.Unmarshal(row.Passkey, &p); err != nil {
		return fmt.Errorf("read the phone's passkey: %w", err)
	}
	if _, _, err := removePasskeys(ctx, tx, a.ID, nil, nil); err != nil {
		return err
	}
	if _, err := putPasskey(ctx, tx, a.ID, p, r.cfg.Now()); err != nil {
		return err
	}
	if err := r.people.Put(ctx, tx, sealed); err != nil {
		return err
	}
	row.Passkey = nil
	return r.people.Forget(ctx, tx, row.ID)
}

// keepPasskey keeps a replacing case's sign-in passkey until the case is done. ErrPasskey if it is another account's.
func (r *Registry) keepPasskey(ctx context.Context, row *caseRow, p Passkey) error {
	known, err := r.store.passkey(ctx, p.ID)
	if err == nil && known.Account != value(row.Account) {
		return ErrPasskey
	}
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return err
	}
	p.AddedAt, p.UsedAt = r.cfg.Now(), time.Time{}
	row.Passkey, err = json.Marshal(p)
	return err
}

// hasPasskey: the phone has made what it will sign in with.
func (r *Registry) hasPasskey(ctx context.Context, row *caseRow) (bool, error) {
	if row.standing() && row.State != Done {
		return row.Passkey != nil, nil
	}
	keys, err := r.store.passkeys(ctx, value(row.Account))
	return len(keys) > 0, err
}
