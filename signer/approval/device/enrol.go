package device

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"chop/internal/solecontrol"
)

// EnrolOffer reads and verifies an enrolment's offer.
func (p *Page) EnrolOffer(ctx context.Context, id string) (*solecontrol.EnrolOffer, error) {
	key, err := p.identity(ctx)
	if err != nil {
		return nil, err
	}
	var signed solecontrol.SignedOffer
	if err := p.ask(ctx, http.MethodGet, path("enrol", id), nil, &signed); err != nil {
		return nil, err
	}
	o, err := signed.Enrol(key)
	if err != nil {
		return nil, err
	}
	if o.Enrolment != id {
		return nil, fmt.Errorf("%w: an offer for another enrolment", ErrPage)
	}
	return o, nil
}

// Enrol goes through an enrolment: makes the passkey, waits until the officer or
// the kiosk has signed the ticket, and seals. number is what the counter shows;
// empty is not compared.
func (p *Page) Enrol(ctx context.Context, id, number string) error {
	o, err := p.EnrolOffer(ctx, id)
	if err != nil {
		return err
	}
	if number != "" && number != o.Number {
		return fmt.Errorf("%w: the counter shows another number", ErrPage)
	}
	if o.State == "passkey" {
		if err := p.MakePasskey(ctx, o); err != nil {
			return err
		}
	}
	for {
		if o, err = p.EnrolOffer(ctx, id); err != nil {
			return err
		}
		switch o.State {
		case "ticket":
			if err := wait(ctx, 300*time.Millisecond); err != nil {
				return fmt.Errorf("wait for the ticket: %w", err)
			}
		case "seal":
			return p.Seal(ctx, o)
		case "made", "issued":
			return nil
		default:
			return fmt.Errorf("%w: the enrolment is %s", ErrPage, o.State)
		}
	}
}

// MakePasskey creates the passkey, and the page's own key where it is asked for.
func (p *Page) MakePasskey(ctx context.Context, o *solecontrol.EnrolOffer) error {
	c, err := p.Device.Create(o.RPID, p.Origin, solecontrol.CreateChallenge(o.Nonce), o.UserHandle, o.DeviceKey)
	if err != nil {
		return err
	}
	return p.ask(ctx, http.MethodPost, path("enrol", o.Enrolment, "passkey"), c, nil)
}

// Seal asks the passkey twice: a PRF that does not answer the same both times
// would lock the key away for ever.
func (p *Page) Seal(ctx context.Context, o *solecontrol.EnrolOffer) error {
	approval, err := p.SealApproval(o)
	if err != nil {
		return err
	}
	return p.ask(ctx, http.MethodPost, path("enrol", o.Enrolment, "seal"), approval, nil)
}

// SealApproval is what Seal sends.
func (p *Page) SealApproval(o *solecontrol.EnrolOffer) (*solecontrol.Approval, error) {
	request, err := (&solecontrol.Enrolment{
		Kind: "enrol", Enrolment: o.Enrolment, Nonce: o.Nonce, NotAfter: o.NotAfter, HPKEKey: o.HPKEKey,
		RPID: o.RPID, Account: o.Account, Passkey: o.Passkey, Ticket: o.Ticket,
	}).Marshal()
	if err != nil {
		return nil, err
	}
	throwaway := sha256.Sum256(solecontrol.NewNonce())
	_, first, err := p.Device.Get(o.RPID, p.Origin, throwaway, o.Passkey, o.PRFSalt)
	if err != nil {
		return nil, err
	}
	defer clear(first)
	return p.approval(o.RPID, o.Passkey, o.PRFSalt, first, false, o.HPKEKey, solecontrol.EnrolChallenge(request), solecontrol.EnrolInfo(o.Enrolment), request)
}
