package activation

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"chop/internal/audit"
	"chop/internal/solecontrol"
)

// stored is a credential that was read and believed: its record has its tag,
// is the newest, and fits everything beside it.
type stored struct {
	row         *credentialRow
	binding     *solecontrol.Binding
	record      *solecontrol.Record
	certificate *x509.Certificate // nil until issued
}

// load reads a credential and checks that nobody but this process wrote it.
// ErrMismatch, which is told to the log and to the operator's: somebody did.
func (s *Service) load(ctx context.Context, id string) (*stored, error) {
	row, err := s.store.credential(ctx, id)
	if err != nil {
		return nil, err
	}
	tag, err := s.cfg.MAC.Sum(ctx, solecontrol.RecordInput(row.Record))
	if err != nil {
		return nil, fmt.Errorf("check record: %w: %w", ErrUnavailable, err)
	}
	c, why := believe(row, tag, s.versions.highest(id))
	if why != "" {
		s.cfg.Log.Error("a stored credential is not what was stored", "credential", id, "what", why)
		s.tell(ctx, s.event("system:activation", "activation.mismatch", id, why, nil))
		return nil, fmt.Errorf("credential: %w: %s", ErrMismatch, why)
	}
	return c, nil
}

// believe compares; it returns what does not fit.
func believe(row *credentialRow, tag []byte, highest uint64) (*stored, string) {
	if !hmac.Equal(tag, row.Tag) {
		return nil, "the record's tag"
	}
	c := &stored{row: row}
	var err error
	if c.record, err = solecontrol.ParseRecord(row.Record); err != nil {
		return nil, "the record"
	}
	if c.binding, err = solecontrol.ParseBinding(row.Binding); err != nil || solecontrol.BindingDigest(row.Binding) != c.record.Binding {
		return nil, "the binding"
	}
	switch {
	case c.binding.Credential != row.ID, c.binding.Account != row.Account:
		return nil, "whose it is"
	case c.record.Version < highest:
		return nil, "an old record"
	case int64(c.record.Version) != row.Version, string(c.record.State) != row.State:
		return nil, "version or state"
	case c.record.State != solecontrol.Destroyed && sha256.Sum256(row.Sealed) != c.record.Sealed:
		return nil, "the sealed key"
	case (row.Certificate == nil) != (c.record.Certificate == nil):
		return nil, "the certificate"
	}
	if row.Certificate != nil {
		sum := sha256.Sum256(row.Certificate)
		if !bytes.Equal(sum[:], c.record.Certificate) {
			return nil, "the certificate"
		}
		if c.certificate, err = x509.ParseCertificate(row.Certificate); err != nil || !bytes.Equal(c.certificate.RawSubjectPublicKeyInfo, c.binding.SPKI) {
			return nil, "the certificate's key"
		}
	}
	return c, ""
}

// maySign is nil if the credential may sign now.
func (s *Service) maySign(c *stored, now time.Time) error {
	s.mu.Lock()
	stopped := s.stopped[c.row.ID]
	s.mu.Unlock()
	switch {
	case stopped, c.row.Stopped, c.record.State == solecontrol.Suspended:
		return ErrSuspended
	case c.record.State == solecontrol.Destroyed:
		return fmt.Errorf("%w: its key is destroyed", ErrNotFound)
	case c.record.State != solecontrol.Active:
		return fmt.Errorf("%w: the credential has no certificate yet", ErrRefused)
	case now.Before(c.certificate.NotBefore), now.After(c.certificate.NotAfter):
		return fmt.Errorf("%w: the certificate is not valid now", ErrRefused)
	}
	return nil
}

// Credential says how a credential is.
func (s *Service) Credential(ctx context.Context, id string) (*CredentialStatus, error) {
	c, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.status(c), nil
}

func (s *Service) status(c *stored) *CredentialStatus {
	passkey := sha256.Sum256(c.binding.PasskeyID)
	out := &CredentialStatus{
		State: string(c.record.State), Account: c.binding.Account, Certificate: c.record.Certificate, Passkey: passkey[:],
		BackupEligible: c.binding.BackupEligible, DeviceKey: c.binding.DeviceKey != nil,
		Version: c.record.Version, Approvals: c.row.Approvals,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if (s.stopped[c.row.ID] || c.row.Stopped) && c.record.State == solecontrol.Active {
		out.State = string(solecontrol.Suspended)
	}
	return out
}

// alter stores a credential's next record. step changes the copy that it gets,
// and returns what is presented with it, if anything, and the event; nil instead
// of an event if there is nothing to change. It is asked again if another change
// came between.
func (s *Service) alter(ctx context.Context, id string, step func(*stored, *solecontrol.Record) (*presented, *audit.Event, error)) (*stored, error) {
	for range 8 {
		c, err := s.load(ctx, id)
		if err != nil {
			return nil, err
		}
		next := *c.record
		next.Version++
		used, event, err := step(c, &next)
		if err != nil {
			return nil, err
		}
		if event == nil {
			return c, nil
		}
		record, err := next.Marshal()
		if err != nil {
			return nil, err
		}
		tag, err := s.cfg.MAC.Sum(ctx, solecontrol.RecordInput(record))
		if err != nil {
			return nil, fmt.Errorf("authenticate record: %w: %w", ErrUnavailable, err)
		}
		now := s.cfg.Now()
		done, err := s.store.change(ctx, c, &next, record, tag, used, now, *event)
		if err != nil {
			return nil, err
		}
		if !done {
			continue
		}
		if err := s.versions.raise(id, next.Version); err != nil {
			// The change counts; the next start notes it.
			s.cfg.Log.Error("a version could not be remembered beside the database", "credential", id, "error", err)
		}
		if next.State != solecontrol.Active {
			s.dropOpen(id, string(next.State))
		}
		return s.load(ctx, id)
	}
	return nil, fmt.Errorf("change credential: %w: others change it all the time", ErrUnavailable)
}

// event fills an audit event about a credential.
func (s *Service) event(actor, action, credential, reason string, detail map[string]any) audit.Event {
	return audit.Event{
		At: s.cfg.Now(), Actor: actor, Role: "activation", Place: "activation", Action: action,
		Subject: "credential:" + credential, Reason: reason, Detail: detail,
	}
}

// tell records an event that stands alone. It must not hide the refusal that it
// tells of, so its own failure is only logged.
func (s *Service) tell(ctx context.Context, e audit.Event) {
	if err := s.store.event(context.WithoutCancel(ctx), e); err != nil {
		s.cfg.Log.Error("an event could not be recorded", "action", e.Action, "error", err)
	}
}
