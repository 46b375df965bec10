package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/officers"
	"chop/signer/approval/device"
)

// The demo's counter, on the list of places. Its two officers do not exist; their passkeys lie in a file, where no real officer's may be.
const demoCounter = "counter-wan-chai"

// demoOfficers are two officers at a counter, as scripts.
type demoOfficers struct {
	app   *appliance
	book  *officers.Book
	keys  *device.Device
	first registration.Caller
	other registration.Caller
}

// demoOfficers appoints the demo's officers, unless they are there, and signs them on to a shift.
func (a *appliance) demoOfficers(ctx context.Context) (*demoOfficers, error) {
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := device.Open(a.folder.path("demo", "officers.json"))
	if err != nil {
		return nil, err
	}
	d := &demoOfficers{app: a, book: registry.Officers(), keys: keys}
	for i, id := range []string{"demo-first", "demo-second"} {
		if err := d.appoint(ctx, id, i); err != nil {
			return nil, fmt.Errorf("appoint the demo's officer %s: %w", id, err)
		}
	}
	if _, err := a.writePins(ctx); err != nil {
		return nil, err
	}
	if d.first, err = d.signOn(ctx, "demo-first"); err != nil {
		return nil, err
	}
	d.other, err = d.signOn(ctx, "demo-second")
	return d, err
}

func (d *demoOfficers) appoint(ctx context.Context, id string, n int) error {
	o, err := d.book.Officer(ctx, id)
	if errors.Is(err, officers.ErrUnknown) {
		digits := fmt.Sprintf("10000%d", n)
		own, err := hkic.Parse("E" + digits + string(hkic.CheckDigit("E", digits)))
		if err != nil {
			return err
		}
		certificate := sha256.Sum256([]byte("no certificate: " + id)) // a script opens no connection
		o = &officers.Officer{ID: id, Name: "Demo officer (a script)", Roles: []string{"counter"}, Places: []string{demoCounter}, Certificate: certificate[:], State: officers.Proposed}
		if err := d.book.Propose(ctx, operator(""), *o, own); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if o.State == officers.Proposed {
		challenge, err := d.book.PasskeyChallenge(ctx, id)
		if err != nil {
			return err
		}
		made, err := d.keys.Create(d.host(), d.app.config.deskOrigin(), solecontrol.Digest(challenge), []byte(id), false)
		if err != nil {
			return err
		}
		if err := d.book.EnrolPasskey(ctx, id, *made); err != nil {
			return err
		}
		o.State = officers.Enrolled
	}
	for _, by := range []string{"demo-operator-1", "demo-operator-2"} {
		if o.State != officers.Enrolled {
			return nil
		}
		if o.State, err = d.book.Approve(ctx, operator(by), id); err != nil && !errors.Is(err, officers.ErrFourEyes) {
			return err
		}
		if err != nil { // approved by this one before a run that was interrupted
			o.State = officers.Enrolled
		}
	}
	return nil
}

func (d *demoOfficers) host() string {
	_, desk, err := d.app.origins()
	if err != nil {
		return ""
	}
	return desk.Hostname()
}

func (d *demoOfficers) signOn(ctx context.Context, id string) (registration.Caller, error) {
	shift, err := d.book.PlanShift(ctx, operator(""), officers.Shift{
		Officer: id, Role: "counter", Place: demoCounter, Begins: now(), Ends: now().Add(8 * time.Hour),
	})
	if err != nil {
		return registration.Caller{}, err
	}
	challenge, err := d.book.SignOnChallenge(ctx, id, shift)
	if err != nil {
		return registration.Caller{}, err
	}
	a, err := d.sign(ctx, id, challenge)
	if err != nil {
		return registration.Caller{}, err
	}
	return d.book.SignOn(ctx, id, shift, *a)
}

// sign answers a challenge with an officer's passkey.
func (d *demoOfficers) sign(ctx context.Context, id string, challenge []byte) (*officers.Assertion, error) {
	o, err := d.book.Officer(ctx, id)
	if err != nil {
		return nil, err
	}
	a, _, err := d.keys.Get(d.host(), d.app.config.deskOrigin(), solecontrol.Digest(challenge), o.PasskeyID, nil)
	return a, err
}
