package signer

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/signer/evidence"
	"chop/signer/ledger"
)

// drive brings a signing as far as it can be brought now. Whoever calls it, and however
// often, and on however many nodes: each step is recorded once, in the state from which
// it starts. sitting says that somebody waits for it: then a signing that was prepared by
// a process which died is asked for again.
func (r *Residents) drive(ctx context.Context, g *ledger.Signing, sitting bool) error {
	switch g.State {
	case ledger.Prepared:
		return r.drivePrepared(ctx, g, sitting)
	case ledger.Waiting:
		if err := r.driveWaiting(ctx, g); err != nil {
			return err
		}
		again, err := r.store.Find(ctx, g.ID)
		if err != nil || again.State != ledger.Collected {
			return err
		}
		return r.finish(ctx, again)
	case ledger.Collected:
		return r.finish(ctx, g)
	}
	return nil
}

func (r *Residents) drivePrepared(ctx context.Context, g *ledger.Signing, sitting bool) error {
	lease := r.newLease()
	if r.c.Now().Sub(g.ChangedAt) > preparedFor {
		return ignoreLost(r.close(ctx, ledger.Change{
			ID: g.ID, From: ledger.Prepared, To: ledger.Expired, Event: r.event(g, "signer.resident.expire", nil),
		}))
	}
	got, err := r.store.Lease(ctx, g.ID, lease, leaseTime)
	if err != nil || !got {
		return err
	}
	if !sitting {
		return r.store.Release(ctx, g.ID, lease, r.c.Now().Add(time.Minute), false)
	}
	m, err := r.eligible(ctx, g.Account, g.CredentialID.String())
	if err == nil && !bytes.Equal(m.certificate.SHA256, g.Certificate) {
		err = fmt.Errorf("%w: there is a newer one", ErrCertificate)
	}
	if err != nil {
		return errors.Join(err, r.notAsked(ctx, g, lease, err))
	}
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return errors.Join(err, r.store.Release(ctx, g.ID, lease, r.c.Now(), false))
	}
	return r.ask(ctx, g, m, docs, lease)
}

// driveWaiting looks what became of the question.
func (r *Residents) driveWaiting(ctx context.Context, g *ledger.Signing) error {
	t, err := r.c.Activation.Transaction(ctx, *g.Tx)
	if errors.Is(err, ErrNoTransaction) {
		t, err = TransactionState{State: "expired"}, nil
	}
	if err != nil {
		return fmt.Errorf("look after the question: %w", err)
	}
	c := ledger.Change{ID: g.ID, From: ledger.Waiting}
	switch t.State {
	case "approved":
		return r.collect(ctx, g)
	case "declined":
		c.To, c.Failure = ledger.Declined, "declined"
		if t.Reason == "not-me" {
			if err := r.c.Accounts.NotMe(ctx, g.Account.String()); err != nil {
				return fmt.Errorf("suspend the account: %w", err)
			}
			c.Failure = "not-me"
		}
		c.Event = r.event(g, "signer.resident.decline", map[string]any{"transaction": *g.Tx, "why": c.Failure})
		c.Then = r.notice(g, c.Failure)
	case "expired":
		c.To = ledger.Expired
		c.Event = r.event(g, "signer.resident.expire", map[string]any{"transaction": *g.Tx})
	case "cancelled":
		c.To = ledger.Cancelled
		if t.Reason == "suspended" || t.Reason == "destroyed" {
			c.To, c.Failure = ledger.Failed, "suspended"
		}
		c.Event = r.event(g, "signer.resident.cancel", map[string]any{"transaction": *g.Tx, "why": c.Failure})
	case "failed":
		c.To, c.Failure = ledger.Failed, "device"
		c.Event = r.event(g, "signer.resident.fail", map[string]any{"transaction": *g.Tx, "why": c.Failure})
		c.Event.Reason = printable(t.Reason)
		c.Then = r.notice(g, "failed")
	default: // open
		return nil
	}
	return ignoreLost(r.close(ctx, c))
}

// ignoreLost: another node was faster, which is as good.
func ignoreLost(err error) error {
	if errors.Is(err, ledger.ErrTransition) {
		return nil
	}
	return err
}

// collect fetches what the device has approved, and records it for good before the
// activation process may forget its copy. What does not fit what was asked is not kept.
func (r *Residents) collect(ctx context.Context, g *ledger.Signing) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	got, err := r.c.Activation.Collect(ctx, *g.Tx)
	if errors.Is(err, ErrNoTransaction) {
		return r.fail(ctx, g, "late", err)
	}
	if err != nil {
		return fmt.Errorf("collect signatures: %w", err)
	}
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return err
	}
	m, err := r.material(ctx, g)
	if err != nil {
		return err
	}
	if err := fits(g, m, docs, got); err != nil {
		return errors.Join(r.fail(ctx, g, "mismatch", err), r.c.Activation.Acknowledge(ctx, *g.Tx))
	}
	if err := r.c.Accounts.MaySign(ctx, g.Account.String()); errors.Is(err, ErrAccount) || errors.Is(err, ErrLite) {
		return errors.Join(r.fail(ctx, g, "suspended", err), r.c.Activation.Acknowledge(ctx, *g.Tx))
	} else if err != nil {
		return err
	}
	proof, err := json.Marshal(got.Evidence)
	if err != nil {
		return fmt.Errorf("encode evidence: %w", err)
	}
	for i, d := range docs {
		d.Signature = got.Signatures[i]
	}
	err = r.store.Apply(ctx, ledger.Change{
		ID: g.ID, From: ledger.Waiting, To: ledger.Collected, Evidence: proof, Signatures: got.Signatures, ApprovedAt: got.At,
		LookAt: r.c.Now(), Event: r.event(g, evidence.ActionCollect, provenDetail(g, docs, &got.Evidence)),
	})
	if err != nil {
		return ignoreLost(err)
	}
	return r.acknowledge(ctx, g)
}

// fits verifies what was collected: a signature a document, and evidence that the
// resident's passkey approved exactly these.
func fits(g *ledger.Signing, m *residentMaterial, docs []*ledger.Document, got *Collected) error {
	if len(got.Signatures) != len(docs) {
		return fmt.Errorf("%d signatures for %d documents", len(got.Signatures), len(docs))
	}
	want := evidence.Expected{
		Tx: *g.Tx, Credential: g.CredentialID.String(), Certificate: g.Certificate, PasskeyKey: m.credential.Passkey,
	}
	for i, d := range docs {
		if err := m.identity.Verify(d.DTBSR, got.Signatures[i]); err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
		want.Documents = append(want.Documents, evidence.ExpectedDocument{Digest: d.Digest, DTBSR: d.DTBSR})
	}
	return got.Evidence.Check(want)
}

// provenDetail is what the log says of an approval: digests, for an auditor.
func provenDetail(g *ledger.Signing, docs []*ledger.Document, a *ApprovalEvidence) map[string]any {
	detail := map[string]any{
		"transaction": *g.Tx, "credential": g.CredentialID.String(), "certificate_sha256": hex.EncodeToString(g.Certificate),
		"service": g.ServiceID, "documents": digestsOf(docs),
	}
	for key, digest := range maps.All(a.Digests()) {
		detail[key] = digest
	}
	return detail
}

func (r *Residents) acknowledge(ctx context.Context, g *ledger.Signing) error {
	if err := r.c.Activation.Acknowledge(ctx, *g.Tx); err != nil && !errors.Is(err, ErrNoTransaction) {
		return fmt.Errorf("acknowledge signatures: %w", err)
	}
	return r.store.Acknowledged(ctx, g.ID)
}

// fail closes a signing of which nothing is handed out, and tells the resident.
func (r *Residents) fail(ctx context.Context, g *ledger.Signing, why string, cause error) error {
	e := r.event(g, "signer.resident.fail", map[string]any{"why": why})
	if g.Tx != nil {
		e.Detail["transaction"] = *g.Tx
	}
	if cause != nil {
		e.Reason = printable(cause.Error())
		r.c.Log.Warn("a resident's signing failed", "signing", g.ID, "why", why, "error", printable(cause.Error()))
	}
	return ignoreLost(r.close(ctx, ledger.Change{
		ID: g.ID, From: g.State, To: ledger.Failed, Failure: why, Event: e, Then: r.notice(g, "failed"),
	}))
}

// notice enqueues a message to the resident in the transaction of what it is about.
func (r *Residents) notice(g *ledger.Signing, kind string) func(context.Context, postgres.Tx) error {
	return func(ctx context.Context, tx postgres.Tx) error {
		err := r.c.Notifier.Notify(ctx, tx, Notice{Account: g.Account.String(), Kind: kind, Params: map[string]string{
			"signing": g.ID.String(), "service": g.ServiceName, "documents": fmt.Sprint(g.Documents),
		}})
		if err != nil {
			return fmt.Errorf("notify resident: %w", err)
		}
		return nil
	}
}

// own finds a signing of the caller's account; another's is not found.
func (r *Residents) own(ctx context.Context, by Caller, id string) (*ledger.Signing, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil, ErrSigningNotFound
	}
	g, err := r.store.Find(ctx, u)
	if errors.Is(err, ledger.ErrNotFound) || err == nil && g.Account.String() != by.Account {
		return nil, ErrSigningNotFound
	}
	return g, err
}
