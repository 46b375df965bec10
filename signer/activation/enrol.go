package activation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"

	"chop/internal/solecontrol"
)

// enrolment is a key on its way: passkey, ticket, seal. Like a transaction it
// lives in memory; a restart ends it, and the person begins again.
type enrolment struct {
	id      string
	account string
	caseID  string
	begun   time.Time

	mu          sync.Mutex
	key         *solecontrol.TransactionKey
	offer       solecontrol.EnrolOffer // with the state
	reason      string
	created     *solecontrol.Created
	attestation []byte
	deviceKey   []byte
	ticket      *solecontrol.Ticket
}

var number = regexp.MustCompile(`^[0-9]{2}$`)

// BeginEnrolment opens an enrolment for an account's case.
func (s *Service) BeginEnrolment(ctx context.Context, r EnrolmentRequest) (*EnrolmentBegun, error) {
	for _, id := range []string{r.Account, r.Case} {
		if u, err := uuid.Parse(id); err != nil || u.String() != id || u.Version() != 7 {
			return nil, fmt.Errorf("%w: account or case is not a UUIDv7", ErrRefused)
		}
	}
	if r.UserName == "" || len(r.UserName) > 64 || solecontrol.CheckText(r.UserName) != nil || !number.MatchString(r.Number) {
		return nil, fmt.Errorf("%w: user name or number", ErrRefused)
	}
	if err := s.checkReturn(r.Return); err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	e := &enrolment{id: solecontrol.NewID(), account: r.Account, caseID: r.Case, begun: now}
	var err error
	if e.key, err = solecontrol.NewTransactionKey(); err != nil {
		return nil, err
	}
	e.offer = solecontrol.EnrolOffer{
		Kind: "enrol", Enrolment: e.id, Nonce: solecontrol.NewNonce(), NotAfter: solecontrol.At(now.Add(enrolTTL)),
		HPKEKey: e.key.Public(), RPID: s.cfg.RPID, RPName: s.cfg.RPName, Account: r.Account,
		UserHandle: solecontrol.NewNonce(), UserName: r.UserName, PRFSalt: solecontrol.NewNonce(),
		DeviceKey: s.cfg.Policy.BackupEligible == WithDeviceKey, Number: r.Number, Return: r.Return, State: EnrolPasskey,
	}
	s.mu.Lock()
	full := len(s.enrolments) >= s.cfg.MaxOpen
	if !full {
		s.enrolments[e.id] = e
	}
	s.mu.Unlock()
	if full {
		return nil, fmt.Errorf("%w: too many enrolments are open", ErrUnavailable)
	}
	event := s.event("system:registration", "activation.enrol", "", "", map[string]any{"enrolment": e.id, "case": r.Case})
	event.Subject = "account:" + r.Account
	if err := s.store.beginEnrolment(ctx, e, event); err != nil {
		s.mu.Lock()
		delete(s.enrolments, e.id)
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &EnrolmentBegun{e.id, e.offer.NotAfter}, nil
}

// enrolling finds an enrolment in memory, and locks it in the state that is
// wanted. The caller unlocks it.
func (s *Service) enrolling(id, state string) (*enrolment, error) {
	s.mu.Lock()
	e := s.enrolments[id]
	s.mu.Unlock()
	if e == nil {
		return nil, ErrNotFound
	}
	e.mu.Lock()
	var err error
	switch {
	case !s.cfg.Now().Before(e.offer.NotAfter.Time):
		err = ErrExpired
	case e.offer.State == EnrolFailed:
		err = fmt.Errorf("%w: the enrolment has failed", ErrRefused)
	case e.offer.State != state:
		err = ErrUsed
	}
	if err != nil {
		e.mu.Unlock()
		return nil, err
	}
	return e, nil
}

// EnrolOffer is what the page gets: signed, with the state at this moment. That a certificate was bound is known by
// the store only.
func (s *Service) EnrolOffer(ctx context.Context, id string) (*solecontrol.SignedOffer, error) {
	s.mu.Lock()
	e := s.enrolments[id]
	s.mu.Unlock()
	if e == nil {
		return nil, ErrNotFound
	}
	e.mu.Lock()
	offer := e.offer
	e.mu.Unlock()
	switch offer.State {
	case EnrolPasskey, EnrolTicket, EnrolSeal:
		if !s.cfg.Now().Before(offer.NotAfter.Time) {
			offer.State = EnrolExpired
		}
	case EnrolMade:
		row, err := s.store.enrolment(ctx, id)
		if err != nil {
			return nil, unlessKnown(err)
		}
		offer.State = row.State
	}
	signed, err := solecontrol.SignOffer(s.cfg.Identity, &offer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return signed, nil
}

// Passkey takes the new passkey.
func (s *Service) Passkey(ctx context.Context, id string, c *solecontrol.Creation) error {
	e, err := s.enrolling(id, EnrolPasskey)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	created, err := c.Verify(solecontrol.CreateChallenge(e.offer.Nonce), s.cfg.ApproveOrigin, s.cfg.RPID)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	if err := s.cfg.Policy.admit(created, c.DeviceKey, e.offer.DeviceKey, s.cfg.Now()); err != nil {
		return err
	}
	detail := map[string]any{
		"enrolment": id, "passkey_key_sha256": hex.EncodeToString(sum(created.Attested.COSE)), "aaguid": uuid.UUID(created.Attested.AAGUID).String(),
		"backup_eligible": created.BackupEligible, "device_key": len(c.DeviceKey) > 0, "attestation": created.Format,
	}
	event := s.event("system:approval", "activation.passkey", "", "", detail)
	event.Subject = "account:" + e.account
	if err := s.store.moveEnrolment(ctx, id, EnrolPasskey, EnrolTicket, "", nil, s.cfg.Now(), event); err != nil {
		return unlessKnown(err)
	}
	e.created = created
	if len(c.DeviceKey) > 0 {
		e.deviceKey = bytes.Clone(c.DeviceKey)
	}
	if s.cfg.Policy.Attestation != AttestationNone {
		e.attestation = bytes.Clone(c.AttestationObject)
	}
	e.offer.Passkey = bytes.Clone(created.Attested.ID)
	e.offer.State = EnrolTicket
	return nil
}

// admit says whether a new passkey is taken.
func (p *Policy) admit(c *solecontrol.Created, deviceKey []byte, offered bool, now time.Time) error {
	switch {
	case c.BackupEligible && p.BackupEligible == RefuseBackup:
		return fmt.Errorf("%w: a passkey that is copied to a cloud account is not taken", ErrRefused)
	case c.BackupEligible && len(deviceKey) == 0:
		return fmt.Errorf("%w: a passkey that is copied to a cloud account needs a device key beside it", ErrRefused)
	case len(deviceKey) > 0 && !offered:
		return fmt.Errorf("%w: a device key was not asked for", ErrRefused)
	}
	if p.Attestation != AttestationListed {
		return nil
	}
	for _, m := range p.Models {
		if m.AAGUID == c.Attested.AAGUID {
			if err := c.VerifyPacked(m.Roots, now); err != nil {
				return fmt.Errorf("%w: %w", ErrRefused, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%w: this model of authenticator is not listed", ErrRefused)
}

// Enrolment says how far an enrolment is.
func (s *Service) Enrolment(ctx context.Context, id string) (*EnrolmentStatus, error) {
	if err := solecontrol.CheckID(id); err != nil {
		return nil, ErrNotFound
	}
	row, err := s.store.enrolment(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &EnrolmentStatus{State: row.State, Reason: row.Reason, CSR: row.CSR}
	if out.State == "sealing" {
		out.State = EnrolSeal
	}
	if row.Credential != nil {
		out.Credential = *row.Credential
		out.Statement = new(solecontrol.SignedStatement)
		if err := solecontrol.Decode(row.Statement, out.Statement); err != nil {
			return nil, fmt.Errorf("stored statement: %w: %w", ErrMismatch, err)
		}
	}
	s.mu.Lock()
	e := s.enrolments[id]
	s.mu.Unlock()
	if e == nil {
		return out, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.created != nil {
		a := e.created.Attested
		spki, err := x509.MarshalPKIXPublicKey(a.Key)
		if err != nil {
			return nil, fmt.Errorf("encode passkey: %w", err)
		}
		out.Passkey = &PasskeyInfo{ID: a.ID, COSEKey: a.COSE, SPKI: spki, AAGUID: a.AAGUID[:], BackupEligible: e.created.BackupEligible}
	}
	switch out.State {
	case EnrolPasskey, EnrolTicket, EnrolSeal:
		if !s.cfg.Now().Before(e.offer.NotAfter.Time) {
			out.State = EnrolExpired
		}
	}
	return out, nil
}

// CancelEnrolment ends an enrolment that has no key yet.
func (s *Service) CancelEnrolment(ctx context.Context, id string) (*EnrolmentStatus, error) {
	s.mu.Lock()
	e := s.enrolments[id]
	s.mu.Unlock()
	if e != nil {
		e.mu.Lock()
		err := s.failEnrolment(ctx, e, "cancelled")
		e.mu.Unlock()
		if err != nil && !errors.Is(err, ErrUsed) {
			return nil, err
		}
	}
	return s.Enrolment(ctx, id)
}

// failEnrolment ends an enrolment; e.mu is held.
func (s *Service) failEnrolment(ctx context.Context, e *enrolment, reason string) error {
	from := e.offer.State
	switch from {
	case EnrolPasskey, EnrolTicket, EnrolSeal, "sealing":
	default:
		return ErrUsed
	}
	e.key = nil
	e.offer.State, e.reason = EnrolFailed, reason
	event := s.event("system:activation", "activation.enrol-failed", "", reason, map[string]any{"enrolment": e.id})
	event.Subject = "account:" + e.account
	return s.store.moveEnrolment(context.WithoutCancel(ctx), e.id, from, EnrolFailed, reason, nil, s.cfg.Now(), event)
}

// unlessKnown makes an error of the database or the token ErrUnavailable.
func unlessKnown(err error) error {
	if err == nil || Code(err) != "" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
