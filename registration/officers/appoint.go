package officers

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"time"

	"chop/internal/audit"
	"chop/internal/solecontrol"
	"chop/registration/hkic"
)

// challengeLife is how long a passkey's challenge can be answered.
const challengeLife = 2 * time.Minute

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,39}$`)

// mayAppoint: supervisors on shift, and the operator at the command line, who has no role at the desk.
func (b *Book) mayAppoint(ctx context.Context, c Caller, act string) error {
	if c.Role == "operator" && len(c.Actor) > len("local:") && c.Actor[:len("local:")] == "local:" {
		return nil
	}
	_, err := b.Authorize(ctx, c, act)
	return err
}

// Propose proposes an officer with roles, places (ids of registration/places) and the SPKI digest of the
// client certificate. own is the officer's own identity card number, of which a
// keyed digest is kept, so that nobody registers themself.
func (b *Book) Propose(ctx context.Context, c Caller, o Officer, own hkic.Number) error {
	if err := b.mayAppoint(ctx, c, "propose-officer"); err != nil {
		return err
	}
	switch {
	case !idForm.MatchString(o.ID), len(o.Name) == 0, len(o.Name) > 200, solecontrol.CheckText(o.Name) != nil:
		return fmt.Errorf("%w: id or name", ErrInvalid)
	case len(o.Certificate) != 32:
		return fmt.Errorf("%w: certificate's digest", ErrInvalid)
	case own.IsZero():
		return fmt.Errorf("%w: own identity card", ErrInvalid)
	case len(o.Roles) == 0 || len(o.Places) == 0:
		return fmt.Errorf("%w: roles or places", ErrInvalid)
	}
	for _, r := range o.Roles {
		if _, err := b.cfg.Policies.OfficerRole(r); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	for _, p := range o.Places {
		if !b.places.Staffed(p) {
			return fmt.Errorf("%w: %w", ErrInvalid, ErrPlace)
		}
	}
	digest, err := b.CardDigest(ctx, own)
	if err != nil {
		return err
	}
	o.State, o.PasskeyID, o.PasskeyKey = Proposed, nil, nil
	return b.store.insert(ctx, o, digest, c.Actor, b.event(c, "officer.propose", o.ID, "", map[string]any{"roles": o.Roles, "places": o.Places}))
}

// CardDigest is the keyed digest of a number, for comparing with officers' own.
func (b *Book) CardDigest(ctx context.Context, n hkic.Number) ([]byte, error) {
	d, err := b.cfg.People.Digest(ctx, "officer-card", n.Normal())
	if err != nil {
		return nil, fmt.Errorf("digest of a card's number: %w", err)
	}
	return d, nil
}

// IsSelf reports whether a card's number is the officer's own.
func (b *Book) IsSelf(ctx context.Context, officer string, n hkic.Number) (bool, error) {
	d, err := b.CardDigest(ctx, n)
	if err != nil {
		return false, err
	}
	return b.store.hasCard(ctx, officer, d)
}

// PasskeyChallenge begins the making of an officer's passkey; the desk knows
// them by their client certificate. Only somebody who is proposed, or whose passkey
// is not approved yet, makes one: a lost passkey is a new proposal.
func (b *Book) PasskeyChallenge(ctx context.Context, officer string) ([]byte, error) {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	err := b.store.setPasskeyChallenge(ctx, officer, challenge, b.cfg.Now().Add(challengeLife))
	return challenge, err
}

// EnrolPasskey keeps the passkey, which then awaits approval; earlier approvals are void.
func (b *Book) EnrolPasskey(ctx context.Context, officer string, made Creation) error {
	challenge, err := b.store.takePasskeyChallenge(ctx, officer, b.cfg.Now())
	if err != nil {
		return err
	}
	created, err := made.Verify(solecontrol.Digest(challenge), b.cfg.Origin, b.cfg.RPID)
	if err != nil {
		return fmt.Errorf("enrol officer's passkey: %w: %w", ErrAssertion, err)
	}
	return b.store.setPasskey(ctx, officer, created.Attested.ID, created.Attested.COSE,
		b.event(Caller{Actor: "officer:" + officer}, "officer.enrol", officer, "", nil))
}

// Approve approves an officer with certificate and passkey. The first of two
// persons leaves it enrolled, the second makes it active.
func (b *Book) Approve(ctx context.Context, c Caller, officer string) (State, error) {
	if err := b.mayAppoint(ctx, c, "approve-officer"); err != nil {
		return "", err
	}
	if c.Officer() == officer {
		return "", fmt.Errorf("approve oneself: %w", ErrFourEyes)
	}
	var state State
	err := b.store.change(ctx, officer, func(o *Officer) (audit.Event, error) {
		switch {
		case o.State != Enrolled:
			return audit.Event{}, fmt.Errorf("%w: it is %s", ErrState, o.State)
		case slices.Contains(o.ApprovedBy, c.Actor):
			return audit.Event{}, fmt.Errorf("approve twice: %w", ErrFourEyes)
		}
		o.ApprovedBy = append(o.ApprovedBy, c.Actor)
		if len(o.ApprovedBy) == 2 {
			o.State = Active
		}
		state = o.State
		return b.event(c, "officer.approve", officer, "", map[string]any{"state": o.State, "passkey": fmt.Sprintf("%x", o.PasskeyID)}), nil
	})
	return state, err
}

// Suspend stops an officer at once; what they began is not undone.
func (b *Book) Suspend(ctx context.Context, c Caller, officer, reason string) error {
	return b.end(ctx, c, officer, reason, Suspended)
}

// Leave ends an officer's work for ever.
func (b *Book) Leave(ctx context.Context, c Caller, officer, reason string) error {
	return b.end(ctx, c, officer, reason, Left)
}

func (b *Book) end(ctx context.Context, c Caller, officer, reason string, to State) error {
	if err := b.mayAppoint(ctx, c, "suspend-officer"); err != nil {
		return err
	}
	return b.store.change(ctx, officer, func(o *Officer) (audit.Event, error) {
		if o.State == Left || o.State == to {
			return audit.Event{}, fmt.Errorf("%w: it is %s", ErrState, o.State)
		}
		o.State = to
		return b.event(c, "officer."+string(to), officer, reason, nil), nil
	})
}

// PlanShift plans a shift and returns its id.
func (b *Book) PlanShift(ctx context.Context, c Caller, s Shift) (string, error) {
	if err := b.mayAppoint(ctx, c, "plan-shift"); err != nil {
		return "", err
	}
	o, err := b.Officer(ctx, s.Officer)
	if err != nil {
		return "", err
	}
	if !slices.Contains(o.Roles, s.Role) || !slices.Contains(o.Places, s.Place) {
		return "", fmt.Errorf("%w: role or place is not the officer's", ErrInvalid)
	}
	if !s.Ends.After(s.Begins) || s.Ends.Sub(s.Begins) > 24*time.Hour {
		return "", fmt.Errorf("%w: a shift has 24 hours at most", ErrInvalid)
	}
	return b.store.insertShift(ctx, s, c.Actor, b.event(c, "officer.shift", s.Officer, "",
		map[string]any{"role": s.Role, "place": s.Place, "begins": s.Begins.UTC(), "ends": s.Ends.UTC()}))
}

func (b *Book) event(c Caller, action, officer, reason string, detail map[string]any) audit.Event {
	return audit.Event{
		At: b.cfg.Now(), Actor: c.Actor, Role: c.Role, Place: c.Place,
		Action: action, Subject: "officer:" + officer, Reason: reason, Detail: detail,
	}
}
