package officers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"chop/internal/solecontrol"
	"chop/policies"
)

// ByCertificate finds the officer of a client certificate, by the SHA-256 of its
// SubjectPublicKeyInfo. ErrUnknown.
func (b *Book) ByCertificate(ctx context.Context, spki []byte) (*Officer, error) {
	return b.store.byCertificate(ctx, spki)
}

// Officer returns one. ErrUnknown.
func (b *Book) Officer(ctx context.Context, id string) (*Officer, error) {
	return b.store.officer(ctx, id)
}

// Officers lists all, by id.
func (b *Book) Officers(ctx context.Context) ([]*Officer, error) { return b.store.officers(ctx) }

// Shifts lists an officer's shifts that have not ended, soonest first.
func (b *Book) Shifts(ctx context.Context, officer string) ([]Shift, error) {
	return b.store.shifts(ctx, officer, b.cfg.Now())
}

// SignOnChallenge begins the sign-on of an officer, whom the desk knows by their
// client certificate, to a shift that runs now. ErrForbidden, ErrUnknown.
func (b *Book) SignOnChallenge(ctx context.Context, officer, shift string) (challenge []byte, err error) {
	if _, err := b.onShift(ctx, officer, shift); err != nil {
		return nil, err
	}
	challenge = make([]byte, 32)
	rand.Read(challenge)
	return challenge, b.store.setShiftChallenge(ctx, shift, challenge, b.cfg.Now().Add(challengeLife))
}

// SignOn checks the passkey's answer, and gives the Caller for the shift. ErrAssertion.
func (b *Book) SignOn(ctx context.Context, officer, shift string, a Assertion) (Caller, error) {
	s, err := b.onShift(ctx, officer, shift)
	if err != nil {
		return Caller{}, err
	}
	challenge, err := b.store.takeShiftChallenge(ctx, shift, b.cfg.Now())
	if err != nil {
		return Caller{}, err
	}
	if err := b.Verify(ctx, officer, solecontrol.Digest(challenge), a); err != nil {
		return Caller{}, err
	}
	c := Caller{Actor: "officer:" + officer, Role: s.Role, Place: s.Place, Shift: s.ID}
	return c, b.store.signedOn(ctx, s.ID, b.event(c, "officer.sign-on", officer, "", nil))
}

// Verify checks that an officer's passkey signed a challenge, at the desk, with
// the person verified. ErrAssertion.
func (b *Book) Verify(ctx context.Context, officer string, challenge solecontrol.Digest, a Assertion) error {
	o, err := b.Officer(ctx, officer)
	if err != nil {
		return err
	}
	if o.State != Active {
		return fmt.Errorf("%w: the officer is %s", ErrForbidden, o.State)
	}
	key, err := solecontrol.ParseCOSE(o.PasskeyKey)
	if err != nil {
		return fmt.Errorf("read officer's passkey: %w", err)
	}
	_, err = a.Verify(solecontrol.Expected{Challenge: challenge, Origin: b.cfg.Origin, RPID: b.cfg.RPID, PasskeyID: o.PasskeyID, Key: key})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	return nil
}

// onShift finds the shift and checks that it is the officer's and runs now.
func (b *Book) onShift(ctx context.Context, officer, shift string) (*Shift, error) {
	o, err := b.Officer(ctx, officer)
	if err != nil {
		return nil, err
	}
	if o.State != Active {
		return nil, fmt.Errorf("%w: the officer is %s", ErrForbidden, o.State)
	}
	s, err := b.store.shift(ctx, shift)
	if errors.Is(err, ErrUnknown) {
		return nil, fmt.Errorf("%w: %w: there is no such shift", ErrForbidden, ErrShift)
	}
	if err != nil {
		return nil, err
	}
	now := b.cfg.Now()
	switch {
	case s.Officer != officer:
		return nil, fmt.Errorf("%w: %w: the shift is another officer's", ErrForbidden, ErrShift)
	case now.Before(s.Begins) || !now.Before(s.Ends):
		return nil, fmt.Errorf("%w: %w: it does not run now", ErrForbidden, ErrShift)
	case !slices.Contains(o.Roles, s.Role) || !slices.Contains(o.Places, s.Place):
		return nil, fmt.Errorf("%w: the role or the place is the officer's no more", ErrForbidden)
	}
	return s, nil
}

// Authorize says whether the caller may do an act now: an active officer, on
// their own shift, which runs, in the role and at the place that they say, and whose
// role the act is in. It returns the role, whose limits the caller applies.
func (b *Book) Authorize(ctx context.Context, c Caller, act string) (*policies.OfficerRole, error) {
	officer := c.Officer()
	if officer == "" {
		return nil, fmt.Errorf("%w: %s is for officers", ErrForbidden, act)
	}
	s, err := b.onShift(ctx, officer, c.Shift)
	if errors.Is(err, ErrUnknown) {
		return nil, fmt.Errorf("%w: no such officer", ErrForbidden)
	}
	if err != nil {
		return nil, err
	}
	if s.Role != c.Role || s.Place != c.Place {
		return nil, fmt.Errorf("%w: %w: another role or place than the shift's", ErrForbidden, ErrShift)
	}
	role, err := b.cfg.Policies.OfficerRole(s.Role)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if !role.Allows(act) {
		return nil, fmt.Errorf("%w: %s is not for the role %s", ErrForbidden, act, s.Role)
	}
	return role, nil
}
