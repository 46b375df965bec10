package activation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"chop/internal/audit"
	"chop/internal/solecontrol"
)

func (a Act) check() error {
	kind, name, ok := strings.Cut(a.By, ":")
	if !ok || name == "" || kind != "officer" && kind != "resident" && kind != "system" {
		return fmt.Errorf("%w: by whom", ErrRefused)
	}
	for _, text := range []string{a.By, a.Reason} {
		if text == "" || len(text) > 500 || solecontrol.CheckText(text) != nil {
			return fmt.Errorf("%w: by whom, or why", ErrRefused)
		}
	}
	return nil
}

// Suspend stops a credential at once, also an approval that waits, or that is on
// its way to the key. Anybody may ask for it: the harm of a suspension too many is
// small. It holds in memory before anything else is tried.
func (s *Service) Suspend(ctx context.Context, credential string, a Act) (*CredentialStatus, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	c, err := s.suspend(ctx, credential, a)
	if err != nil {
		return nil, err
	}
	return s.status(c), nil
}

func (s *Service) suspend(ctx context.Context, credential string, a Act) (*stored, error) {
	if _, err := s.store.credential(ctx, credential); errors.Is(err, ErrNotFound) {
		return nil, err
	}
	s.mu.Lock()
	s.stopped[credential] = true
	s.mu.Unlock()
	e := s.event(a.By, "activation.suspend", credential, a.Reason, nil)
	c, err := s.alter(ctx, credential, func(_ *stored, next *solecontrol.Record) (*presented, *audit.Event, error) {
		switch next.State {
		case solecontrol.Suspended, solecontrol.Destroyed:
			return nil, nil, nil
		}
		next.State = solecontrol.Suspended
		return nil, &e, nil
	})
	if err != nil {
		// The token is down, or the record was tampered with: the stop counts without a record.
		stop := s.store.stop(context.WithoutCancel(ctx), credential, s.cfg.Now(), e)
		return nil, errors.Join(err, stop)
	}
	return c, nil
}

// Resume lets a suspended credential sign again, by an order that two officers'
// passkeys have signed, once.
func (s *Service) Resume(ctx context.Context, credential string, signed *solecontrol.SignedOrder) (*CredentialStatus, error) {
	order, err := s.checkOrder(signed)
	if err != nil {
		return nil, err
	}
	envelope, err := solecontrol.Encode(signed)
	if err != nil {
		return nil, err
	}
	c, err := s.alter(ctx, credential, func(c *stored, next *solecontrol.Record) (*presented, *audit.Event, error) {
		if order.Credential != credential || order.Account != c.binding.Account {
			return nil, nil, fmt.Errorf("%w: the order is for another credential", ErrRefused)
		}
		if next.State != solecontrol.Suspended && !c.row.Stopped {
			return nil, nil, fmt.Errorf("%w: the credential is not suspended", ErrRefused)
		}
		next.State = solecontrol.Active
		if next.Certificate == nil {
			next.State = solecontrol.Made
		}
		e := s.event(order.First, "activation.resume", credential, "", map[string]any{
			"second": order.Second, "case": order.Case, "place": order.Place,
		})
		used := &presented{solecontrol.OrderChallenge(signed.Order), "order", envelope}
		return used, &e, nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	delete(s.stopped, credential)
	s.mu.Unlock()
	return s.status(c), nil
}

// checkOrder verifies both officers' assertions with their pinned passkeys.
func (s *Service) checkOrder(signed *solecontrol.SignedOrder) (*solecontrol.Order, error) {
	order, err := solecontrol.ParseOrder(signed.Order)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !s.cfg.Now().Before(order.Expires.Time) {
		return nil, fmt.Errorf("order: %w", ErrExpired)
	}
	if len(signed.Assertions) != 2 || signed.Assertions[0].Officer != order.First || signed.Assertions[1].Officer != order.Second {
		return nil, fmt.Errorf("%w: the order is not signed by both officers", ErrRefused)
	}
	pins, err := s.cfg.Pins()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	challenge := solecontrol.OrderChallenge(signed.Order)
	for i := range signed.Assertions {
		a := &signed.Assertions[i]
		if err := pins.verifyOfficer(a.Officer, &a.Assertion, challenge); err != nil {
			return nil, fmt.Errorf("order: %w", err)
		}
	}
	return order, nil
}

// verifyOfficer checks an officer's assertion; who is "officer:<id>".
func (p *Pins) verifyOfficer(who string, a *solecontrol.Assertion, challenge solecontrol.Digest) error {
	kind, id, err := solecontrol.SplitSigner(who)
	if err != nil || kind != "officer" {
		return fmt.Errorf("%w: not an officer", ErrRefused)
	}
	pin, err := p.officer(id)
	if err != nil {
		return err
	}
	_, err = a.Verify(solecontrol.Expected{
		Challenge: challenge, Origin: pin.Origin, RPID: pin.RPID, PasskeyID: pin.Passkey, Key: pin.key,
	})
	if err != nil {
		return fmt.Errorf("%s: %w: %w", who, ErrAssertion, err)
	}
	return nil
}

// Destroy deletes a credential's sealed key for ever: its certificate was
// revoked, or another device took its place.
func (s *Service) Destroy(ctx context.Context, credential string, a Act) (*CredentialStatus, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	c, err := s.alter(ctx, credential, func(_ *stored, next *solecontrol.Record) (*presented, *audit.Event, error) {
		if next.State == solecontrol.Destroyed {
			return nil, nil, nil
		}
		next.State = solecontrol.Destroyed
		e := s.event(a.By, "activation.destroy", credential, a.Reason, nil)
		return nil, &e, nil
	})
	if err != nil {
		return nil, err
	}
	return s.status(c), nil
}
