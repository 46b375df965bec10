package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/signer"
	"chop/signer/activation"
)

// The activation process, as the services that ask it declare it. Its client's words become theirs here, and nothing else
// happens.

// signingPort is the activation process for signer.Residents.
type signingPort struct{ client *activation.Client }

func (p signingPort) Mint(ctx context.Context, r signer.MintRequest) (signer.Minted, error) {
	ask := activation.MintRequest{
		Credential: r.Credential, Return: r.Return,
		Service: solecontrol.Service{ID: r.Service.ID, Name: r.Service.Name},
		Instead: true, // the signer has one question open for a credential, and this is it
	}
	for _, d := range r.Documents {
		ask.Documents = append(ask.Documents, solecontrol.OfferDocument{
			Name: d.Name, Type: d.Type, Size: d.Size, Policy: d.Policy, Hash: d.Hash, Attributes: d.Attributes, ByteRange: d.ByteRange,
		})
	}
	m, err := p.client.Mint(ctx, ask)
	if err != nil {
		return signer.Minted{}, signingError(err)
	}
	return signer.Minted{Tx: m.Tx, Code: m.Code, NotAfter: m.NotAfter.Time}, nil
}

func (p signingPort) Transaction(ctx context.Context, tx string) (signer.TransactionState, error) {
	s, err := p.client.Transaction(ctx, tx)
	if err != nil {
		return signer.TransactionState{}, signingError(err)
	}
	state := signer.TransactionState{State: s.State, Reason: s.Reason}
	if s.At != nil {
		state.At = s.At.Time
	}
	return state, nil
}

func (p signingPort) Cancel(ctx context.Context, tx string) error {
	_, err := p.client.Cancel(ctx, tx)
	return signingError(err)
}

func (p signingPort) Collect(ctx context.Context, tx string) (*signer.Collected, error) {
	c, err := p.client.Collect(ctx, tx)
	if err != nil {
		return nil, signingError(err)
	}
	out := &signer.Collected{At: c.At.Time, Evidence: signer.ApprovalEvidence{
		Request: c.Evidence.Request, AuthenticatorData: c.Evidence.AuthenticatorData, ClientDataJSON: c.Evidence.ClientDataJSON,
		Signature: c.Evidence.Signature, Passkey: c.Evidence.Passkey, COSEKey: c.Evidence.COSEKey,
		RPID: c.Evidence.RPID, Origin: c.Evidence.Origin, DeviceKey: c.Evidence.DeviceKey, DeviceSignature: c.Evidence.DeviceSignature,
		Binding: c.Evidence.Binding,
	}}
	for _, s := range c.Signatures {
		out.Signatures = append(out.Signatures, s)
	}
	return out, nil
}

func (p signingPort) Acknowledge(ctx context.Context, tx string) error {
	return signingError(p.client.Acknowledge(ctx, tx))
}

// signingError says in the signer's words what the signer tells apart.
func signingError(err error) error {
	for from, to := range map[error]error{
		activation.ErrBusy: signer.ErrBusy, activation.ErrSuspended: signer.ErrSuspended,
		activation.ErrNotFound: signer.ErrNoTransaction, activation.ErrUsed: signer.ErrNoTransaction, activation.ErrExpired: signer.ErrNoTransaction,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}

// enrolmentPort is the activation process for registration.
type enrolmentPort struct{ client *activation.Client }

func (p enrolmentPort) BeginEnrolment(ctx context.Context, r registration.EnrolmentRequest) (string, time.Time, error) {
	b, err := p.client.BeginEnrolment(ctx, activation.EnrolmentRequest{
		Account: r.Account, Case: r.Case, UserName: r.UserName, Number: r.Number, Return: r.Return,
	})
	if err != nil {
		return "", time.Time{}, enrolmentError(err)
	}
	return b.Enrolment, b.NotAfter.Time, nil
}

func (p enrolmentPort) Enrolment(ctx context.Context, id string) (*registration.Enrolment, error) {
	s, err := p.client.Enrolment(ctx, id)
	if err != nil {
		return nil, enrolmentError(err)
	}
	e := &registration.Enrolment{State: s.State, Credential: s.Credential, CSR: s.CSR}
	if s.Passkey != nil {
		e.PasskeyID, e.PasskeyKey = s.Passkey.ID, s.Passkey.COSEKey
	}
	if s.Statement != nil {
		if e.Statement, err = solecontrol.Encode(s.Statement); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (p enrolmentPort) PresentTicket(ctx context.Context, id string, envelope []byte) error {
	var t solecontrol.SignedTicket
	if err := solecontrol.Decode(envelope, &t); err != nil {
		return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
	}
	_, err := p.client.PresentTicket(ctx, id, &t)
	return orderError(err)
}

func (p enrolmentPort) CancelEnrolment(ctx context.Context, id string) error {
	_, err := p.client.CancelEnrolment(ctx, id)
	return enrolmentError(err)
}

func (p enrolmentPort) BindCertificate(ctx context.Context, credential string, certificate []byte) error {
	_, err := p.client.BindCertificate(ctx, credential, certificate)
	return enrolmentError(err)
}

func (p enrolmentPort) Suspend(ctx context.Context, credential, by, reason string) error {
	_, err := p.client.Suspend(ctx, credential, activation.Act{By: activationActor(by), Reason: reason})
	return enrolmentError(err)
}

func (p enrolmentPort) Resume(ctx context.Context, credential string, order []byte) error {
	var o solecontrol.SignedOrder
	if err := solecontrol.Decode(order, &o); err != nil {
		return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
	}
	_, err := p.client.Resume(ctx, credential, &o)
	return orderError(err)
}

func (p enrolmentPort) Destroy(ctx context.Context, credential, by, reason string) error {
	_, err := p.client.Destroy(ctx, credential, activation.Act{By: activationActor(by), Reason: reason})
	return enrolmentError(err)
}

func enrolmentError(err error) error {
	if errors.Is(err, activation.ErrNotFound) {
		return fmt.Errorf("%w: %w", registration.ErrNoEnrolment, err)
	}
	return err
}

// orderError is for what officers have signed: what the activation process refuses it will refuse again.
func orderError(err error) error {
	if errors.Is(err, activation.ErrRefused) || errors.Is(err, activation.ErrExpired) {
		return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
	}
	return enrolmentError(err)
}

// activationActor names whoever acts as the activation process names them.
func activationActor(by string) string {
	kind, name, _ := strings.Cut(by, ":")
	switch kind {
	case "officer":
		return by
	case "account":
		return "resident:" + name
	}
	return "system:" + strings.ReplaceAll(by, ":", "-")
}
