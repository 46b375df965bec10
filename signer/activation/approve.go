package activation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"time"

	"chop/hsm"
	"chop/internal/audit"
	"chop/internal/solecontrol"
)

// Approve signs all documents of a transaction, or none.
//
// The order: what any caller can know (the id, the time, the page's request) is
// compared first; then the passkey is asked, so that nobody without it learns
// anything of the credential's state; then the stored record; then the intent is
// recorded, which uses the transaction up; and only then is the secret read, the
// seal opened, and the key used. Each buffer with a secret is cleared.
func (s *Service) Approve(ctx context.Context, id string, a *solecontrol.Approval) (*Approved, error) {
	t := s.inMemory(id)
	if t == nil {
		return nil, s.over(ctx, id)
	}
	// One approval of a transaction at a time, and none beside a decline.
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.cfg.Now()
	switch {
	case t.state == TxCancelled && (t.reason == string(solecontrol.Suspended) || t.reason == string(solecontrol.Destroyed)):
		return nil, ErrSuspended
	case t.state == TxExpired || t.state == TxOpen && !now.Before(t.notAfter):
		return nil, ErrExpired
	case t.state != TxOpen || t.key == nil:
		return nil, ErrUsed
	}
	challenge, err := t.compare(a.Request)
	if err != nil {
		return nil, s.refused(ctx, t, err)
	}
	c, err := s.load(ctx, t.credential)
	if err != nil {
		return nil, err
	}
	count, err := s.checkDevice(c, a, challenge)
	if err != nil {
		return nil, s.refused(ctx, t, err)
	}
	if err := s.checkCount(ctx, t, c, count); err != nil {
		return nil, err
	}
	if err := s.maySign(c, now); err != nil {
		return nil, err
	}
	if c.record.Version != t.version || !bytes.Equal(c.record.Certificate, t.want.Certificate) {
		return nil, fmt.Errorf("%w: the credential has changed since", ErrMismatch)
	}
	// From here on the transaction is used up, whatever happens.
	key := t.key
	t.key = nil
	if err := s.store.intend(ctx, t, c.record.Version); err != nil {
		return nil, s.failed(ctx, t, err)
	}
	signatures, err := s.sign(ctx, t, c, key, a, challenge)
	if err != nil {
		return nil, s.failed(ctx, t, err)
	}
	at := s.cfg.Now()
	if err := s.store.signed(ctx, t, c.record.Version, count, signatures, a, at, s.signedEvent(t, c, a, signatures, at)); err != nil {
		return nil, s.failed(ctx, t, err)
	}
	s.finish(t, TxApproved, "", at)
	return &Approved{State: TxApproved, At: solecontrol.At(at)}, nil
}

// compare reads R and compares it with what was minted: the page must have seen
// exactly that. It gives the challenge that the passkey must have signed.
func (t *transaction) compare(request []byte) (solecontrol.Digest, error) {
	r, err := solecontrol.ParseRequest(request)
	if err != nil {
		return solecontrol.Digest{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !reflect.DeepEqual(*r, t.want) {
		return solecontrol.Digest{}, fmt.Errorf("%w: the request", ErrMismatch)
	}
	return solecontrol.ApprovalChallenge(request), nil
}

// checkDevice verifies what the passkey signed, and the page's own key where the
// credential has one. It gives the passkey's counter.
func (s *Service) checkDevice(c *stored, a *solecontrol.Approval, challenge solecontrol.Digest) (uint32, error) {
	key, err := solecontrol.ParseCOSE(c.binding.PasskeyKey)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	data, err := a.Assertion.Verify(solecontrol.Expected{
		Challenge: challenge, Origin: s.cfg.ApproveOrigin, RPID: c.binding.RPID, PasskeyID: c.binding.PasskeyID,
		Key: key, BackupEligible: &c.binding.BackupEligible,
	})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	if err := checkDeviceKey(c.binding.DeviceKey, a.DeviceSignature, challenge); err != nil {
		return 0, err
	}
	return data.SignCount, nil
}

func checkDeviceKey(spki, signature []byte, challenge solecontrol.Digest) error {
	if spki == nil {
		if len(signature) > 0 {
			return fmt.Errorf("%w: a device signature, and no device key", ErrAssertion)
		}
		return nil
	}
	key, err := solecontrol.ParseSPKI(spki)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if err := solecontrol.VerifyRaw(key, challenge[:], signature); err != nil {
		return fmt.Errorf("%w: device key: %w", ErrAssertion, err)
	}
	return nil
}

// checkCount suspends a credential whose passkey counts backwards: there may be
// two of it. WebAuthn Level 3, 7.2, step 22. Most synced passkeys always say 0,
// so nothing relies upon it.
func (s *Service) checkCount(ctx context.Context, t *transaction, c *stored, count uint32) error {
	if count == 0 && c.row.SignCount == 0 || int64(count) > c.row.SignCount {
		return nil
	}
	t.key = nil
	t.state, t.reason, t.closed = TxCancelled, string(solecontrol.Suspended), s.cfg.Now()
	_, err := s.suspend(context.WithoutCancel(ctx), c.row.ID, Act{By: "system:activation", Reason: "the passkey's counter went back"})
	if err != nil {
		s.cfg.Log.Error("a credential could not be suspended", "credential", c.row.ID, "error", err)
	}
	return ErrSuspended
}

// sign reads the secret, opens the seal and uses the key: one signature a
// document, each verified with the key that the certificate names.
func (s *Service) sign(ctx context.Context, t *transaction, c *stored, key *solecontrol.TransactionKey, a *solecontrol.Approval, challenge solecontrol.Digest) ([][]byte, error) {
	secret, err := key.Open(solecontrol.ApprovalInfo(t.id), challenge[:], a.Enc, a.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer clear(secret)
	wrapped, err := solecontrol.OpenSeal(secret, c.row.Binding, c.record.KEK, c.record.Mechanism, c.row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer clear(wrapped)
	kek, mechanism, err := hsm.WrappedUnder(wrapped)
	if err != nil || !bytes.Equal(kek, c.record.KEK) || mechanism != c.record.Mechanism {
		return nil, fmt.Errorf("%w: the sealed key is of another key-encryption key", ErrMismatch)
	}
	public, err := solecontrol.ParseSPKI(c.binding.SPKI)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	signatures := make([][]byte, 0, len(t.prepared))
	err = s.cfg.Vault.Use(ctx, wrapped, func(k crypto.Signer) error {
		if !public.Equal(k.Public()) {
			return fmt.Errorf("%w: the sealed key is another one", ErrMismatch)
		}
		for _, p := range t.prepared {
			sig, err := k.Sign(rand.Reader, p.dtbsr[:], crypto.SHA256)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			// Key wrap authenticates the key, not whose it is.
			if !ecdsa.VerifyASN1(public, p.dtbsr[:], sig) {
				return fmt.Errorf("%w: the key made a signature that is not the certificate's", ErrMismatch)
			}
			signatures = append(signatures, sig)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return signatures, nil
}

// refused notes a refused approval; after some, the transaction is over, so that
// nobody tries for long. t.mu is held.
func (s *Service) refused(ctx context.Context, t *transaction, why error) error {
	t.tries++
	s.tell(ctx, s.event("resident:"+t.account, "activation.refused", t.credential, Code(why), map[string]any{"transaction": t.id, "try": t.tries}))
	if t.tries >= maxTries {
		return s.failed(ctx, t, why)
	}
	return why
}

// failed closes a transaction of which nothing is released. t.mu is held.
func (s *Service) failed(ctx context.Context, t *transaction, why error) error {
	ctx = context.WithoutCancel(ctx) // the caller may be gone; the record must not be
	at := s.cfg.Now()
	state, reason := TxFailed, Code(why)
	s.cfg.Log.Warn("an approval failed; nothing was released", "transaction", t.id, "error", why)
	t.owed = &closing{state, reason, at, s.event("resident:"+t.account, "activation.failed", t.credential, reason, map[string]any{"transaction": t.id})}
	if err := s.settle(ctx, t); err != nil {
		s.cfg.Log.Error("a failed approval could not be recorded; it is tried again", "transaction", t.id, "error", err)
	}
	s.finish(t, state, reason, at)
	if Code(why) == "" {
		return errors.Join(ErrUnavailable, why)
	}
	return why
}

// finish closes t in memory. t.mu is held.
func (s *Service) finish(t *transaction, state, reason string, at time.Time) {
	t.key = nil
	if t.state == TxOpen {
		t.state, t.reason, t.closed = state, reason, at
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire(t)
}

// signedEvent says what an auditor needs to prove each signature's approval from
// an export: digests of the evidence, and of what was signed by it.
func (s *Service) signedEvent(t *transaction, c *stored, a *solecontrol.Approval, signatures [][]byte, at time.Time) audit.Event {
	text := func(b []byte) string { return hex.EncodeToString(b) }
	documents := make([]map[string]string, len(signatures))
	for i, sig := range signatures {
		documents[i] = map[string]string{"dtbsr": text(t.prepared[i].dtbsr[:]), "signature_sha256": text(sum(sig))}
	}
	e := s.event("resident:"+t.account, "activation.signed", t.credential, "", map[string]any{
		"transaction":               t.id,
		"service":                   t.service.ID,
		"certificate_sha256":        text(c.record.Certificate),
		"binding":                   text(c.record.Binding[:]),
		"passkey_key_sha256":        text(sum(c.binding.PasskeyKey)),
		"request_sha256":            text(sum(a.Request)),
		"authenticator_data_sha256": text(sum(a.Assertion.AuthenticatorData)),
		"client_data_sha256":        text(sum(a.Assertion.ClientDataJSON)),
		"assertion_sha256":          text(sum(a.Assertion.Signature)),
		"device_signature_sha256":   text(sum(a.DeviceSignature)),
		"documents":                 documents,
	})
	e.At, e.Role = at, "resident"
	return e
}
