package registration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/notification"
	"chop/registration/immd"
	"chop/registration/personal"
)

// reasonImmigration: the Immigration Department wants a person to compare the face.
const reasonImmigration = "immigration-portrait"

// driveRemote asks Immigration about a case that has a face, under a lease: any number of
// processes may. Nobody who can be believed answers: the case waits, says so, and nothing is approved.
func (r *Registry) driveRemote(ctx context.Context, row *remoteRow) (*remoteRow, error) {
	if row.State != RemoteFaced {
		return row, nil
	}
	now := r.cfg.Now()
	leased, err := r.store.lease(ctx, remoteCases, row.ID, now, now.Add(driveTime))
	if err != nil || !leased {
		return row, err
	}
	err = r.immigration(ctx, row)
	pause := time.Duration(0)
	if errors.Is(err, immd.ErrUnavailable) {
		pause = max(time.Second, min(now.Sub(row.ChangedAt)/4, time.Minute))
		err = r.remoteWaits(ctx, row, err)
	}
	if errors.Is(err, ErrState) { // it moved on meanwhile
		row, err = r.store.remote(ctx, row.ID)
	}
	return row, errors.Join(err, r.store.release(ctx, remoteCases, row.ID, r.cfg.Now().Add(pause)))
}

// immigration asks for the data and for the portrait, and takes the answers up. row is the case as it is then.
func (r *Registry) immigration(ctx context.Context, row *remoteRow) error {
	held, err := r.person(ctx, value(row.Account))
	if err != nil {
		return err
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return err
	}
	answer, err := r.cfg.Immigration.Verify(ctx, immd.Query{Card: held.card, Reference: a.SRN})
	if err != nil {
		return err
	}
	detail := map[string]any{"result": answer.Result, "answer": fmt.Sprintf("%x", sha256.Sum256(answer.Signed))}
	if answer.Result != immd.Match {
		return r.refuseRemote(ctx, row, string(answer.Result), detail)
	}
	selfie, err := r.cfg.Remote.Photos.Open(row.ID, PhotoSelfie)
	if err != nil {
		return err
	}
	match, signed, err := r.cfg.Remote.Portraits.MatchPortrait(ctx, held.card, a.SRN, selfie)
	clear(selfie)
	if err != nil {
		return err
	}
	detail["portrait"], detail["portrait-answer"] = match, fmt.Sprintf("%x", sha256.Sum256(signed))
	if match != MatchPass && match != MatchRefer {
		return r.refuseRemote(ctx, row, "portrait", detail)
	}
	taken, err := r.numberTaken(ctx, value(row.Account), held)
	if err != nil {
		return err
	}
	if taken {
		return r.refuseRemote(ctx, row, "registered", detail)
	}
	sealed, err := r.people.Prepare(ctx, a.ID, map[string]string{fieldImmd: string(answer.Signed)}, nil)
	if err != nil {
		return err
	}
	to, reasons := actVerify, row.Reasons
	if match == MatchRefer {
		reasons = append(reasons, reasonImmigration)
	}
	if len(reasons) > 0 {
		to = actRefer
	}
	err = r.stepRemote(ctx, row, to, func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		c.Waiting, c.Reasons = "", reasons
		c.ExpiresAt = r.cfg.Now().Add(remoteLife)
		if to == actRefer {
			c.ExpiresAt = r.cfg.Now().Add(referralLife)
		}
		return []audit.Event{r.event(System, "registration.immigration", caseSubject(c.ID), "", detail)}, r.people.Put(ctx, tx, sealed)
	})
	if err != nil || to == actRefer {
		return err
	}
	return r.erasePhotos(ctx, row)
}

// refuseRemote records the department's answer, and ends the case.
func (r *Registry) refuseRemote(ctx context.Context, row *remoteRow, outcome string, detail map[string]any) error {
	e := r.event(System, "registration.immigration", caseSubject(row.ID), "", detail)
	if err := r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) { return []audit.Event{e}, nil }); err != nil {
		return fmt.Errorf("record immigration's answer: %w", err)
	}
	return r.endRemote(ctx, System, row, actRefuse, outcome)
}

// numberTaken says whether another account has the card's number.
func (r *Registry) numberTaken(ctx context.Context, account string, p *person) (bool, error) {
	owners, err := r.people.Find(ctx, personal.HKIC, p.card.Number.Normal())
	if err != nil {
		return false, r.tampered(ctx, err)
	}
	for _, o := range owners {
		if o != account {
			return true, nil
		}
	}
	return false, nil
}

// remoteWaits notes that the department does not answer. An answer that was not to be believed is an alarm.
func (r *Registry) remoteWaits(ctx context.Context, row *remoteRow, why error) error {
	untrusted := errors.Is(why, immd.ErrUntrusted)
	r.cfg.Log.Warn("the immigration department was not reached", "case", row.ID, "err", why)
	return r.store.changeRemote(ctx, row.ID, func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		if c.State != RemoteFaced {
			return nil, ErrState
		}
		first := c.Waiting == ""
		c.Waiting = "immigration"
		*row = *c
		if untrusted {
			if err := r.attempts.Raise(ctx, tx, "immigration-untrusted", caseSubject(c.ID), who(System)); err != nil {
				return nil, err
			}
		}
		if !first && !untrusted {
			return nil, nil
		}
		return []audit.Event{r.event(System, "registration.wait", caseSubject(c.ID), "", map[string]any{"for": "immigration", "untrusted": untrusted})}, nil
	})
}

// CompleteRemote takes the sign-in passkey, and makes the account active, all in one transaction: the number
// becomes the account's, its holder is told. ErrPasskey;
// ErrRefused: somebody was registered under the number meanwhile.
func (r *Registry) CompleteRemote(ctx context.Context, browser string, p Passkey) (*RemoteCase, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if _, err := next("remote", row.State, actComplete); err != nil {
		return nil, err
	}
	account := value(row.Account)
	held, err := r.person(ctx, account)
	if err != nil {
		return nil, err
	}
	a, err := r.store.account(ctx, account)
	if err != nil {
		return nil, err
	}
	sealed, err := r.people.Prepare(ctx, account, nil, map[personal.LookupKind]string{personal.HKIC: held.card.Number.Normal(), personal.SRN: a.SRN})
	if err != nil {
		return nil, err
	}
	c := remoteCaller(account)
	err = r.stepRemote(ctx, row, actComplete, func(tx postgres.Tx, row *remoteRow) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if a.State, err = next("account", a.State, actActivate); err != nil {
			return nil, err
		}
		now := r.cfg.Now()
		a.ActiveAt, a.ChangedAt = &now, now
		if err := updateAccount(ctx, tx, a); err != nil {
			return nil, err
		}
		if added, err := putPasskey(ctx, tx, account, p, now); err != nil || !added {
			return nil, errors.Join(ErrPasskey, err)
		}
		if err := r.people.Put(ctx, tx, sealed); err != nil {
			return nil, err
		}
		if err := r.note(ctx, tx, c, account, "account-opened"); err != nil {
			return nil, err
		}
		detail := map[string]any{"account": account, "notice": row.Notice, "officer": value(row.Officer)}
		return []audit.Event{r.event(c, "registration.remote-complete", caseSubject(row.ID), "", detail)}, r.notify(ctx, tx, account, notification.AccountOpened, nil)
	})
	if errors.Is(err, personal.ErrTaken) {
		return nil, errors.Join(ErrRefused, r.endRemote(ctx, System, row, actRefuse, "registered"))
	}
	if err != nil {
		return nil, wrap("complete registration", err)
	}
	return r.showRemote(ctx, row)
}
