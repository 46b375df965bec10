package registration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// ErrFilter says that a search names nothing exact: neither a status nor dates, or dates the wrong way round.
var ErrFilter = errors.New("a status or dates are wanted")

// maxFound bounds a page of a search.
const maxFound = 100

// Filter is what accounts or cases are searched by: exact values only, no personal datum.
type Filter struct {
	State    string    // an AccountState or a CaseState; empty: any
	From, To time.Time // when it was opened: from, and before; zero: any
	// After is the last one of the page before; empty: the first page. The newest come first.
	After string
}

func (f Filter) check() error {
	if f.State == "" && f.From.IsZero() && f.To.IsZero() || !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return ErrFilter
	}
	return nil
}

// Search lists accounts by status and date of opening, the newest first, at most 100.
// It is for roles that oversee; who serves people in person finds them one by one. ErrFilter.
func (r *Registry) Search(ctx context.Context, c Caller, f Filter) ([]*Account, error) {
	if err := r.maySearch(ctx, c, "accounts", f); err != nil {
		return nil, err
	}
	rows, err := r.store.searchAccounts(ctx, f)
	out := make([]*Account, len(rows))
	for i, a := range rows {
		out[i] = a.view()
	}
	return out, err
}

// SearchCases lists cases of all places in the same way, the newest first, at most 100. ErrFilter.
func (r *Registry) SearchCases(ctx context.Context, c Caller, f Filter) ([]*Case, error) {
	if err := r.maySearch(ctx, c, "cases", f); err != nil {
		return nil, err
	}
	rows, err := r.store.searchCases(ctx, f)
	return views(rows), err
}

// maySearch authorizes a search and audits what it is by.
func (r *Registry) maySearch(ctx context.Context, c Caller, what string, f Filter) error {
	if err := r.authorize(ctx, c, "search", ""); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return fmt.Errorf("search %s: %w", what, err)
	}
	detail := map[string]any{"what": what, "state": f.State, "from": f.From, "to": f.To, "after": f.After}
	err := r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) {
		return []audit.Event{r.event(c, "registration.search", "", "", detail)}, nil
	})
	return wrap("search "+what, err)
}

// direct finds the account of an account's or a case's own id; ok is false for other items.
func (r *Registry) direct(ctx context.Context, item Item, said string) (found []*Account, ok bool, err error) {
	switch item {
	case ItemAccount:
	case ItemCase:
		row, err := r.store.getCase(ctx, said)
		if errors.Is(err, ErrNoCase) || err == nil && row.Account == nil {
			return nil, true, nil
		}
		if err != nil {
			return nil, true, err
		}
		said = *row.Account
	default:
		return nil, false, nil
	}
	a, err := r.store.account(ctx, said)
	if errors.Is(err, ErrNoAccount) {
		return nil, true, nil
	}
	if err != nil {
		return nil, true, err
	}
	return []*Account{a.view()}, true, nil
}
