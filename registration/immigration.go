package registration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/immd"
)

// Verify asks the Immigration Department about confirmed data. Its signed answer
// is kept, sealed. ErrImmigration: nobody can be asked who can be believed; the
// case waits, says so, and nothing is approved: call again. ErrRefused: the
// answer ended the case, whose Outcome says why.
func (r *Registry) Verify(ctx context.Context, c Caller, id string) (*Case, error) {
	row, err := r.mine(ctx, c, "verify", id)
	if err != nil {
		return nil, err
	}
	if isKiosk(c) {
		return nil, r.refuse(ctx, c, "verify", caseSubject(id), fmt.Errorf("%w: at a kiosk a face is wanted", ErrForbidden))
	}
	return r.verify(ctx, c, row)
}

// verify is Verify of a case that is the caller's.
func (r *Registry) verify(ctx context.Context, c Caller, row *caseRow) (*Case, error) {
	answer, err := r.onRecord(ctx, c, row)
	if err != nil {
		return nil, err
	}
	return r.verified(ctx, c, row, answer)
}

// onRecord asks about a case's data, and ends the case unless they match.
func (r *Registry) onRecord(ctx context.Context, c Caller, row *caseRow) (*immd.Answer, error) {
	id := row.ID
	if _, err := next("case", row.State, actVerify); err != nil {
		return nil, err
	}
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return nil, err
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return nil, err
	}
	answer, err := r.cfg.Immigration.Verify(ctx, immd.Query{Card: held.card, Reference: a.SRN})
	if err != nil {
		return nil, errors.Join(ErrImmigration, r.waits(ctx, c, id, err))
	}
	if answer.Result != immd.Match {
		e := r.event(c, "registration.immigration", caseSubject(id), "", answered(answer))
		if err := r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) { return []audit.Event{e}, nil }); err != nil {
			return nil, fmt.Errorf("record immigration's answer: %w", err)
		}
		return nil, errors.Join(ErrRefused, r.end(ctx, c, id, actRefuse, string(answer.Result)))
	}
	return answer, nil
}

// answered is what is audited of the department's answer.
func answered(a *immd.Answer) map[string]any {
	return map[string]any{"result": a.Result, "answer": fmt.Sprintf("%x", sha256.Sum256(a.Signed))}
}

// verified keeps the answer that the data match, and moves the case on.
func (r *Registry) verified(ctx context.Context, c Caller, row *caseRow, answer *immd.Answer) (*Case, error) {
	sealed, err := r.people.Prepare(ctx, row.owner(), map[string]string{fieldImmd: string(answer.Signed)}, nil)
	if err != nil {
		return nil, err
	}
	digest := row.CardDigest
	after, err := r.step(ctx, row.ID, actVerify, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if string(row.CardDigest) != string(digest) {
			return nil, fmt.Errorf("%w: the data were changed meanwhile", ErrState)
		}
		row.Waiting = ""
		if err := r.warn(ctx, tx, c, row); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.immigration", caseSubject(row.ID), "", answered(answer))}, r.people.Put(ctx, tx, sealed)
	})
	if err != nil {
		return nil, wrap("verify", err)
	}
	return r.show(ctx, after), nil
}

// waits notes that the department does not answer. An answer that was not to be believed is an alarm.
func (r *Registry) waits(ctx context.Context, c Caller, id string, why error) error {
	untrusted := errors.Is(why, immd.ErrUntrusted)
	err := r.store.changeCase(ctx, id, func(tx postgres.Tx, row *caseRow) ([]audit.Event, error) {
		if row.State != Confirmed {
			return nil, ErrState
		}
		row.Waiting = "immigration"
		if untrusted {
			if err := r.attempts.Raise(ctx, tx, "immigration-untrusted", caseSubject(id), who(c)); err != nil {
				return nil, err
			}
		}
		return []audit.Event{r.event(c, "registration.wait", caseSubject(id), "", map[string]any{"for": "immigration", "untrusted": untrusted})}, nil
	})
	r.cfg.Log.Warn("the immigration department was not reached", "case", id, "err", why)
	return wrap("let case wait", err)
}
