package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"chop/internal/audit"
)

// State is the status of a certificate in the words of the command line.
type State = string

// The states.
const (
	Good      State = "good"
	Suspended State = "suspended"
	Revoked   State = "revoked"
	Unknown   State = "unknown"
)

// Status is what is known of a certificate now.
type Status struct {
	// State is good, suspended, revoked or unknown. It says nothing about the
	// validity period.
	State State
	// Reason goes with suspended (certificateHold) and revoked.
	Reason ReasonCode
	// Since is the date that CRL and OCSP give; for a good certificate, when it
	// was issued or resumed.
	Since time.Time
	// ChangedAt is when the last change was made. It is later than Since when a
	// suspended certificate was revoked.
	ChangedAt time.Time
	// NotAfter is the end of its validity.
	NotAfter time.Time
	// Profile is that under which it was issued.
	Profile string
}

// Status looks a certificate up. A serial that is not ours, or whose
// certificate was never released, is Unknown.
func (a *Authority) Status(ctx context.Context, serial *big.Int) (Status, error) {
	r, err := a.store.find(ctx, a.issuer.id[:], serial)
	if errors.Is(err, ErrUnknownSerial) {
		return Status{State: Unknown}, nil
	}
	if err != nil {
		return Status{}, err
	}
	return r.asStatus(), nil
}

func (r *record) asStatus() Status {
	if r.Status == "abandoned" {
		return Status{State: Unknown}
	}
	return Status{State: r.Status, Reason: r.Reason, Since: r.Since, ChangedAt: r.At, NotAfter: r.NotAfter, Profile: r.Profile}
}

// Certificate returns a certificate that was issued here.
func (a *Authority) Certificate(ctx context.Context, serial *big.Int) (*x509.Certificate, error) {
	return a.store.certificate(ctx, a.issuer.id[:], serial)
}

// Suspend puts a good certificate on hold. The reason's code is
// certificateHold, or left out.
func (a *Authority) Suspend(ctx context.Context, actor string, serial *big.Int, why Reason) error {
	if why.Code != Unspecified && why.Code != CertificateHold {
		return fmt.Errorf("%w: a suspension has the reason certificateHold", ErrTransition)
	}
	why.Code = CertificateHold
	return a.change(ctx, actor, "ca.suspend", serial, why, Suspended)
}

// Resume ends a suspension.
func (a *Authority) Resume(ctx context.Context, actor string, serial *big.Int, why Reason) error {
	why.Code = Unspecified
	return a.change(ctx, actor, "ca.resume", serial, why, Good)
}

// Revoke ends a certificate for ever. A suspended one keeps the date of its
// suspension (X.509, 8.5.2.2): what was signed since is not to be relied upon.
func (a *Authority) Revoke(ctx context.Context, actor string, serial *big.Int, why Reason) error {
	if _, known := reasonNames[why.Code]; !known || why.Code == CertificateHold {
		return fmt.Errorf("%w: nothing is revoked for the reason %s", ErrTransition, why.Code)
	}
	return a.change(ctx, actor, "ca.revoke", serial, why, Revoked)
}

func (a *Authority) change(ctx context.Context, actor, action string, serial *big.Int, why Reason, to State) error {
	if actor == "" {
		return fmt.Errorf("%w: no actor", ErrRequest)
	}
	now := a.cfg.Now()
	err := a.store.change(ctx, a.issuer.id[:], serial,
		func(before record) (record, error) { return before.next(to, why.Code, now) },
		func(before, after record) audit.Event {
			return audit.Event{At: now, Actor: actor, Action: action, Subject: certificateSubject(serial.Bytes()), Reason: why.text(),
				Detail: map[string]any{"from": before.Status, "to": after.Status}}
		})
	a.answers.forget(serial)
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, FormatSerial(serial), err)
	}
	return nil
}

// next is the state machine; the schema holds the same table.
func (r record) next(to State, code ReasonCode, now time.Time) (record, error) {
	after := record{Status: to, Reason: code, At: now, Since: now}
	switch {
	case r.Status == Good && to == Suspended,
		r.Status == Suspended && to == Good,
		r.Status == Good && to == Revoked,
		r.Status == "abandoned" && to == Revoked:
	case r.Status == Suspended && to == Revoked:
		after.Since = r.Since
	default:
		return record{}, fmt.Errorf("%w: it is %s", ErrTransition, r.Status)
	}
	return after, nil
}

// StopIssuance stops issuance under a profile, or under all ("*"), at once and
// for every process on this database, until AllowIssuance.
func (a *Authority) StopIssuance(ctx context.Context, actor, profile, why string) error {
	return a.setStop(ctx, actor, profile, why, true)
}

// AllowIssuance takes a stop back.
func (a *Authority) AllowIssuance(ctx context.Context, actor, profile, why string) error {
	return a.setStop(ctx, actor, profile, why, false)
}

func (a *Authority) setStop(ctx context.Context, actor, profile, why string, stop bool) error {
	if actor == "" || why == "" {
		return fmt.Errorf("%w: an actor and a reason are wanted", ErrRequest)
	}
	if profile != "*" {
		if _, err := a.cfg.Policies.Profile(profile); err != nil {
			return err
		}
	}
	action := "ca.allow"
	if stop {
		action = "ca.stop"
	}
	return a.store.setStop(ctx, profile, stop, audit.Event{At: a.cfg.Now(), Actor: actor, Action: action, Subject: "profile:" + profile, Reason: why})
}
