package signer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/signer/signertest"
)

const (
	approvalHost   = "approve.localhost"
	approvalOrigin = "http://approve.localhost:8080"
)

// device stands in for the activation process with a resident's device behind it: it
// keeps to the contract between them and to the formats, with keys in memory. It counts
// what it signs.
type device struct {
	mu      sync.Mutex
	now     func() time.Time
	keys    map[string]*ecdsa.PrivateKey // by credential
	certs   map[string][]byte            // SHA-256 of the certificate in use
	passkey *ecdsa.PrivateKey
	id      []byte
	txs     map[string]*question
	signed  map[string]int // by transaction and DTBSR
	stopped bool
	// before and after are called with each call's name; they may panic or fail.
	before, after func(call string) error
	// lie alters what is collected.
	lie func(*Collected)
}

type question struct {
	ask       MintRequest
	nonce     []byte
	notAfter  time.Time
	state     TransactionState
	collected *Collected
	forgotten bool
}

func (d *device) call(name string, hook func(string) error) error {
	if hook == nil {
		return nil
	}
	return hook(name)
}

func (d *device) Mint(_ context.Context, m MintRequest) (Minted, error) {
	if err := d.call("Mint", d.before); err != nil {
		return Minted{}, err
	}
	d.mu.Lock()
	if d.stopped {
		d.mu.Unlock()
		return Minted{}, ErrSuspended
	}
	for _, q := range d.txs {
		if q.ask.Credential == m.Credential && d.stateOf(q) == "open" {
			d.mu.Unlock()
			return Minted{}, ErrBusy
		}
	}
	tx, nonce := solecontrol.NewID(), solecontrol.NewNonce()
	q := &question{ask: m, nonce: nonce, notAfter: d.now().Add(5 * time.Minute), state: TransactionState{State: "open"}}
	d.txs[tx] = q
	d.mu.Unlock()
	return Minted{tx, solecontrol.Code(tx, nonce), q.notAfter}, d.call("Mint", d.after)
}

func (d *device) stateOf(q *question) string {
	if q.state.State == "open" && d.now().After(q.notAfter) {
		q.state = TransactionState{State: "expired", At: q.notAfter}
	}
	return q.state.State
}

func (d *device) find(tx string) (*question, error) {
	q := d.txs[tx]
	if q == nil {
		return nil, ErrNoTransaction
	}
	d.stateOf(q)
	return q, nil
}

func (d *device) Transaction(_ context.Context, tx string) (TransactionState, error) {
	if err := d.call("Transaction", d.before); err != nil {
		return TransactionState{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q, err := d.find(tx)
	if err != nil {
		return TransactionState{}, err
	}
	return q.state, nil
}

func (d *device) Cancel(_ context.Context, tx string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	q, err := d.find(tx)
	if err == nil && q.state.State == "open" {
		q.state = TransactionState{State: "cancelled", At: d.now()}
	}
	return err
}

func (d *device) Collect(_ context.Context, tx string) (*Collected, error) {
	if err := d.call("Collect", d.before); err != nil {
		return nil, err
	}
	d.mu.Lock()
	q, err := d.find(tx)
	if err == nil && (q.collected == nil || q.forgotten) {
		err = ErrNoTransaction
	}
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	c := *q.collected
	c.Signatures = slices.Clone(c.Signatures)
	if d.lie != nil {
		d.lie(&c)
	}
	return &c, d.call("Collect", d.after)
}

func (d *device) Acknowledge(_ context.Context, tx string) error {
	if err := d.call("Acknowledge", d.before); err != nil {
		return err
	}
	d.mu.Lock()
	q, err := d.find(tx)
	if err == nil {
		q.forgotten = true
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.call("Acknowledge", d.after)
}

func (d *device) decline(tx, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.txs[tx].state = TransactionState{State: "declined", At: d.now(), Reason: reason}
}

// suspend stops the credential, with whatever waits for an approval.
func (d *device) suspend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	for _, q := range d.txs {
		if d.stateOf(q) == "open" {
			q.state = TransactionState{State: "cancelled", At: d.now(), Reason: "suspended"}
		}
	}
}

// approve is the resident's gesture: the page gets the prepared bytes, computes their
// digest itself, and the passkey signs for exactly these.
func (d *device) approve(t testing.TB, tx string, page func(n int) []byte) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	q, err := d.find(tx)
	if err != nil || q.state.State != "open" {
		t.Fatalf("approve %s: %v, %v", tx, q, err)
	}
	r := solecontrol.Request{
		Kind: "sign", Tx: tx, Nonce: q.nonce, NotAfter: solecontrol.At(q.notAfter), HPKEKey: append([]byte{4}, make([]byte, 64)...),
		RPID: approvalHost, Credential: q.ask.Credential, Certificate: d.certs[q.ask.Credential],
		Service: solecontrol.Service{ID: q.ask.Service.ID, Name: q.ask.Service.Name},
	}
	c := &Collected{At: d.now().Truncate(time.Second)}
	for n, doc := range q.ask.Documents {
		b, br := page(n), doc.ByteRange
		if int64(len(b)) != doc.Size || br[2]+br[3] != doc.Size {
			t.Fatalf("document %d has %d bytes, offered were %d", n, len(b), doc.Size)
		}
		digest := sha256.Sum256(append(slices.Clone(b[:br[1]]), b[br[2]:]...))
		dtbsr := sha256.Sum256(doc.Attributes)
		r.Documents = append(r.Documents, solecontrol.RequestDocument{
			Name: doc.Name, Type: doc.Type, SHA256: digest[:], Policy: doc.Policy, Hash: doc.Hash, DTBSR: dtbsr[:],
		})
		sig, err := ecdsa.SignASN1(rand.Reader, d.keys[q.ask.Credential], dtbsr[:])
		if err != nil {
			t.Fatal(err)
		}
		d.signed[tx+string(dtbsr[:])]++
		c.Signatures = append(c.Signatures, sig)
	}
	request, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c.Evidence = d.assert(t, request)
	q.collected, q.state = c, TransactionState{State: "approved", At: d.now()}
}

// assert is the passkey's answer to the challenge of R.
func (d *device) assert(t testing.TB, request []byte) ApprovalEvidence {
	t.Helper()
	challenge := solecontrol.ApprovalChallenge(request)
	client := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}`, solecontrol.Bytes(challenge[:]), approvalOrigin)
	rp := sha256.Sum256([]byte(approvalHost))
	auth := append(rp[:], 0x05, 0, 0, 0, 1) // user present and verified
	hashed := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(auth), hashed[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.passkey, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	cose, err := solecontrol.MarshalCOSE(&d.passkey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return ApprovalEvidence{
		Request: request, AuthenticatorData: auth, ClientDataJSON: client, Signature: sig,
		Passkey: d.id, COSEKey: cose, RPID: approvalHost, Origin: approvalOrigin,
	}
}

// softSealer seals under a key in memory.
type softSealer struct{ key []byte }

func (s softSealer) Seal(_ context.Context, plain, aad []byte) ([]byte, error) {
	out := slices.Clone(plain)
	for i := range out {
		out[i] ^= s.key[i%len(s.key)]
	}
	sum := sha256.Sum256(append(slices.Clone(plain), aad...))
	return append(out, sum[:8]...), nil
}

func (s softSealer) Open(ctx context.Context, sealed, aad []byte) ([]byte, error) {
	plain := slices.Clone(sealed[:len(sealed)-8])
	for i := range plain {
		plain[i] ^= s.key[i%len(s.key)]
	}
	if again, _ := s.Seal(ctx, plain, aad); !slices.Equal(again, sealed) {
		return nil, errors.New("sealed for something else")
	}
	return plain, nil
}

// people are the accounts: all may sign but those with a reason not to.
type people struct {
	mu    sync.Mutex
	no    map[string]error
	notMe int
}

func (p *people) NotMe(_ context.Context, account string) error {
	p.stop(account, ErrAccount)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notMe++
	return nil
}

func (p *people) MaySign(_ context.Context, account string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.no[account]
}

func (p *people) stop(account string, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.no[account] = why
}

// letters keeps notices in a table, so that they are there if and only if the
// transaction committed.
type letters struct{ fail func(kind string) error }

func (l *letters) Notify(ctx context.Context, tx postgres.Tx, n Notice) error {
	if l.fail != nil {
		if err := l.fail(n.Kind); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO test_letters (account, kind) VALUES ($1, $2)`, n.Account, n.Kind)
	return err
}

// residentRig is a residents' service with all that it stands on, and one resident.
type residentRig struct {
	*Residents
	t       testing.TB
	config  ResidentConfig
	db      *postgres.DB
	world   *signertest.World
	device  *device
	people  *people
	letters *letters
	status  *authority
	by      Caller
	cred    string
	skew    time.Duration
}

func newResidentRig(t testing.TB, change func(*ResidentConfig)) *residentRig {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &residentRig{t: t, db: postgrestest.New(t), world: signertest.New(t), people: &people{no: map[string]error{}}, letters: &letters{}, status: &authority{}}
	if _, err := r.db.Pool.Exec(t.Context(), `CREATE TABLE test_letters (account text NOT NULL, kind text NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	passkey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r.device = &device{
		now: r.now, keys: map[string]*ecdsa.PrivateKey{}, certs: map[string][]byte{}, passkey: passkey, id: []byte("a passkey of a made-up person"),
		txs: map[string]*question{}, signed: map[string]int{},
	}
	r.config = ResidentConfig{
		DB: r.db, Policies: set, Activation: r.device, Accounts: r.people, Notifier: r.letters, Sealer: softSealer{[]byte("k")},
		Timestamper: r.world, Evidence: r.world, Checker: structure{}, Status: r.status, TokenSize: 4096, Now: r.now,
	}
	if change != nil {
		change(&r.config)
	}
	r.restart()
	r.by = Caller{Account: uuid.Must(uuid.NewV7()).String(), Place: "a browser on a telephone"}
	r.cred = r.enrol(r.by.Account)
	return r
}

func (r *residentRig) now() time.Time { return time.Now().Add(r.skew) }

// restart is another process on the same database.
func (r *residentRig) restart() {
	r.t.Helper()
	var err error
	if r.Residents, err = NewResidents(r.config); err != nil {
		r.t.Fatal(err)
	}
}

// enrol gives an account a credential with a certificate of the test's own CA.
func (r *residentRig) enrol(account string) string {
	r.t.Helper()
	key := signertest.ECKey(r.t, elliptic.P256()).(*ecdsa.PrivateKey)
	cert := r.world.Signer("CHAN, Siu Ming", key.Public())
	return r.enrolWith(account, key, cert, []*x509.Certificate{r.world.Issuer, r.world.Root}, "resident")
}

func (r *residentRig) enrolWith(account string, key *ecdsa.PrivateKey, cert *x509.Certificate, chain []*x509.Certificate, profile string) string {
	r.t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	r.record(account, id, cert, chain, r.ticket(account), profile)
	sum := sha256.Sum256(cert.Raw)
	r.device.keys[id], r.device.certs[id] = key, sum[:]
	return id
}

func (r *residentRig) record(account, id string, cert *x509.Certificate, chain []*x509.Certificate, ticket []byte, profile string) {
	r.t.Helper()
	n := NewResidentCredential{Account: account, Credential: id, Profile: profile, Certificates: [][]byte{cert.Raw}, Ticket: ticket, Actor: "officer:1"}
	for _, c := range chain {
		n.Certificates = append(n.Certificates, c.Raw)
	}
	for range 2 { // it may be repeated
		err := r.db.InTx(r.t.Context(), func(tx postgres.Tx) error { return r.AddCredential(r.t.Context(), tx, n) })
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// ticket is the enrolment ticket for the rig's passkey.
func (r *residentRig) ticket(account string) []byte {
	r.t.Helper()
	cose, err := solecontrol.MarshalCOSE(&r.device.passkey.PublicKey)
	if err != nil {
		r.t.Fatal(err)
	}
	ticket, err := (&solecontrol.Ticket{
		Kind: "ticket", Case: uuid.Must(uuid.NewV7()).String(), Account: account, Enrolment: solecontrol.NewID(), PasskeyKey: cose,
		RPID: approvalHost, Subject: make([]byte, 32), Immd: make([]byte, 32), Signer: "officer:1", Place: "a counter",
		Expires: solecontrol.At(time.Now().Add(time.Hour)),
	}).Marshal()
	if err != nil {
		r.t.Fatal(err)
	}
	return ticket
}

func (r *residentRig) ask(names ...string) ResidentRequest {
	q := ResidentRequest{Service: ResidentService{"transport", "Transport Department 運輸署"}, Reason: "Renewal of a licence", Return: "http://localhost:8080/sign"}
	for i, name := range names {
		q.Documents = append(q.Documents, ResidentDocument{Name: name, PDF: testPDF(1000 + i)})
	}
	return q
}

// begin prepares a signing of some documents.
func (r *residentRig) begin(names ...string) *Signing {
	r.t.Helper()
	s, err := r.Prepare(r.t.Context(), r.by, r.ask(names...))
	if err != nil || s.State != SigningWaiting {
		r.t.Fatalf("prepare: %+v, %v", s, err)
	}
	return s
}

func (r *residentRig) approve(tx string) {
	r.t.Helper()
	r.device.approve(r.t, tx, func(n int) []byte {
		b, err := r.Prepared(r.t.Context(), tx, n)
		if err != nil {
			r.t.Fatal(err)
		}
		return b
	})
}

// state reads a signing again, driving it on.
func (r *residentRig) state(id string) *Signing {
	r.t.Helper()
	s, err := r.Signing(r.t.Context(), r.by, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// forgetLeases is the time that passes until a dead node's leases end.
func (r *residentRig) forgetLeases() {
	r.t.Helper()
	if _, err := r.db.Pool.Exec(r.t.Context(), `UPDATE signer_signing SET lease_by = NULL, lease_until = NULL, look_at = look_at - interval '1 hour'`); err != nil {
		r.t.Fatal(err)
	}
}

func (r *residentRig) count(sql string, args ...any) (n int) {
	r.t.Helper()
	if err := r.db.Pool.QueryRow(r.t.Context(), sql, args...).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *residentRig) events(action string) int {
	r.t.Helper()
	return r.count(`SELECT count(*) FROM audit_pending WHERE action = $1`, action)
}
