package signer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/signer/ledger"
)

const (
	// leaseTime is how long one node has a signing for itself without saying so again, which it does while it works: so
	// long a person waits whose node was killed.
	leaseTime = 15 * time.Second
	// askTimeout bounds putting a question, also after its caller has gone.
	askTimeout = 30 * time.Second
	// lookEvery is how often housekeeping looks after a question.
	lookEvery = 3 * time.Second
	// preparedFor is how long a signing stays prepared whose process died before the
	// device was asked. A question that it may have put is forgotten sooner.
	preparedFor = 10 * time.Minute
)

func (r *Residents) newLease() string { return r.c.Node + "/" + uuid.NewString() }

// hold keeps a lease while its node works on the signing, until the function that it returns is called.
func (r *Residents) hold(ctx context.Context, id uuid.UUID, lease string) (release func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(leaseTime / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := r.store.Extend(ctx, id, lease, leaseTime); err != nil && ctx.Err() == nil {
				r.c.Log.Warn("a lease could not be extended: another node may begin with the same signing", "signing", id, "error", printable(err.Error()))
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// ask puts the question to the device and records it. The signing is prepared and leased.
// A process that dies in between leaves a question that nobody can find; the signing is
// still prepared, and the next question for its credential ends that one.
func (r *Residents) ask(ctx context.Context, g *ledger.Signing, m *residentMaterial, docs []*ledger.Document, lease string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	defer r.hold(ctx, g.ID, lease)()
	mint := MintRequest{Credential: m.credential.ID.String(), Service: ResidentService{g.ServiceID, g.ServiceName}, Return: g.ReturnURL}
	for _, d := range docs {
		o := offered(r.policy, d)
		mint.Documents = append(mint.Documents, MintDocument{
			Name: o.Name, Type: o.Type, Size: o.Size, Policy: o.Policy, Hash: o.Hash, Attributes: o.Attributes, ByteRange: o.ByteRange,
		})
	}
	minted, err := r.c.Activation.Mint(ctx, mint)
	if err != nil {
		return errors.Join(fmt.Errorf("ask the resident's device: %w", err), r.notAsked(ctx, g, lease, err))
	}
	err = r.store.Apply(ctx, ledger.Change{
		ID: g.ID, From: ledger.Prepared, To: ledger.Waiting, Lease: lease, Tx: minted.Tx, Code: minted.Code, NotAfter: minted.NotAfter,
		LookAt: r.c.Now().Add(lookEvery),
		Event:  r.event(g, "signer.resident.ask", map[string]any{"transaction": minted.Tx, "not_after": minted.NotAfter.UTC().Format(time.RFC3339)}),
	})
	if err != nil {
		return errors.Join(err, r.c.Activation.Cancel(ctx, minted.Tx))
	}
	return nil
}

// notAsked closes a signing whose question was refused.
func (r *Residents) notAsked(ctx context.Context, g *ledger.Signing, lease string, why error) error {
	c := ledger.Change{ID: g.ID, From: ledger.Prepared, To: ledger.Cancelled, Lease: lease, Failure: "unavailable"}
	switch {
	case errors.Is(why, ErrSuspended):
		c.To, c.Failure = ledger.Failed, "suspended"
	case errors.Is(why, ErrBusy):
		c.Failure = "busy"
	}
	c.Event = r.event(g, "signer.resident.not-asked", map[string]any{"why": c.Failure})
	c.Event.Reason = printable(why.Error())
	return r.close(ctx, c)
}

// unlessOpen records an intent. Where another signing of the credential is open in our books it looks first what became
// of that: its device may have answered, or been suspended, since anybody looked. ErrBusy if it is open indeed. Whoever
// waits here does not wait for the other one's files, nor does it matter to them if those cannot be finished.
func (r *Residents) unlessOpen(ctx context.Context, credential uuid.UUID, record func() error) error {
	err := record()
	if !errors.Is(err, ledger.ErrOpen) {
		return err
	}
	open, err := r.store.FindOpen(ctx, credential)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) { // ErrNotFound: it ended meanwhile
		return err
	}
	var looked error
	if open != nil {
		switch open.State {
		case ledger.Prepared:
			looked = r.drivePrepared(ctx, open, false)
		case ledger.Waiting:
			looked = r.driveWaiting(ctx, open)
		}
	}
	if err = record(); errors.Is(err, ledger.ErrOpen) {
		return errors.Join(ErrBusy, looked)
	}
	return err
}

// close applies a change to a closed state.
func (r *Residents) close(ctx context.Context, c ledger.Change) error {
	now := r.c.Now()
	c.LookAt = now
	switch c.To {
	case ledger.Signed:
		c.FilesUntil = r.kept.signed.End(now)
	default:
		c.FilesUntil = r.kept.prepared.End(now)
	}
	return r.store.Apply(ctx, c)
}

// askAndShow asks, and returns the signing as it is then.
func (r *Residents) askAndShow(ctx context.Context, id uuid.UUID, m *residentMaterial, docs []*ledger.Document, lease string) (*Signing, error) {
	g, err := r.store.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	asked := r.ask(ctx, g, m, docs, lease)
	s, err := r.show(ctx, id)
	if err != nil {
		return nil, errors.Join(asked, err)
	}
	return s, asked
}

// Cancel closes a signing that the device has not answered yet; ErrState if it is too late, with what became of it.
func (r *Residents) Cancel(ctx context.Context, by Caller, id string) (*Signing, error) {
	g, err := r.own(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if g.State == ledger.Waiting {
		if err := r.c.Activation.Cancel(ctx, *g.Tx); err != nil && !errors.Is(err, ErrNoTransaction) {
			return nil, fmt.Errorf("withdraw the question: %w", err)
		}
		t, err := r.c.Activation.Transaction(ctx, *g.Tx)
		if errors.Is(err, ErrNoTransaction) {
			t, err = TransactionState{State: "expired"}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("look after the question: %w", err)
		}
		switch {
		case t.State == "expired", t.State == "cancelled" && t.Reason != "suspended" && t.Reason != "destroyed": // by us
		default: // the device was faster: what it said counts
			s, err := r.Signing(ctx, by, id)
			return s, errors.Join(fmt.Errorf("%w: its question is %s already", ErrState, t.State), err)
		}
	}
	err = r.close(ctx, ledger.Change{
		ID: g.ID, From: g.State, To: ledger.Cancelled, Event: r.event(g, "signer.resident.cancel", nil),
	})
	if errors.Is(err, ledger.ErrTransition) {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if err != nil {
		return nil, err
	}
	return r.show(ctx, g.ID)
}

// Renew asks the device again after expiry, after a decline, or after Cancel. The
// documents are prepared anew, with the certificate and the time of now.
func (r *Residents) Renew(ctx context.Context, by Caller, id string) (*Signing, error) {
	g, err := r.own(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if !ledger.Renewable(g.State) {
		return nil, fmt.Errorf("%w: it is %s", ErrState, shown(g.State))
	}
	m, err := r.eligible(ctx, g.Account, "")
	if err != nil {
		return nil, err
	}
	if m.credential.ID != g.CredentialID {
		return nil, fmt.Errorf("%w: it was begun with another device; begin anew", ErrState)
	}
	v, err := r.vault(ctx, g)
	if err != nil {
		return nil, err
	}
	in, err := r.originals(ctx, g, v)
	if err != nil {
		return nil, err
	}
	g.Certificate, g.Place = m.certificate.SHA256, by.Place
	docs, files, err := r.prepareAll(ctx, g, m, v, in)
	if err != nil {
		return nil, err
	}
	lease := r.newLease()
	err = r.unlessOpen(ctx, m.credential.ID, func() error {
		return r.store.Renew(ctx, g, docs, files, lease, leaseTime, r.intent(g, docs, "signer.resident.renew"))
	})
	switch {
	case errors.Is(err, ledger.ErrTransition):
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	case err != nil:
		return nil, err
	}
	return r.askAndShow(ctx, g.ID, m, docs, lease)
}
