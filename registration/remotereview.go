package registration

import (
	"context"
	"fmt"
	"slices"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/hkic"
)

// Referral is a case that waits for an officer.
type Referral struct {
	ID string
	// Reasons says why it was referred, words of ReferralReasons.
	Reasons []string
	// HKIC is the masked number.
	HKIC       string
	ReferredAt time.Time
	ExpiresAt  time.Time
	// Card is what the person confirmed; only Referral fills it in.
	Card *hkic.Card
}

// ReferralReasons are the words of Referral.Reasons.
var ReferralReasons = []string{reasonTried, reasonPortrait, reasonImmigration}

// Why an officer decides as they do: words, so that no personal datum gets into the log.
var (
	ApproveReasons = []string{"same-person"}
	RefuseReasons  = []string{"another-person", "picture-unclear", "card-not-genuine", "data-differ"}
)

// Referrals lists the cases that wait for an officer, the longest first.
func (r *Registry) Referrals(ctx context.Context, c Caller) ([]*Referral, error) {
	if err := r.authorize(ctx, c, "list-referred", ""); err != nil {
		return nil, err
	}
	rows, err := r.store.referred(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Referral, 0, len(rows))
	for _, row := range rows {
		if !r.cfg.Now().Before(row.ExpiresAt) || r.cfg.Remote == nil || !r.cfg.Remote.Photos.Has(row.ID) {
			continue // nobody can decide it here
		}
		held, err := r.person(ctx, value(row.Account))
		if err != nil {
			return nil, err
		}
		out = append(out, row.referral(held))
	}
	return out, nil
}

func (row *remoteRow) referral(p *person) *Referral {
	return &Referral{ID: row.ID, Reasons: row.Reasons, HKIC: p.card.Number.String(), ReferredAt: row.ChangedAt, ExpiresAt: row.ExpiresAt}
}

// ReferralWaits says, by its state alone, whether a case waits for a decision that can be made here: an open page asks every few
// seconds. ErrNoCase: it does not.
func (r *Registry) ReferralWaits(ctx context.Context, c Caller, id string) error {
	if err := r.authorize(ctx, c, "list-referred", caseSubject(id)); err != nil {
		return err
	}
	row, err := r.store.remote(ctx, id)
	if err != nil {
		return err
	}
	if row.State != RemoteReferred || !r.cfg.Now().Before(row.ExpiresAt) || r.cfg.Remote == nil || !r.cfg.Remote.Photos.Has(id) {
		return ErrNoCase
	}
	return nil
}

// referredCase is a case that waits for a decision, for an officer who may make it: never about themself.
func (r *Registry) referredCase(ctx context.Context, c Caller, act, id string) (*remoteRow, error) {
	if err := r.authorize(ctx, c, act, caseSubject(id)); err != nil {
		return nil, err
	}
	if r.cfg.Remote == nil {
		return nil, ErrNoCase
	}
	row, err := r.store.remote(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.elsewhere(row) && !r.cfg.Remote.Photos.Has(row.ID) {
		return nil, ErrNoCase
	}
	if row, err = r.missPhotos(ctx, row); err != nil {
		return nil, err
	}
	if row.State != RemoteReferred || !r.cfg.Now().Before(row.ExpiresAt) {
		return nil, ErrNoCase // decided, or run out: nothing of it is shown any more
	}
	if err := r.notOwnAccount(ctx, c, c.Officer(), value(row.Account)); err != nil {
		return nil, err
	}
	return row, nil
}

// Referral is one, with the card's data. That it was looked at is recorded, and the person sees it later. ErrNoCase once it is decided.
func (r *Registry) Referral(ctx context.Context, c Caller, id string) (*Referral, error) {
	row, err := r.referredCase(ctx, c, "view-referred", id)
	if err != nil {
		return nil, err
	}
	held, err := r.person(ctx, value(row.Account))
	if err != nil {
		return nil, err
	}
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		return []audit.Event{r.event(c, "registration.view-referred", caseSubject(id), "", nil)}, r.note(ctx, tx, c, *row.Account, "card-viewed")
	})
	if err != nil {
		return nil, fmt.Errorf("view referred case: %w", err)
	}
	out := row.referral(held)
	out.Card = &held.card
	return out, nil
}

// ReferralPhoto is one of the two pictures, a JPEG, while the case waits for a decision. ErrNoCase, ErrNoPhoto.
func (r *Registry) ReferralPhoto(ctx context.Context, c Caller, id, name string) ([]byte, error) {
	if name != PhotoCard && name != PhotoSelfie {
		return nil, ErrNoPhoto
	}
	row, err := r.referredCase(ctx, c, "view-referred-photo", id)
	if err != nil {
		return nil, err
	}
	picture, err := r.cfg.Remote.Photos.Open(row.ID, name)
	if err != nil {
		return nil, err
	}
	e := r.event(c, "registration.view-photo", caseSubject(id), "", map[string]any{"photo": name})
	err = r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) { return []audit.Event{e}, nil })
	return picture, wrap("view photo", err)
}

// DecideReferral approves or refuses a referred case, for one of the reasons that go with it. The photos are erased with
// the decision. ErrForbidden for another reason; ErrNoCase, ErrSelf.
func (r *Registry) DecideReferral(ctx context.Context, c Caller, id string, approve bool, reason string) error {
	row, err := r.referredCase(ctx, c, "decide-referred", id)
	if err != nil {
		return err
	}
	reasons := RefuseReasons
	if approve {
		reasons = ApproveReasons
	}
	if !slices.Contains(reasons, reason) {
		return fmt.Errorf("decide referred case: %w: a reason is wanted", ErrForbidden)
	}
	decided := func(row *remoteRow) {
		officer, now := c.Officer(), r.cfg.Now()
		row.Officer, row.Decision, row.DecidedAt = &officer, &reason, &now
	}
	if !approve {
		return r.endRemoteWith(ctx, c, row, actRefuse, "officer", decided)
	}
	err = r.stepRemote(ctx, row, actApprove, func(_ postgres.Tx, row *remoteRow) ([]audit.Event, error) {
		decided(row)
		row.ExpiresAt = r.cfg.Now().Add(remoteLife)
		return []audit.Event{r.event(c, "registration.approve", caseSubject(id), reason, map[string]any{"reasons": row.Reasons})}, nil
	})
	if err != nil {
		return wrap("approve referred case", err)
	}
	return r.erasePhotos(ctx, row)
}
