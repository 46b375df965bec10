package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"chop/ca/journal"
	"chop/internal/audit"
)

// renew carries out renew-arl: the CA certificates named are revoked in the
// records, and the root signs a new list.
func (c *ceremony) renew(ctx context.Context) (*made, error) {
	t, err := c.before(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range c.plan.Revoke {
		if _, err := journal.Do(ctx, c.journal, "revoke "+r.Serial, func(bool) (PlanRevoke, error) { return r, c.revokeCA(ctx, t.root.cert, r) }); err != nil {
			return nil, err
		}
		t.revoked = append(t.revoked, r)
	}
	t.arl, err = c.signARL(ctx, t.root)
	return t, err
}

// before reads what the ceremony that created the CA made.
func (c *ceremony) before(ctx context.Context) (*made, error) {
	e, err := journal.Read(ctx, c.cfg.DB, createCeremony)
	if errors.Is(err, journal.ErrNone) {
		return nil, ErrNoCeremony
	}
	if err != nil {
		return nil, err
	}
	t := new(made)
	for _, one := range []struct {
		profile string
		into    **madeCA
	}{{"root", &t.root}, {"issuing-ca", &t.issuing}} {
		m := new(madeCA)
		if err := errors.Join(
			e.Result(ctx, c.cfg.DB, one.profile+" key", &m.keyResult),
			e.Result(ctx, c.cfg.DB, one.profile+" certificate", &m.certificate)); err != nil {
			return nil, err
		}
		if m.cert, err = x509.ParseCertificate(m.certificate.DER); err != nil {
			return nil, fmt.Errorf("read %s certificate: %w", one.profile, err)
		}
		*one.into = m
	}
	if c.journal.Transcript == nil {
		t.root.key, err = c.findKey(ctx, t.root.keyResult)
	}
	return t, err
}

// revokeCA revokes a CA certificate in the records; from then on the issuing
// CA signs no certificate any more. Doing it again after a kill changes nothing.
func (c *ceremony) revokeCA(ctx context.Context, root *x509.Certificate, r PlanRevoke) error {
	id, err := newRootID(root)
	if err != nil {
		return err
	}
	serial, err := ParseSerial(r.Serial)
	if err != nil {
		return err
	}
	reason, err := ParseReason(r.Reason)
	if err != nil {
		return err
	}
	if known, err := c.store.find(ctx, id.id[:], serial); err == nil && known.Status == Revoked {
		return nil
	}
	now := c.cfg.Now()
	return c.store.change(ctx, id.id[:], serial,
		func(before record) (record, error) { return before.next(Revoked, reason.Code, now) },
		func(before, after record) audit.Event {
			return audit.Event{At: now, Actor: c.actor(), Action: "ca.revoke", Subject: certificateSubject(serial.Bytes()), Reason: reason.text(),
				Detail: map[string]any{"from": before.Status, "to": after.Status}}
		})
}
