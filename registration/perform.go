package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/personal"
	"chop/registration/steps"
)

// errLater: a step is not to be done yet.
var errLater = errors.New("not yet")

// operation is an act's steps, in order. Each may be done twice.
type operation []struct {
	name string
	do   func(*Registry, context.Context, *steps.Operation, *accountRow) error
}

// operations: suspending stops signing first and closes the door to the portal
// next; resuming begins where two officers' order is judged, so that one that is
// refused has changed nothing.
var operations = map[string]operation{
	"suspend": {{"activation", suspendCredential}, {"sessions", endSessions}, {"certificate", holdCertificate}, {"activation-again", suspendAgain}},
	"resume":  {{"activation", resumeCredential}, {"certificate", releaseCertificate}, {"account", resumeAccount}},
	"replace": {{"activation", destroyReplaced}, {"sessions", endSessions}, {"certificate", revokeReplaced}},
	"upgrade": {{"sessions", endSessions}},
	"close":   {{"activation", destroyCredential}, {"sessions", endSessions}, {"certificate", revokeCertificate}, {"data", forgetContact}},
}

// perform does the steps of an operation that are not marked. ErrUnfinished: one
// failed, and housekeeping tries it again; or another process is at it.
func (r *Registry) perform(ctx context.Context, id string) error {
	o, err := r.steps.Lease(ctx, id)
	switch {
	case errors.Is(err, steps.ErrLeased):
		return ErrUnfinished
	case errors.Is(err, steps.ErrNone): // done meanwhile, or dropped by what came after
		return nil
	case err != nil:
		return err
	}
	for _, s := range operations[o.Kind] {
		if slices.Contains(o.Done, s.name) {
			continue
		}
		a, err := r.store.account(ctx, o.Account)
		if err == nil {
			err = s.do(r, ctx, o, a)
		}
		if errors.Is(err, ErrPermanent) && o.Kind == "resume" && s.name == "activation" {
			return errors.Join(ErrForbidden, err, r.dropped(ctx, o))
		}
		later := errors.Is(err, errLater)
		if err == nil {
			err = r.steps.Mark(ctx, o, s.name)
		}
		switch {
		case errors.Is(err, steps.ErrNone): // dropped while we worked: a suspension came, which repeats its own step
			return nil
		case err != nil:
			if !later {
				r.cfg.Log.Warn("an operation is not finished", "operation", o.ID, "kind", o.Kind, "step", s.name, "err", err)
			}
			if failed := r.steps.Release(ctx, o); failed != nil {
				return errors.Join(ErrUnfinished, failed)
			}
			if later { // all that matters now is done
				return nil
			}
			return fmt.Errorf("%w: %s", ErrUnfinished, s.name)
		}
	}
	return r.finished(ctx, o, steps.Done)
}

func (r *Registry) finished(ctx context.Context, o *steps.Operation, to steps.State) error {
	err := r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		held, err := r.steps.Lock(ctx, tx, o.ID, steps.Open)
		if err != nil {
			return nil, err
		}
		held.State = to
		e := r.event(Caller{Actor: o.Actor, Role: o.Role, Place: o.Place}, "registration."+o.Kind+"-"+string(to), accountSubject(o.Account), o.Reason,
			map[string]any{"operation": o.ID, "steps": held.Done})
		return []audit.Event{e}, r.steps.Update(ctx, tx, held)
	})
	if errors.Is(err, steps.ErrNone) {
		return nil
	}
	return wrap("finish "+o.Kind, err)
}

func (r *Registry) dropped(ctx context.Context, o *steps.Operation) error {
	return r.finished(ctx, o, steps.Dropped)
}

// by is who the activation process is told to have acted.
func by(o *steps.Operation) string {
	if rest, ok := cutActor(o.Actor); ok {
		return "resident:" + rest
	}
	return o.Actor
}

func cutActor(actor string) (string, bool) {
	const prefix = "account:"
	if len(actor) > len(prefix) && actor[:len(prefix)] == prefix {
		return actor[len(prefix):], true
	}
	return "", false
}

func suspendCredential(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	if a.Credential == nil {
		return nil
	}
	return r.cfg.Activation.Suspend(ctx, *a.Credential, by(o), o.Reason)
}

func suspendAgain(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	var s suspension
	if err := json.Unmarshal(o.Payload, &s); err != nil {
		return fmt.Errorf("read suspension: %w", err)
	}
	switch {
	case s.Again.IsZero():
		return nil
	case r.cfg.Now().Before(s.Again):
		return errLater
	case a.State != Suspended: // resumed properly since
		return nil
	}
	return suspendCredential(r, ctx, o, a)
}

func endSessions(r *Registry, ctx context.Context, o *steps.Operation, _ *accountRow) error {
	if r.cfg.Sessions == nil {
		return nil
	}
	return r.cfg.Sessions.EndSessions(ctx, o.Account)
}

func onCertificate(a *accountRow, do func(serial *big.Int) error) error {
	if a.Serial == nil {
		return nil
	}
	return do(new(big.Int).SetBytes(a.Serial))
}

func holdCertificate(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	return onCertificate(a, func(s *big.Int) error { return r.cfg.Certificates.Hold(ctx, o.Actor, s, o.Reason) })
}

func releaseCertificate(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	return onCertificate(a, func(s *big.Int) error { return r.cfg.Certificates.Release(ctx, o.Actor, s, o.Reason) })
}

func revokeCertificate(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	return onCertificate(a, func(s *big.Int) error { return r.cfg.Certificates.Revoke(ctx, o.Actor, s, o.Reason) })
}

func destroyCredential(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	if a.Credential == nil {
		return nil
	}
	return r.cfg.Activation.Destroy(ctx, *a.Credential, by(o), o.Reason)
}

func resumeCredential(r *Registry, ctx context.Context, o *steps.Operation, a *accountRow) error {
	if a.Credential == nil { // a Lite account
		return nil
	}
	var order pendingOrder
	if err := json.Unmarshal(o.Payload, &order); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	signed, err := order.signed()
	if err != nil {
		return err
	}
	return r.cfg.Activation.Resume(ctx, *a.Credential, signed)
}

// resumeAccount opens the door again, last, and tells the holder.
func resumeAccount(r *Registry, ctx context.Context, o *steps.Operation, _ *accountRow) error {
	return r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, o.Account)
		if err != nil {
			return nil, err
		}
		if _, err := r.steps.Lock(ctx, tx, o.ID, steps.Open); err != nil {
			return nil, err // a suspension came
		}
		if a.State == Active { // done before the crash
			return nil, nil
		}
		if a.State, err = next("account", a.State, actResume); err != nil {
			return nil, err
		}
		a.ChangedAt = r.cfg.Now()
		if err := updateAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		c := Caller{Actor: o.Actor, Role: o.Role, Place: o.Place}
		if err := r.note(ctx, tx, c, a.ID, "resumed"); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.resume", accountSubject(a.ID), o.Reason, map[string]any{"operation": o.ID})},
			r.notify(ctx, tx, a.ID, notification.Resumed, map[string]string{"place": o.Place})
	})
}

// forgetContact deletes what reaches and what finds the person of a closed account.
func forgetContact(r *Registry, ctx context.Context, o *steps.Operation, _ *accountRow) error {
	sealed, err := r.people.Prepare(ctx, o.Account, map[string]string{fieldPhone: "", fieldEmail: ""},
		map[personal.LookupKind]string{personal.HKIC: "", personal.Phone: "", personal.Email: "", personal.Code: ""})
	if err != nil {
		return err
	}
	return r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if _, _, err := removePasskeys(ctx, tx, o.Account, nil, nil); err != nil {
			return nil, err
		}
		return nil, r.people.Put(ctx, tx, sealed)
	})
}
