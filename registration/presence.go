package registration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/attempts"
)

// At a kiosk nobody sees who holds the card. So a kiosk's case is verified by no method but
// PresenceFrame: a live face, which the Immigration Department compares with the portrait that
// it holds. The card's chip has no portrait, and no picture outlives its challenge.

// outcomePortrait: the face is not clearly the one on record, and nobody at a kiosk can decide.
const outcomePortrait = "portrait"

// Presence says whether cases of kiosks can be verified here.
func (r *Registry) Presence() bool { return r.cfg.Remote != nil }

// presenceOf is a kiosk's own case that waits for a face.
func (r *Registry) presenceOf(ctx context.Context, c Caller, id string) (*caseRow, error) {
	row, err := r.mine(ctx, c, "verify", id)
	if err != nil {
		return nil, err
	}
	if !isKiosk(c) || !r.Presence() {
		return nil, r.refuse(ctx, c, "verify", caseSubject(id), fmt.Errorf("%w: no face is looked at here", ErrForbidden))
	}
	if _, err := next("case", row.State, actVerify); err != nil {
		return nil, err
	}
	if !r.cfg.Now().Before(row.ExpiresAt) {
		return nil, fmt.Errorf("%w: the case has run out", ErrState)
	}
	return row, nil
}

// BeginPresence begins a challenge before a kiosk's camera, or goes on with the one that runs. Each that
// begins is a try. ErrRefused: none is left, and the case is over.
func (r *Registry) BeginPresence(ctx context.Context, c Caller, id string) (FaceStep, error) {
	row, err := r.presenceOf(ctx, c, id)
	if err != nil {
		return FaceStep{}, err
	}
	now := r.cfg.Now()
	if step, runs := r.tries.running(row.ID, now); runs {
		return step, nil
	}
	r.tries.end(row.ID)
	if err := r.takePresence(ctx, c, row); errors.Is(err, ErrTooMany) {
		return FaceStep{}, errors.Join(ErrRefused, r.end(ctx, c, id, actRefuse, outcomePortrait))
	} else if err != nil {
		return FaceStep{}, err
	}
	ch := r.cfg.Remote.Faces.Challenge(now)
	r.tries.put(row.ID, &faceTry{ch: ch})
	return ch.Step(), nil
}

func (r *Registry) limitPresence() attempts.Limit {
	return attempts.Limit{Kind: "kiosk-face", Most: r.cfg.Remote.Tries, Window: caseLife}
}

// limitFaceNumber is for tries with one card's number, at whatever kiosk: a case has a few, and whoever holds
// somebody else's card puts it in again. Supervisors are told of the second case's first try.
func (r *Registry) limitFaceNumber() attempts.Limit {
	return attempts.Limit{Kind: "kiosk-face-number", Most: 2 * r.cfg.Remote.Tries, Window: 24 * time.Hour, Alarm: r.cfg.Remote.Tries + 1}
}

// takePresence counts a try, of the case and of the card's number. ErrTooMany.
func (r *Registry) takePresence(ctx context.Context, c Caller, row *caseRow) error {
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return err
	}
	key, err := r.faceKey(ctx, held)
	if err != nil {
		return err
	}
	if err := r.attempts.Take(ctx, r.limitPresence(), row.ID, who(c)); err != nil {
		return err
	}
	return r.attempts.Take(ctx, r.limitFaceNumber(), key, who(c))
}

// faceKey stands for a number in counts: a keyed digest.
func (r *Registry) faceKey(ctx context.Context, p *person) (string, error) {
	d, err := r.people.Digest(ctx, "kiosk-face", p.card.Number.Normal())
	return fmt.Sprintf("%x", d), err
}

// PresenceTries is how many tries a kiosk's own case has left: the fewer of the case's and the card number's.
func (r *Registry) PresenceTries(ctx context.Context, c Caller, id string) (int, error) {
	row, err := r.presenceOf(ctx, c, id)
	if err != nil {
		return 0, err
	}
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return 0, err
	}
	key, err := r.faceKey(ctx, held)
	if err != nil {
		return 0, err
	}
	ofCase, err := r.attempts.Left(ctx, r.limitPresence(), row.ID)
	if err != nil {
		return 0, err
	}
	ofNumber, err := r.attempts.Left(ctx, r.limitFaceNumber(), key)
	return min(ofCase, ofNumber), err
}

// PresenceFrame judges a frame of a kiosk's camera, a JPEG of at most 512 KiB. Passed of the step says that
// the face is the one on record, the data match, and the case is verified. ErrTry: this try is over, another may
// begin; ErrImmigration: so it is, and the department does not answer; ErrRefused: the case is over.
func (r *Registry) PresenceFrame(ctx context.Context, c Caller, id, nonce string, frame []byte) (FaceStep, error) {
	row, err := r.presenceOf(ctx, c, id)
	if err != nil {
		return FaceStep{}, err
	}
	if len(frame) == 0 || len(frame) > maxFrame {
		return FaceStep{}, ErrPicture
	}
	t := r.tries.get(row.ID)
	if t == nil {
		return FaceStep{}, ErrTry
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	step, err := t.take(ctx, nonce, frame, r.cfg.Now())
	if err == nil && !step.Passed {
		return step, nil
	}
	defer t.wipe() // a challenge that failed is over: the next one is another try
	if err != nil {
		return step, wrap("judge a frame", err)
	}
	return step, r.present(ctx, c, row, t.selfie)
}

// present asks the department about the data, and has it compare the face after that: with a card that it replaced, or of
// somebody who is not on record, it compares none, and a person would be told that the face is another's.
func (r *Registry) present(ctx context.Context, c Caller, row *caseRow, selfie []byte) error {
	held, err := r.person(ctx, row.owner())
	if err != nil {
		return err
	}
	a, err := r.store.account(ctx, value(row.Account))
	if err != nil {
		return err
	}
	answer, err := r.onRecord(ctx, c, row)
	if err != nil {
		return err
	}
	began := r.cfg.Now()
	match, signed, err := r.cfg.Remote.Portraits.MatchPortrait(ctx, held.card, a.SRN, selfie)
	if err != nil {
		return errors.Join(ErrImmigration, r.waits(ctx, c, row.ID, err))
	}
	e := r.event(c, "registration.presence", caseSubject(row.ID), "", map[string]any{
		"portrait": match, "answer": fmt.Sprintf("%x", sha256.Sum256(signed)), "took": r.cfg.Now().Sub(began).Round(time.Millisecond).String(),
	})
	if err := r.store.record(ctx, func(postgres.Tx) ([]audit.Event, error) { return []audit.Event{e}, nil }); err != nil {
		return fmt.Errorf("record the comparison: %w", err)
	}
	switch match {
	case MatchPass:
		key, err := r.faceKey(ctx, held)
		if err != nil {
			return err
		}
		if err := r.attempts.Forget(ctx, r.limitFaceNumber().Kind, key); err != nil { // it is their card
			return err
		}
		_, err = r.verified(ctx, c, row, answer)
		return err
	case MatchFail:
		return ErrTry
	}
	return errors.Join(ErrRefused, r.end(ctx, c, row.ID, actRefuse, outcomePortrait))
}
