package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/attempts"
	"chop/registration/personal"
	"chop/registration/steps"
)

// Limits of tries with suspension codes that are nobody's: from one network, and from all.
var (
	limitCode    = attempts.Limit{Kind: "code-place", Most: 10, Window: time.Hour}
	limitCodeAll = attempts.Limit{Kind: "code-all", Most: 300, Window: time.Hour}
)

// SuspensionCode makes a new code, ten digits as 12345-67890, shown once; only a
// keyed digest is kept, and the old code is void.
func (r *Registry) SuspensionCode(ctx context.Context, c Caller, account string) (string, error) {
	if err := r.own(ctx, c, account, "suspension-code"); err != nil {
		return "", err
	}
	for try := 0; ; try++ {
		code := randomDigits(10)
		sealed, err := r.people.Prepare(ctx, account, nil, map[personal.LookupKind]string{personal.Code: code})
		if err != nil {
			return "", fmt.Errorf("make suspension code: %w", err)
		}
		err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
			a, err := lockAccount(ctx, tx, account)
			if err != nil {
				return nil, err
			}
			if a.State != Active {
				return nil, fmt.Errorf("%w: the account is %s", ErrState, a.State)
			}
			if err := r.people.Put(ctx, tx, sealed); err != nil {
				return nil, err
			}
			return []audit.Event{r.event(c, "registration.code", accountSubject(account), "", nil)}, r.note(ctx, tx, c, account, "suspension-code")
		})
		switch {
		case (errors.Is(err, personal.ErrTaken) || errors.Is(err, personal.ErrStale)) && try < 5:
			continue
		case err != nil:
			return "", wrap("make suspension code", err)
		}
		return code[:5] + "-" + code[5:], nil
	}
}

// byCode finds the account of a suspension code, "" for none.
func (r *Registry) byCode(ctx context.Context, code string) (string, error) {
	digits := make([]byte, 0, 10)
	for _, c := range []byte(code) {
		switch {
		case c >= '0' && c <= '9' && len(digits) < 10:
			digits = append(digits, c)
		case c != ' ' && c != '-':
			return "", nil
		}
	}
	if len(digits) != 10 {
		return "", nil
	}
	owners, err := r.people.Find(ctx, personal.Code, string(digits))
	if err != nil {
		return "", r.tampered(ctx, err)
	}
	if len(owners) != 1 {
		return "", nil
	}
	return owners[0], nil
}

// SuspendByCode suspends without the phone and without signing in. network is
// where the request comes from; only its digest is used, for limits. ErrProof,
// ErrTooMany, ErrUnfinished.
func (r *Registry) SuspendByCode(ctx context.Context, code, network string) error {
	place, err := r.people.Digest(ctx, "network", network)
	if err != nil {
		return err
	}
	c := Caller{Actor: "unknown", Role: "resident", Place: "portal"}
	key := fmt.Sprintf("%x", place[:16])
	if err := r.attempts.Take(ctx, limitCode, key, who(c)); err != nil {
		return err
	}
	account, err := r.byCode(ctx, code)
	if err != nil {
		return err
	}
	if account == "" {
		if err := r.attempts.Take(ctx, limitCodeAll, "portal", who(c)); err != nil {
			return err
		}
		return r.refuse(ctx, c, "suspend-by-code", "", ErrProof)
	}
	return r.suspend(ctx, Caller{Actor: "account:" + account, Role: "resident", Place: "portal"}, account, "suspension code", nil)
}

// SuspendSelf stops sign-in and signing at once, by the resident. ErrUnfinished.
func (r *Registry) SuspendSelf(ctx context.Context, c Caller, account, reason string) error {
	if err := r.own(ctx, c, account, "suspend"); err != nil {
		return err
	}
	return r.suspend(ctx, c, account, reason, nil)
}

// Suspend stops sign-in and signing at once, by an officer who has verified the
// caller; token is VerifyCaller's, and is used up. ErrProof, ErrUnfinished.
func (r *Registry) Suspend(ctx context.Context, c Caller, account, token, reason string) error {
	if err := r.authorize(ctx, c, "suspend", accountSubject(account)); err != nil {
		return err
	}
	if reason == "" {
		return fmt.Errorf("suspend: %w: a reason is wanted", ErrForbidden)
	}
	err := r.suspend(ctx, c, account, reason, func(tx postgres.Tx) error {
		return takeProved(ctx, tx, digest("caller", token), account, c.Officer(), r.cfg.Now())
	})
	if errors.Is(err, ErrProof) {
		return r.refuse(ctx, c, "suspend", accountSubject(account), ErrProof)
	}
	return err
}

// suspension is what a suspend operation carries.
type suspension struct {
	// Again is when the credential is to be suspended a second time: a resumption was
	// under way in some process, and its last word may arrive after our first.
	Again time.Time `json:"again,omitzero"`
}

// suspend decides and records the suspension, and then does its steps: what stops
// signing first. An account that is suspended already is suspended again, which
// completes what was not.
func (r *Registry) suspend(ctx context.Context, c Caller, account, reason string, permit func(postgres.Tx) error) error {
	op := &steps.Operation{Account: account, Kind: "suspend", State: steps.Open, Actor: c.Actor, Role: c.Role, Place: c.Place, Reason: reason}
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if permit != nil {
			if err := permit(tx); err != nil {
				return nil, err
			}
		}
		first := a.State != Suspended
		if first {
			if a.State, err = next("account", a.State, actSuspend); err != nil {
				return nil, err
			}
		}
		now := r.cfg.Now()
		a.ChangedAt, a.StoppedAt = now, &now
		if err := updateAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		again, err := r.steps.DropOthers(ctx, tx, account, "resume")
		if err != nil {
			return nil, err
		}
		op.ID = ""
		if op.Payload, err = json.Marshal(suspension{again}); err != nil {
			return nil, err
		}
		if err := r.steps.Begin(ctx, tx, op); err != nil {
			return nil, err
		}
		e := r.event(c, "registration.suspend", accountSubject(account), reason, map[string]any{"operation": op.ID})
		if !first {
			return []audit.Event{e}, nil
		}
		if err := r.note(ctx, tx, c, account, "suspended"); err != nil {
			return nil, err
		}
		return []audit.Event{e}, r.notify(ctx, tx, account, notification.Suspended, map[string]string{"place": c.Place})
	})
	if err != nil {
		return wrap("suspend", err)
	}
	return r.perform(ctx, op.ID)
}

// Close ends an account for ever, by its holder: its key is destroyed, its
// certificate revoked, and what reaches the person is deleted. The card's data stay
// sealed for as long as certificates must be traceable. ErrUnfinished.
func (r *Registry) Close(ctx context.Context, c Caller, account, reason string) error {
	if err := r.own(ctx, c, account, "close"); err != nil {
		return err
	}
	op := &steps.Operation{Account: account, Kind: "close", State: steps.Open, Actor: c.Actor, Role: c.Role, Place: c.Place, Reason: reason}
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if a.State == Pending {
			return nil, fmt.Errorf("%w: its case is not complete", ErrState)
		}
		if a.State, err = next("account", a.State, actClose); err != nil {
			return nil, err
		}
		a.ChangedAt = r.cfg.Now()
		if err := updateAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		for _, kind := range []string{"resume", "suspend"} {
			if _, err := r.steps.DropOthers(ctx, tx, account, kind); err != nil {
				return nil, err
			}
		}
		op.ID = ""
		if err := r.steps.Begin(ctx, tx, op); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.close", accountSubject(account), reason, map[string]any{"operation": op.ID})}, r.note(ctx, tx, c, account, "closed")
	})
	if err != nil {
		return wrap("close", err)
	}
	return r.perform(ctx, op.ID)
}
