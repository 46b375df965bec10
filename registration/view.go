package registration

import (
	"context"
	"errors"
	"math/big"
	"strings"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/personal"
)

func (row *caseRow) view() *Case {
	return &Case{
		ID: row.ID, Account: value(row.Account), Kind: row.Kind, Purpose: row.Purpose, DeviceActive: row.DeviceActive, State: row.State, Place: row.Place, Source: row.Source,
		Officer: row.Officer, Second: value(row.Second),
		Waiting: row.Waiting, Outcome: row.Outcome, Number: row.Number, Enrolment: value(row.Enrolment), OpenedAt: row.OpenedAt, ExpiresAt: row.ExpiresAt,
	}
}

func (a *accountRow) view() *Account {
	out := &Account{
		ID: a.ID, Kind: a.Kind, State: a.State, SRN: a.SRN, UserHandle: a.UserHandle, Credential: value(a.Credential), Language: a.Language,
		Place: a.Place, Agreement: value(a.Agreement), OpenedAt: a.OpenedAt, ChangedAt: a.ChangedAt,
	}
	if a.Serial != nil {
		out.Serial = new(big.Int).SetBytes(a.Serial)
	}
	if a.ActiveAt != nil {
		out.ActiveAt = *a.ActiveAt
	}
	return out
}

// show is view with the masked number; a case whose data cannot be opened now goes without.
func (r *Registry) show(ctx context.Context, row *caseRow) *Case {
	c := row.view()
	if row.Account == nil {
		return c
	}
	owner := row.owner()
	if row.standing() && row.State.over() { // what lay under the case is the account's now, or erased
		owner = *row.Account
	}
	if held, err := r.person(ctx, owner); err == nil {
		c.HKIC = held.card.Number.String()
	} else if !errors.Is(err, ErrNoAccount) && ctx.Err() == nil { // deleted, by its date
		r.cfg.Log.Error("data of a case cannot be opened", "case", row.ID, "err", err)
	}
	return c
}

// Case returns a case at the caller's place, as it is now. Asking drives it on:
// what the activation process and the CA have done meanwhile is taken up.
func (r *Registry) Case(ctx context.Context, c Caller, id string) (*Case, error) {
	if err := r.authorizeOpener(ctx, c, "view-case", caseSubject(id)); err != nil {
		return nil, err
	}
	row, err := r.store.getCase(ctx, id)
	if err != nil {
		return nil, err
	}
	if row.Place != c.Place || isKiosk(c) && row.Officer != opener(c) {
		return nil, r.refuse(ctx, c, "view-case", caseSubject(id), ErrNoCase)
	}
	row, ready, err := r.drive(ctx, row)
	if err != nil {
		return nil, err
	}
	out := r.show(ctx, row)
	out.Ready = ready
	return out, nil
}

// Cases lists the open cases of the caller's place, newest first.
func (r *Registry) Cases(ctx context.Context, c Caller) ([]*Case, error) {
	if err := r.authorize(ctx, c, "view-case", ""); err != nil {
		return nil, err
	}
	rows, err := r.store.openCases(ctx, c.Place)
	return views(rows), err
}

// AccountCases lists an account's cases, newest first.
func (r *Registry) AccountCases(ctx context.Context, c Caller, account string) ([]*Case, error) {
	if err := r.authorize(ctx, c, "view-account", accountSubject(account)); err != nil {
		return nil, err
	}
	if _, err := r.store.account(ctx, account); err != nil {
		return nil, err
	}
	rows, err := r.store.casesOf(ctx, account)
	return views(rows), err
}

func views(rows []*caseRow) []*Case {
	out := make([]*Case, len(rows))
	for i, row := range rows {
		out[i] = row.view()
	}
	return out
}

// Find finds accounts by one exact value: HKIC, telephone, e-mail, reference
// number, or the id of the account or of a case. Each look-up counts against the officer's limit, and its holder sees it.
// ErrNoAccount.
func (r *Registry) Find(ctx context.Context, c Caller, item Item, value string) ([]*Account, error) {
	if err := r.authorize(ctx, c, "find", ""); err != nil {
		return nil, err
	}
	found, err := r.find(ctx, item, value)
	if err != nil {
		return nil, err
	}
	if err := r.looked(ctx, c, item, found); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoAccount
	}
	return found, nil
}

func (r *Registry) find(ctx context.Context, item Item, said string) ([]*Account, error) {
	if found, ok, err := r.direct(ctx, item, strings.TrimSpace(said)); ok {
		return found, err
	}
	v, ok := item.normal(said)
	kind := item.lookup()
	if !ok || kind == "" {
		return nil, nil
	}
	owners, err := r.people.Find(ctx, kind, v)
	if err != nil {
		return nil, r.tampered(ctx, err)
	}
	var found []*Account
	for _, o := range owners {
		a, err := r.store.account(ctx, o)
		if err != nil {
			return nil, err
		}
		found = append(found, a.view())
	}
	return found, nil
}

// tampered tells supervisors when a look-up row is not what was written.
func (r *Registry) tampered(ctx context.Context, err error) error {
	if errors.Is(err, personal.ErrSealed) {
		return r.alarm(ctx, System, "tampered", "lookup", err)
	}
	return err
}

// looked audits a look-up, with what it was by and whom it found, never the value, and shows it to those found.
func (r *Registry) looked(ctx context.Context, c Caller, item Item, found []*Account) error {
	return r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		ids := make([]string, len(found))
		for i, a := range found {
			ids[i] = a.ID
			if err := r.note(ctx, tx, c, a.ID, "looked-up"); err != nil {
				return nil, err
			}
		}
		return []audit.Event{r.event(c, "registration.find", "", "", map[string]any{"by": item, "accounts": ids})}, nil
	})
}

// Alarms lists what was reported to supervisors, newest first, at most limit.
func (r *Registry) Alarms(ctx context.Context, c Caller, limit int) ([]Alarm, error) {
	if err := r.authorize(ctx, c, "view-alarms", ""); err != nil {
		return nil, err
	}
	return r.attempts.Alarms(ctx, max(1, min(limit, 1000)))
}
