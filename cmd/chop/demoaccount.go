package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"chop/registration"
	"chop/registration/immd"
	"chop/signer/approval/device"
)

// demoPage is the approval page of the demo's resident, as a script.
func (a *appliance) demoPage() (*device.Page, error) {
	phone, err := device.Open(a.folder.path("demo", "phone.json"))
	if err != nil {
		return nil, err
	}
	identity, err := readPublicKey(a.folder.path("public", "activation.pem"))
	if err != nil {
		return nil, err
	}
	return &device.Page{Device: phone, Origin: a.config.approveURL(), Identity: identity}, nil
}

// demoAccount opens the account of a made-up person at the demo's counter, unless it is there: the card is keyed in, a
// second officer confirms it, the Immigration Department's stand-in is asked, and the person's phone, a script, is
// bound and gets its key and its certificate.
func (a *appliance) demoAccount(ctx context.Context, page *device.Page) (account string, made bool, err error) {
	file := a.folder.path("demo", "resident")
	known, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(known)), false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", false, err
	}
	desk, err := a.demoOfficers(ctx)
	if err != nil {
		return "", false, err
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return "", false, err
	}
	account, err = desk.open(ctx, registry, page)
	if err != nil {
		return "", false, fmt.Errorf("open the demo's account: %w", err)
	}
	return account, true, writeFile(file, []byte(account+"\n"), 0o600)
}

// open goes the whole way of a case.
func (d *demoOfficers) open(ctx context.Context, r *registration.Registry, page *device.Page) (string, error) {
	card := immd.People(now())[0].Card
	c, err := r.OpenCase(ctx, d.first, registration.Full)
	if err != nil {
		return "", err
	}
	contact := registration.Contact{Phone: "9123 4567", Email: "tai.man@example.invalid", Language: "en"}
	if _, err := r.EnterCard(ctx, d.first, c.ID, card, contact); err != nil {
		return "", err
	}
	challenge, err := r.ConfirmChallenge(ctx, d.other, c.ID)
	if err != nil {
		return "", err
	}
	assertion, err := d.sign(ctx, d.other.Officer(), challenge)
	if err != nil {
		return "", err
	}
	if _, err := r.ConfirmCard(ctx, d.other, c.ID, *assertion); err != nil {
		return "", err
	}
	if c, err = r.Verify(ctx, d.first, c.ID); err != nil {
		return "", err
	}
	offer, err := r.OfferBinding(ctx, d.first, c.ID, "demo")
	if err != nil {
		return "", err
	}
	phone, err := r.BindDevice(ctx, offer.Token)
	if err != nil {
		return "", err
	}
	if _, err := r.ConfirmNumber(ctx, d.first, c.ID, "demo", phone.Number); err != nil {
		return "", err
	}
	if _, err := r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement); err != nil {
		return "", err
	}
	// A script signs in to no portal: its sign-in passkey is only a name.
	if _, err := r.BindPasskey(ctx, phone.Secret, registration.Passkey{ID: []byte("demo:" + c.ID), Record: []byte("{}"), Name: "Scripted device"}); err != nil {
		return "", err
	}
	enrolment, err := r.BeginEnrolment(ctx, phone.Secret)
	if err != nil {
		return "", err
	}
	enrolled := make(chan error, 1)
	go func() { enrolled <- page.Enrol(ctx, enrolment, phone.Number) }()
	if err := d.ticket(ctx, r, c.ID); err != nil {
		return "", err
	}
	if err := <-enrolled; err != nil {
		return "", err
	}
	for { // the certificate is on its way
		view, err := r.PhoneCase(ctx, phone.Secret)
		if err != nil {
			return "", err
		}
		switch view.State {
		case registration.Done:
			return view.Account, nil
		case registration.Refused, registration.Ended:
			return "", fmt.Errorf("the case is %s", view.State)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// ticket waits for the phone's passkey and has the first officer sign the ticket for it.
func (d *demoOfficers) ticket(ctx context.Context, r *registration.Registry, id string) error {
	for {
		offer, err := r.Ticket(ctx, d.first, id)
		if errors.Is(err, registration.ErrNotReady) {
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		assertion, err := d.sign(ctx, d.first.Officer(), offer.Challenge)
		if err != nil {
			return err
		}
		if _, err = r.PresentTicket(ctx, d.first, id, *assertion); errors.Is(err, registration.ErrUnfinished) {
			return nil // it is recorded, and presented again by itself
		}
		return err
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
