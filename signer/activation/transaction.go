package activation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"chop/internal/solecontrol"
)

// transaction is one request for an approval. Its key, its nonce and what it is
// about lie in this process's memory only: no row of the database brings back
// one that is over.
type transaction struct {
	id         string
	credential string
	account    string
	version    uint64 // of the record at minting
	service    solecontrol.Service
	documents  []solecontrol.OfferDocument
	prepared   []prepared
	minted     time.Time
	notAfter   time.Time
	want       solecontrol.Request // R, as the page must have built it
	offer      solecontrol.Offer
	size       int64 // of the attributes
	retired    bool  // in Service.closed; under its mutex

	mu     sync.Mutex
	key    *solecontrol.TransactionKey // nil once it was used, or is over
	state  string
	reason string
	closed time.Time
	tries  int
	owed   *closing // what the database does not know yet
}

// Mint opens a transaction for a credential: one at a time. ErrBusy, unless it is instead of that one; ErrSuspended.
func (s *Service) Mint(ctx context.Context, m MintRequest) (*Minted, error) {
	if err := s.checkMint(&m); err != nil {
		return nil, err
	}
	c, err := s.load(ctx, m.Credential)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	if err := s.maySign(c, now); err != nil {
		return nil, err
	}
	t, err := s.prepare(c, &m, now)
	if err != nil {
		return nil, err
	}
	if m.Instead {
		if err := s.endOpen(ctx, m.Credential, now); err != nil {
			return nil, err
		}
	}
	if err := s.keep(t); err != nil {
		return nil, err
	}
	// A row that outlived its time in memory would keep the credential busy.
	if err := s.store.expire(ctx, m.Credential, now); err != nil {
		s.drop(t)
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e := s.event("service:"+m.Service.ID, "activation.mint", m.Credential, "", map[string]any{"transaction": t.id, "documents": len(t.documents)})
	if err := s.store.mint(ctx, t, e); err != nil {
		s.drop(t)
		if errors.Is(err, ErrBusy) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &Minted{Tx: t.id, Code: t.offer.Code, NotAfter: t.want.NotAfter}, nil
}

func (s *Service) checkMint(m *MintRequest) error {
	if m.TTL < 0 || m.TTL > int(maxTTL/time.Second) || len(m.Documents) < 1 || len(m.Documents) > solecontrol.MaxDocuments {
		return fmt.Errorf("%w: time or number of documents", ErrRefused)
	}
	if m.TTL == 0 {
		m.TTL = int(maxTTL / time.Second)
	}
	if err := m.Service.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	for i := range m.Documents {
		if err := m.Documents[i].Check(); err != nil {
			return fmt.Errorf("%w: document %d: %w", ErrRefused, i+1, err)
		}
	}
	return s.checkReturn(m.Return)
}

// prepare makes a transaction: reads what is to be signed, makes the key.
func (s *Service) prepare(c *stored, m *MintRequest, now time.Time) (*transaction, error) {
	notAfter := solecontrol.At(now.Add(time.Duration(m.TTL) * time.Second))
	t := &transaction{
		id: solecontrol.NewID(), credential: c.row.ID, account: c.binding.Account, version: c.record.Version,
		service: m.Service, documents: m.Documents, minted: now, notAfter: notAfter.Time, state: TxOpen,
	}
	nonce := solecontrol.NewNonce()
	var err error
	if t.key, err = solecontrol.NewTransactionKey(); err != nil {
		return nil, err
	}
	t.want = solecontrol.Request{
		Kind: "sign", Tx: t.id, Nonce: nonce, NotAfter: notAfter, HPKEKey: t.key.Public(), RPID: s.cfg.RPID,
		Credential: t.credential, Certificate: c.record.Certificate, Service: m.Service,
	}
	for i, d := range m.Documents {
		p, err := readAttributes(d.Attributes, c.certificate)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		t.prepared = append(t.prepared, p)
		t.size += int64(len(d.Attributes))
		t.want.Documents = append(t.want.Documents, solecontrol.RequestDocument{
			Name: d.Name, Type: d.Type, SHA256: p.digest, Policy: d.Policy, Hash: d.Hash, DTBSR: p.dtbsr[:],
		})
	}
	t.offer = solecontrol.Offer{
		Kind: "sign", Tx: t.id, Nonce: nonce, NotAfter: notAfter, HPKEKey: t.want.HPKEKey, RPID: s.cfg.RPID,
		Credential: t.credential, Certificate: c.record.Certificate, Passkey: c.binding.PasskeyID, PRFSalt: c.binding.PRFSalt[:],
		DeviceKey: c.binding.DeviceKey != nil, Code: solecontrol.Code(t.id, nonce), Service: m.Service, Return: m.Return,
		Documents: m.Documents,
	}
	return t, nil
}

// keep takes a transaction into memory. ErrBusy if one is open for its credential.
func (s *Service) keep(t *transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped[t.credential] {
		return ErrSuspended
	}
	if old := s.byOwner[t.credential]; old != nil {
		if old.notAfter.After(t.minted) {
			return ErrBusy
		}
		s.retire(old)
	}
	if len(s.byOwner) >= s.cfg.MaxOpen || s.held+t.size > maxHeld {
		return fmt.Errorf("%w: too many transactions are open", ErrUnavailable)
	}
	s.open[t.id], s.byOwner[t.credential] = t, t
	s.held += t.size
	return nil
}

// drop forgets a transaction that was never recorded.
func (s *Service) drop(t *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(t)
}

// remove takes t out of memory; mu is held.
func (s *Service) remove(t *transaction) {
	if s.open[t.id] == t {
		delete(s.open, t.id)
		s.held -= t.size
	}
	if s.byOwner[t.credential] == t {
		delete(s.byOwner, t.credential)
	}
}

// inMemory finds a transaction.
func (s *Service) inMemory(id string) *transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

// shut closes t in memory: its key is gone from this moment on. The first one
// to shut it says how it ended.
func (s *Service) shut(t *transaction, state, reason string) {
	t.mu.Lock()
	t.key = nil
	if t.state == TxOpen {
		t.state, t.reason, t.closed = state, reason, s.cfg.Now()
	}
	t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire(t)
}

// retire takes a closed transaction off its credential, and forgets the oldest
// closed ones: pages that ask for them get their answer from the database. mu is
// held.
func (s *Service) retire(t *transaction) {
	if s.byOwner[t.credential] == t {
		delete(s.byOwner, t.credential)
	}
	if s.open[t.id] != t || t.retired {
		return
	}
	t.retired = true
	s.closed = append(s.closed, t)
	for len(s.closed) > maxClosed || len(s.closed) > 1 && s.held > maxHeld/2 {
		s.remove(s.closed[0])
		s.closed[0] = nil
		s.closed = s.closed[1:]
	}
}

// dropOpen shuts what is open for a credential. It does not wait for an approval
// that is on its way to the key: that one fails at its record.
func (s *Service) dropOpen(credential, reason string) {
	s.mu.Lock()
	t := s.byOwner[credential]
	delete(s.byOwner, credential)
	s.mu.Unlock()
	if t != nil {
		go s.shut(t, TxCancelled, reason)
	}
}

// Offer is what the page gets: signed, and with the state at this moment.
func (s *Service) Offer(ctx context.Context, id string) (*solecontrol.SignedOffer, error) {
	t := s.inMemory(id)
	if t == nil {
		return nil, s.over(ctx, id)
	}
	t.mu.Lock()
	offer := t.offer
	offer.State = t.state
	if t.state == TxOpen && !s.cfg.Now().Before(t.notAfter) {
		offer.State = TxExpired
	}
	t.mu.Unlock()
	signed, err := solecontrol.SignOffer(s.cfg.Identity, &offer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return signed, nil
}

// over is the error about a transaction that is not in memory.
func (s *Service) over(ctx context.Context, id string) error {
	st, err := s.Transaction(ctx, id)
	switch {
	case err != nil:
		return err
	case st.State == TxExpired, st.State == TxOpen: // open in a process that is gone
		return ErrExpired
	case st.State == TxCancelled && (st.Reason == string(solecontrol.Suspended) || st.Reason == string(solecontrol.Destroyed)):
		return ErrSuspended
	}
	return ErrUsed
}

// Transaction says what became of a transaction.
func (s *Service) Transaction(ctx context.Context, id string) (*TransactionStatus, error) {
	if err := solecontrol.CheckID(id); err != nil {
		return nil, ErrNotFound
	}
	if err := s.settleOne(ctx, id); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	row, err := s.store.transaction(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &TransactionStatus{State: row.State, Reason: row.Reason}
	if row.Closed != nil {
		at := solecontrol.At(*row.Closed)
		out.At = &at
		return out, nil
	}
	out.State = TxOpen // "approving" is for this process to know
	if t := s.inMemory(id); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.state == TxOpen && !s.cfg.Now().Before(t.notAfter) {
			out.State = TxExpired
		}
	}
	return out, nil
}

// Cancel closes an open transaction.
func (s *Service) Cancel(ctx context.Context, id string) (*TransactionStatus, error) {
	if err := s.end(ctx, id, TxCancelled, "cancelled", "service"); err != nil && !errors.Is(err, ErrUsed) {
		return nil, err
	}
	return s.Transaction(ctx, id)
}

// Decline closes an open transaction as the person wishes. One who says that this
// was not they suspends the credential: somebody else asks in their name.
func (s *Service) Decline(ctx context.Context, id, reason string) error {
	if reason != "declined" && reason != "not-me" {
		return fmt.Errorf("%w: reason", ErrRefused)
	}
	t := s.inMemory(id)
	if t == nil {
		return s.over(ctx, id)
	}
	if err := s.end(ctx, id, TxDeclined, reason, "resident:"+t.account); err != nil {
		return err
	}
	if reason == "not-me" {
		_, err := s.Suspend(ctx, t.credential, Act{By: "resident:" + t.account, Reason: "not-me"})
		return err
	}
	return nil
}

// end closes a transaction in memory and in the database. ErrUsed if it was over.
func (s *Service) end(ctx context.Context, id, state, reason, actor string) error {
	if err := solecontrol.CheckID(id); err != nil {
		return ErrNotFound
	}
	row, err := s.store.transaction(ctx, id)
	if err != nil {
		return err
	}
	if t := s.inMemory(id); t != nil {
		s.shut(t, state, reason)
		t.mu.Lock()
		err := s.settle(ctx, t) // of one that failed before this
		t.mu.Unlock()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	e := s.event(actor, "activation."+state, row.Credential, reason, map[string]any{"transaction": id})
	done, err := s.store.closeTransaction(ctx, id, state, reason, s.cfg.Now(), e)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !done {
		return ErrUsed
	}
	return nil
}

// Collect gives what an approval released, again and again until it is
// acknowledged, or for ten minutes.
func (s *Service) Collect(ctx context.Context, id string) (*Collected, error) {
	if err := solecontrol.CheckID(id); err != nil {
		return nil, ErrNotFound
	}
	row, err := s.store.transaction(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case row.State == TxExpired:
		return nil, ErrExpired
	case row.State != TxApproved:
		return nil, fmt.Errorf("%w: the transaction is not approved", ErrRefused)
	case row.Signatures == nil || s.cfg.Now().Sub(*row.Closed) > collectWithin:
		return nil, fmt.Errorf("collect: %w", ErrUsed)
	}
	evidence, at, err := s.store.evidence(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.load(ctx, row.Credential) // whose passkey it was is evidence too
	if err != nil {
		return nil, err
	}
	binding := c.binding
	evidence.Passkey, evidence.COSEKey, evidence.DeviceKey = binding.PasskeyID, binding.PasskeyKey, binding.DeviceKey
	evidence.RPID, evidence.Origin, evidence.Binding = binding.RPID, s.cfg.ApproveOrigin, c.row.Binding
	out := &Collected{Evidence: evidence, At: solecontrol.At(at)}
	for _, sig := range row.Signatures {
		out.Signatures = append(out.Signatures, sig)
	}
	return out, nil
}

// Acknowledge destroys the signatures of a transaction.
func (s *Service) Acknowledge(ctx context.Context, id string) error {
	if err := solecontrol.CheckID(id); err != nil {
		return ErrNotFound
	}
	return s.store.forget(ctx, id, time.Time{})
}

// sum is a SHA-256 as a slice.
func sum(b []byte) []byte {
	d := sha256.Sum256(b)
	return d[:]
}
