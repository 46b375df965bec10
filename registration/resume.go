package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/registration/steps"
)

// orderLife is how long two officers have for signing an order, and the activation process for obeying it.
const orderLife = 10 * time.Minute

// pendingOrder is what a resume operation carries: the order's exact bytes, and the assertions so far.
type pendingOrder struct {
	Order      solecontrol.Bytes            `json:"order"`
	Assertions []solecontrol.OrderAssertion `json:"assertions"`
}

// ordered is what an order names as the credential: an account without a key is named in its place, which the
// activation process has no credential of, and is not asked about.
func (a *accountRow) ordered() string {
	if a.Credential == nil {
		return a.ID
	}
	return *a.Credential
}

// signed is the order as the activation process takes it: of the first officer, then of the second.
func (p *pendingOrder) signed() ([]byte, error) {
	o, err := solecontrol.ParseOrder(p.Order)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(p.Assertions, func(a, b solecontrol.OrderAssertion) int {
		switch {
		case a.Officer == b.Officer:
			return 0
		case a.Officer == o.First:
			return -1
		}
		return 1
	})
	return solecontrol.Encode(solecontrol.SignedOrder{Order: p.Order, Assertions: p.Assertions})
}

// BeginResume makes the order that two officers sign, for a person who stands at
// the caller's counter with their card. ErrFourEyes, ErrSelf, ErrState.
func (r *Registry) BeginResume(ctx context.Context, c Caller, account, second, reason string) (*OrderOffer, error) {
	if err := r.authorize(ctx, c, "resume", accountSubject(account)); err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, fmt.Errorf("begin to resume: %w: a reason is wanted", ErrForbidden)
	}
	if second == c.Officer() {
		return nil, r.alarm(ctx, c, "four-eyes", accountSubject(account), ErrFourEyes)
	}
	if _, err := r.officers.Officer(ctx, second); err != nil {
		return nil, err
	}
	a, err := r.store.account(ctx, account)
	if err != nil {
		return nil, err
	}
	if a.State != Suspended {
		return nil, fmt.Errorf("begin to resume: %w: the account is %s", ErrState, a.State)
	}
	for _, officer := range []string{c.Officer(), second} {
		if err := r.notOwnAccount(ctx, c, officer, account); err != nil {
			return nil, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make operation id: %w", err)
	}
	expires := solecontrol.At(r.cfg.Now().Add(orderLife))
	order, err := (&solecontrol.Order{
		Kind: "resume", Credential: a.ordered(), Account: account, Case: id.String(), First: c.Actor, Second: "officer:" + second,
		Place: c.Place, Expires: expires, Nonce: solecontrol.NewNonce(),
	}).Marshal()
	if err != nil {
		return nil, fmt.Errorf("begin to resume: %w", err)
	}
	op := &steps.Operation{ID: id.String(), Account: account, Kind: "resume", State: steps.Waiting, Actor: c.Actor, Role: c.Role, Place: c.Place, Reason: reason, ExpiresAt: &expires.Time}
	if op.Payload, err = json.Marshal(pendingOrder{Order: order}); err != nil {
		return nil, err
	}
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		a, err := lockAccount(ctx, tx, account)
		if err != nil {
			return nil, err
		}
		if _, err := next("account", a.State, actResume); err != nil {
			return nil, err
		}
		if _, err := r.steps.DropOthers(ctx, tx, account, "resume"); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.order", accountSubject(account), reason, map[string]any{"operation": op.ID, "second": second})}, r.steps.Begin(ctx, tx, op)
	})
	if err != nil {
		return nil, wrap("begin to resume", err)
	}
	return offerOf(op)
}

func offerOf(op *steps.Operation) (*OrderOffer, error) {
	var p pendingOrder
	if err := json.Unmarshal(op.Payload, &p); err != nil {
		return nil, fmt.Errorf("read order: %w", err)
	}
	o, err := solecontrol.ParseOrder(p.Order)
	if err != nil {
		return nil, err
	}
	challenge := solecontrol.OrderChallenge(p.Order)
	offer := &OrderOffer{
		Operation: op.ID, Account: op.Account, Challenge: challenge[:], First: o.First[len("officer:"):], Second: o.Second[len("officer:"):],
		Place: o.Place, Reason: op.Reason, Expires: o.Expires.Time,
	}
	for _, a := range p.Assertions {
		offer.Signed = append(offer.Signed, a.Officer[len("officer:"):])
	}
	return offer, nil
}

// Order returns an order that waits, for its two officers. steps.ErrNone becomes ErrState.
func (r *Registry) Order(ctx context.Context, c Caller, operation string) (*OrderOffer, error) {
	if err := r.authorize(ctx, c, "sign-order", ""); err != nil {
		return nil, err
	}
	op, err := r.steps.Get(ctx, operation)
	if errors.Is(err, steps.ErrNone) || err == nil && (op.Kind != "resume" || op.State != steps.Waiting || !r.cfg.Now().Before(*op.ExpiresAt)) {
		return nil, fmt.Errorf("order: %w", ErrState)
	}
	if err != nil {
		return nil, err
	}
	offer, err := offerOf(op)
	if err != nil {
		return nil, err
	}
	if c.Officer() != offer.First && c.Officer() != offer.Second || c.Place != offer.Place {
		return nil, r.refuse(ctx, c, "sign-order", accountSubject(op.Account), fmt.Errorf("%w: the order is for others", ErrForbidden))
	}
	return offer, nil
}

// SignOrder adds the caller's assertion over the order; with the second one the
// account is resumed. ErrAssertion, ErrUnfinished.
func (r *Registry) SignOrder(ctx context.Context, c Caller, operation string, a Assertion) (done bool, err error) {
	offer, err := r.Order(ctx, c, operation)
	if err != nil {
		return false, err
	}
	if err := r.officers.Verify(ctx, c.Officer(), solecontrol.Digest(offer.Challenge), a); err != nil {
		return false, r.refuse(ctx, c, "sign-order", accountSubject(offer.Account), err)
	}
	err = r.store.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		// The account first, as everywhere: two locks in one order never wait for each other.
		held, err := lockAccount(ctx, tx, offer.Account)
		if err != nil {
			return nil, err
		}
		op, err := r.steps.Lock(ctx, tx, operation, steps.Waiting)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
		if _, err := next("account", held.State, actResume); err != nil {
			return nil, err
		}
		var p pendingOrder
		if err := json.Unmarshal(op.Payload, &p); err != nil {
			return nil, fmt.Errorf("read order: %w", err)
		}
		if slices.ContainsFunc(p.Assertions, func(o solecontrol.OrderAssertion) bool { return o.Officer == c.Actor }) {
			return nil, fmt.Errorf("sign twice: %w", ErrFourEyes)
		}
		p.Assertions = append(p.Assertions, solecontrol.OrderAssertion{Officer: c.Actor, Assertion: a})
		if done = len(p.Assertions) == 2; done {
			op.State = steps.Open
		}
		if op.Payload, err = json.Marshal(p); err != nil {
			return nil, err
		}
		return []audit.Event{r.event(c, "registration.sign-order", accountSubject(op.Account), op.Reason, map[string]any{"operation": op.ID, "complete": done})}, r.steps.Update(ctx, tx, op)
	})
	if err != nil {
		return false, wrap("sign order", err)
	}
	if !done {
		return false, nil
	}
	return true, r.perform(ctx, operation)
}
