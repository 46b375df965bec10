package activation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"chop/hsm"
	"chop/internal/solecontrol"
)

// Seal makes the key of an enrolment: the passkey has signed E, and sent the
// secret under which the key is sealed. Nothing else ever seals.
func (s *Service) Seal(ctx context.Context, id string, a *solecontrol.Approval) error {
	e, err := s.enrolling(id, EnrolSeal)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	want := solecontrol.Enrolment{
		Kind: "enrol", Enrolment: e.id, Nonce: e.offer.Nonce, NotAfter: e.offer.NotAfter, HPKEKey: e.offer.HPKEKey,
		RPID: s.cfg.RPID, Account: e.account, Passkey: e.offer.Passkey, Ticket: e.offer.Ticket,
	}
	got, err := solecontrol.ParseEnrolment(a.Request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !reflect.DeepEqual(*got, want) {
		return fmt.Errorf("%w: the request", ErrMismatch)
	}
	challenge := solecontrol.EnrolChallenge(a.Request)
	data, err := a.Assertion.Verify(solecontrol.Expected{
		Challenge: challenge, Origin: s.cfg.ApproveOrigin, RPID: s.cfg.RPID, PasskeyID: e.created.Attested.ID,
		Key: e.created.Attested.Key, BackupEligible: &e.created.BackupEligible,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	// The device key proves itself at each approval; here it may.
	if len(a.DeviceSignature) > 0 {
		if err := checkDeviceKey(e.deviceKey, a.DeviceSignature, challenge); err != nil {
			return err
		}
	}
	key := e.key
	e.key = nil // used up, whatever happens
	if err := s.store.moveEnrolment(ctx, id, EnrolSeal, "sealing", "", nil, s.cfg.Now()); err != nil {
		return unlessKnown(err)
	}
	e.offer.State = "sealing"
	if err := s.make(ctx, e, key, a, challenge, data.SignCount); err != nil {
		s.cfg.Log.Warn("an enrolment failed; no key was kept", "enrolment", id, "error", err)
		reason := Code(unlessKnown(err))
		if failed := s.failEnrolment(ctx, e, reason); failed != nil {
			s.cfg.Log.Error("a failed enrolment could not be recorded", "enrolment", id, "error", failed)
		}
		return unlessKnown(err)
	}
	e.offer.State = EnrolMade
	return nil
}

// make generates the key in the token, seals it, and stores the credential with
// its CSR and its statement. A key that is not stored was never in the world.
func (s *Service) make(ctx context.Context, e *enrolment, key *solecontrol.TransactionKey, a *solecontrol.Approval, challenge solecontrol.Digest, count uint32) error {
	secret, err := key.Open(solecontrol.EnrolInfo(e.id), challenge[:], a.Enc, a.Ciphertext)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer clear(secret)
	public, wrapped, err := s.cfg.Vault.Generate(ctx, hsm.P256)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	defer clear(wrapped)
	kek, mechanism, err := hsm.WrappedUnder(wrapped)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make credential's id: %w", err)
	}
	binding := &solecontrol.Binding{
		Credential: id.String(), Account: e.account, Algorithm: hsm.P256, SPKI: spki, RPID: s.cfg.RPID,
		PasskeyID: e.created.Attested.ID, PasskeyKey: e.created.Attested.COSE, AAGUID: e.created.Attested.AAGUID,
		BackupEligible: e.created.BackupEligible, DeviceKey: e.deviceKey,
		PRFSalt: [32]byte(e.offer.PRFSalt), SealSalt: [32]byte(solecontrol.NewNonce()),
	}
	row := &credentialRow{ID: binding.Credential, Account: e.account, Version: 1, State: string(solecontrol.Made), SignCount: int64(count), spki: sum(spki)}
	if row.Binding, err = binding.Marshal(); err != nil {
		return err
	}
	if row.Sealed, err = solecontrol.Seal(secret, row.Binding, kek, mechanism, wrapped); err != nil {
		return err
	}
	record := &solecontrol.Record{
		Binding: solecontrol.BindingDigest(row.Binding), State: solecontrol.Made, Version: 1,
		Sealed: sha256.Sum256(row.Sealed), KEK: kek, Mechanism: mechanism,
	}
	if row.Record, err = record.Marshal(); err != nil {
		return err
	}
	if row.Tag, err = s.cfg.MAC.Sum(ctx, solecontrol.RecordInput(row.Record)); err != nil {
		return fmt.Errorf("authenticate record: %w", err)
	}
	csr, err := s.request(ctx, wrapped, public)
	if err != nil {
		return err
	}
	at := s.cfg.Now()
	statement, err := s.state(binding, e, at)
	if err != nil {
		return err
	}
	if row.Statement, err = solecontrol.Encode(statement); err != nil {
		return err
	}
	event := s.event("resident:"+e.account, "activation.made", binding.Credential, "", map[string]any{
		"enrolment": e.id, "spki_sha256": hex.EncodeToString(row.spki), "ticket_sha256": hex.EncodeToString(e.offer.Ticket),
		"passkey_key_sha256": hex.EncodeToString(sum(binding.PasskeyKey)), "kek": hex.EncodeToString(kek),
	})
	return s.store.made(ctx, e.id, row, csr, e.attestation, at, event)
}

// request builds and signs the CSR (RFC 2986): proof of possession. Its subject
// is empty; the registration knows the person, this process does not.
func (s *Service) request(ctx context.Context, wrapped []byte, public crypto.PublicKey) (csr []byte, err error) {
	err = s.cfg.Vault.Use(ctx, wrapped, func(k crypto.Signer) error {
		if !bytes.Equal(mustSPKI(k.Public()), mustSPKI(public)) {
			return fmt.Errorf("%w: the token wrapped another key", ErrMismatch)
		}
		csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{SignatureAlgorithm: x509.ECDSAWithSHA256}, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return csr, nil
}

func mustSPKI(k crypto.PublicKey) []byte {
	der, _ := x509.MarshalPKIXPublicKey(k) // nil equals nothing that a token made
	return der
}

// state signs the enrolment statement.
func (s *Service) state(b *solecontrol.Binding, e *enrolment, at time.Time) (*solecontrol.SignedStatement, error) {
	return solecontrol.SignStatement(s.cfg.Identity, &solecontrol.Statement{
		Kind: "statement", Credential: b.Credential, Account: b.Account, SPKI: b.SPKI, Ticket: e.offer.Ticket,
		Subject: e.ticket.Subject, RPID: b.RPID, Passkey: sum(b.PasskeyID), BackupEligible: b.BackupEligible,
		DeviceKey: b.DeviceKey != nil, At: solecontrol.At(at),
	})
}
