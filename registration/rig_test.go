package registration_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/notification"
	"chop/policies"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/immd"
	"chop/registration/officers"
	"chop/registration/personal"
	"chop/signer/approval/device"
)

const (
	counter    = "counter-kwun-tong"
	other      = "counter-sha-tin"
	hotline    = "hotline"
	deskRP     = "localhost"
	deskOrigin = "https://localhost:8443"
	approveRP  = "approve.localhost"
	portalURL  = "http://localhost:8080"
	phoneText  = "9123 4567"
	emailText  = "tai.man@example.hk"
)

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a registration authority with everybody around it.
type rig struct {
	t          testing.TB
	db         *postgres.DB
	clock      *clock
	r          *registration.Registry
	notices    *notification.Service
	activation *fakeActivation
	ca         *fakeCA
	sessions   *fakeSessions
	device     *device.Device // the officers' passkeys
	passkeys   map[string][]byte
	department *immd.Reference
	cfg        registration.Config
}

// memorySealer stands in for the token where the token is not what is tried.
type memorySealer struct{ aead cipher.AEAD }

func newMemorySealer(t testing.TB) personal.Sealer {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return memorySealer{aead}
}

func (m memorySealer) Seal(_ context.Context, plain, aad []byte) ([]byte, error) {
	return m.aead.Seal(nil, nil, plain, aad), nil
}

func (m memorySealer) Open(_ context.Context, sealed, aad []byte) ([]byte, error) {
	return m.aead.Open(nil, nil, sealed, aad)
}

func newRig(t testing.TB, sealer personal.Sealer) *rig {
	t.Helper()
	g := &rig{t: t, db: postgrestest.New(t), clock: &clock{at: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}, device: device.New(), passkeys: map[string][]byte{}}
	if sealer == nil {
		sealer = newMemorySealer(t)
	}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	immdKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := immd.NewReference(immd.ReferenceConfig{Key: immdKey, KeyID: "immd-1", Slow: 365 * 24 * time.Hour, Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	g.department = reference
	server := httptest.NewServer(reference.Handler())
	t.Cleanup(server.Close)
	client, err := immd.New(immd.Config{URL: server.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &immdKey.PublicKey}, Pause: time.Millisecond, Tries: 2, Broken: 1000, Timeout: 200 * time.Millisecond, Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	g.activation = &fakeActivation{enrolments: map[string]*registration.Enrolment{}, requests: map[string]registration.EnrolmentRequest{}, state: map[string]string{}, lose: map[string]int{}, fail: map[string]int{}}
	g.ca = newFakeCA(t, g.activation)
	g.sessions = &fakeSessions{a: g.activation}
	if g.notices, err = notification.New(notification.Config{DB: g.db, Now: g.clock.now}); err != nil {
		t.Fatal(err)
	}
	g.cfg = registration.Config{
		DB: g.db, Policies: set, Sealer: sealer, Immigration: client, Activation: g.activation, Certificates: g.ca, Sessions: g.sessions, Notices: g.notices,
		RPID: approveRP, OfficerRPID: deskRP, OfficerOrigin: deskOrigin, PortalURL: portalURL, Now: g.clock.now, Log: slog.New(slog.DiscardHandler),
	}
	if g.r, err = registration.New(g.cfg); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *rig) ctx() context.Context { return g.t.Context() }

// wants checks an error.
func wants(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// number makes a number with the right check digit.
func number(t testing.TB, letters, digits string) hkic.Number {
	t.Helper()
	n, err := hkic.Parse(letters + digits + string(hkic.CheckDigit(letters, digits)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var operators = []registration.Caller{{Actor: "local:alice", Role: "operator", Place: "console"}, {Actor: "local:bob", Role: "operator", Place: "console"}}

// hire appoints an officer with a passkey and a shift now, and signs them on.
func (g *rig) hire(id, role, place string, own hkic.Number) registration.Caller {
	g.t.Helper()
	ctx, book := g.ctx(), g.r.Officers()
	spki := sha256.Sum256([]byte(id))
	err := book.Propose(ctx, operators[0], officers.Officer{ID: id, Name: "Officer " + id, Roles: []string{role}, Places: []string{place}, Certificate: spki[:]}, own)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := book.PasskeyChallenge(ctx, id)
	if err != nil {
		g.t.Fatal(err)
	}
	made, err := g.device.Create(deskRP, deskOrigin, solecontrol.Digest(c), []byte(id), false)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := book.EnrolPasskey(ctx, id, *made); err != nil {
		g.t.Fatal(err)
	}
	g.passkeys[id] = made.ID
	for _, o := range operators {
		if _, err := book.Approve(ctx, o, id); err != nil {
			g.t.Fatal(err)
		}
	}
	return g.shift(id, role, place)
}

// shift plans a shift of eight hours from now and signs on to it.
func (g *rig) shift(id, role, place string) registration.Caller {
	g.t.Helper()
	ctx, book := g.ctx(), g.r.Officers()
	shift, err := book.PlanShift(ctx, operators[0], officers.Shift{Officer: id, Role: role, Place: place, Begins: g.clock.now(), Ends: g.clock.now().Add(8 * time.Hour)})
	if err != nil {
		g.t.Fatal(err)
	}
	challenge, err := book.SignOnChallenge(ctx, id, shift)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := book.SignOn(ctx, id, shift, g.assert(id, challenge))
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// assert signs a challenge with an officer's passkey.
func (g *rig) assert(id string, challenge []byte) registration.Assertion {
	g.t.Helper()
	a, _, err := g.device.Get(deskRP, deskOrigin, solecontrol.Digest(challenge), g.passkeys[id], nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return *a
}

// people of the desk, in most tests.
type desk struct{ first, second registration.Caller }

func (g *rig) desk() desk {
	return desk{
		g.hire("officer-1", "counter", counter, number(g.t, "E", "100001")),
		g.hire("officer-2", "counter", counter, number(g.t, "E", "100002")),
	}
}

// card of a person of the reference, by the beginning of the note.
func (g *rig) card(note string) hkic.Card {
	g.t.Helper()
	for _, p := range immd.People(g.clock.now()) {
		if strings.HasPrefix(p.Note, note) {
			return p.Card
		}
	}
	g.t.Fatalf("nobody is %q", note)
	return hkic.Card{}
}

// confirmed brings a case to where Immigration is asked.
func (g *rig) confirmed(d desk, card hkic.Card) *registration.Case {
	g.t.Helper()
	ctx := g.ctx()
	c, err := g.r.OpenCase(ctx, d.first, registration.Full)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.r.EnterCard(ctx, d.first, c.ID, card, registration.Contact{Phone: phoneText, Email: emailText, Language: "en"}); err != nil {
		g.t.Fatal(err)
	}
	challenge, err := g.r.ConfirmChallenge(ctx, d.second, c.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err = g.r.ConfirmCard(ctx, d.second, c.ID, g.assert(d.second.Officer(), challenge))
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

const deskSession = "desk-session-1"

// bound brings a case to a phone whose number the officer has confirmed.
func (g *rig) bound(d desk, card hkic.Card) (*registration.Case, *registration.Phone) {
	g.t.Helper()
	ctx := g.ctx()
	c := g.confirmed(d, card)
	if _, err := g.r.Verify(ctx, d.first, c.ID); err != nil {
		g.t.Fatal(err)
	}
	offer, err := g.r.OfferBinding(ctx, d.first, c.ID, deskSession)
	if err != nil {
		g.t.Fatal(err)
	}
	phone, err := g.r.BindDevice(ctx, offer.Token)
	if err != nil {
		g.t.Fatal(err)
	}
	c, err = g.r.ConfirmNumber(ctx, d.first, c.ID, deskSession, phone.Number)
	if err != nil {
		g.t.Fatal(err)
	}
	return c, phone
}

// enrolling brings a case to the approval origin.
func (g *rig) enrolling(d desk, card hkic.Card) (*registration.Case, *registration.Phone, string) {
	g.t.Helper()
	ctx := g.ctx()
	c, phone := g.bound(d, card)
	if _, err := g.r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement); err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.r.BindPasskey(ctx, phone.Secret, registration.Passkey{ID: []byte("key of " + c.ID), Record: []byte(`{}`), Name: "Phone"}); err != nil {
		g.t.Fatal(err)
	}
	enrolment, err := g.r.BeginEnrolment(ctx, phone.Secret)
	if err != nil {
		g.t.Fatal(err)
	}
	return c, phone, enrolment
}

// ticketed has the officer sign the ticket and present it; its error is the caller's.
func (g *rig) ticketed(d desk, id, enrolment string) error {
	g.t.Helper()
	g.activation.passkey(g.t, enrolment)
	offer, err := g.r.Ticket(g.ctx(), d.first, id)
	if err != nil {
		g.t.Fatal(err)
	}
	_, err = g.r.PresentTicket(g.ctx(), d.first, id, g.assert(d.first.Officer(), offer.Challenge))
	return err
}

// registered opens an account for a card, all the way.
func (g *rig) registered(d desk, card hkic.Card) *registration.Account {
	g.t.Helper()
	c, phone, enrolment := g.enrolling(d, card)
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		g.t.Fatal(err)
	}
	g.activation.seal(g.t, enrolment)
	v, err := g.r.PhoneCase(g.ctx(), phone.Secret)
	if err != nil || v.State != registration.Done {
		g.t.Fatalf("the case is %+v, %v", v, err)
	}
	a, err := g.r.Account(g.ctx(), registration.System, v.Account)
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// fakeActivation stands in for the activation process: the same states, and failures by name.
type fakeActivation struct {
	mu         sync.Mutex
	enrolments map[string]*registration.Enrolment
	requests   map[string]registration.EnrolmentRequest
	tickets    int
	state      map[string]string // of credentials
	calls      []string          // of all parties, in order
	lose       map[string]int    // acts, and the answer is lost, so many times
	fail       map[string]int    // does nothing, so many times
}

var errLost = errors.New("connection lost")

// act notes a call; before says whether it fails before it acts, after whether its answer is lost.
func (f *fakeActivation) act(name string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name)
	if f.fail[name] > 0 {
		f.fail[name]--
		return errLost
	}
	if err := do(); err != nil {
		return err
	}
	if f.lose[name] > 0 {
		f.lose[name]--
		return errLost
	}
	return nil
}

func (f *fakeActivation) BeginEnrolment(_ context.Context, r registration.EnrolmentRequest) (id string, until time.Time, err error) {
	err = f.act("begin", func() error {
		id = solecontrol.NewID()
		f.enrolments[id], f.requests[id] = &registration.Enrolment{State: "passkey"}, r
		return nil
	})
	return id, until, err
}

func (f *fakeActivation) Enrolment(_ context.Context, id string) (*registration.Enrolment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.enrolments[id]
	if e == nil {
		return nil, registration.ErrNoEnrolment
	}
	c := *e
	return &c, nil
}

func (f *fakeActivation) PresentTicket(_ context.Context, id string, envelope []byte) error {
	return f.act("ticket", func() error {
		e := f.enrolments[id]
		var signed solecontrol.SignedTicket
		if err := solecontrol.Decode(envelope, &signed); err != nil {
			return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
		}
		t, err := solecontrol.ParseTicket(signed.Ticket)
		answer, err2 := solecontrol.ParseSignedAnswer(signed.ImmdAnswer)
		if err := errors.Join(err, err2); err != nil {
			return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
		}
		digest := sha256.Sum256(answer.Answer)
		if e == nil || e.State != "ticket" || t.Enrolment != id || t.RPID != approveRP || (signed.Assertion == nil) == (len(signed.Signature) == 0) ||
			!bytes.Equal(t.PasskeyKey, e.PasskeyKey) || !bytes.Equal(t.Immd, digest[:]) {
			return fmt.Errorf("%w: not this enrolment's ticket", registration.ErrPermanent)
		}
		e.State = "seal"
		f.tickets++
		return nil
	})
}

func (f *fakeActivation) CancelEnrolment(_ context.Context, id string) error {
	return f.act("cancel", func() error { delete(f.enrolments, id); return nil })
}

func (f *fakeActivation) set(name, credential, state string) error {
	return f.act(name, func() error { f.state[credential] = state; return nil })
}

func (f *fakeActivation) BindCertificate(_ context.Context, credential string, _ []byte) error {
	return f.set("bind", credential, "active")
}

func (f *fakeActivation) Suspend(_ context.Context, credential, _, _ string) error {
	return f.set("suspend", credential, "suspended")
}

func (f *fakeActivation) Resume(_ context.Context, credential string, order []byte) error {
	var signed solecontrol.SignedOrder
	if err := solecontrol.Decode(order, &signed); err != nil {
		return fmt.Errorf("%w: %w", registration.ErrPermanent, err)
	}
	o, err := solecontrol.ParseOrder(signed.Order)
	if err != nil || len(signed.Assertions) != 2 || signed.Assertions[0].Officer != o.First || signed.Assertions[1].Officer != o.Second || o.Credential != credential {
		return fmt.Errorf("%w: order", registration.ErrPermanent)
	}
	return f.set("resume", credential, "active")
}

func (f *fakeActivation) Destroy(_ context.Context, credential, _, _ string) error {
	return f.set("destroy", credential, "destroyed")
}

// passkey is the phone's create().
func (f *fakeActivation) passkey(t testing.TB, id string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cose, err := solecontrol.MarshalCOSE(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.enrolments[id]
	e.State, e.PasskeyID, e.PasskeyKey = "ticket", []byte("signing passkey"), cose
}

// seal is the phone's get(), and the making of the key.
func (f *fakeActivation) seal(t testing.TB, id string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.enrolments[id]
	if e.State != "seal" {
		t.Fatalf("the enrolment is %s", e.State)
	}
	u, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	e.State, e.Credential, e.CSR, e.Statement = "made", u.String(), []byte("csr"), []byte("statement of "+id)
}

func (f *fakeActivation) called(names ...string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.calls {
		if slices.Contains(names, c) {
			out = append(out, c)
		}
	}
	return out
}

// fakeCA issues one certificate a statement.
type fakeCA struct {
	a      *fakeActivation // for the common list of calls
	key    *ecdsa.PrivateKey
	issued map[string][]byte
	status map[string]string
	names  map[string]registration.Subject
	// refuses: every request is refused for good.
	refuses bool
}

func newFakeCA(t testing.TB, a *fakeActivation) *fakeCA {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeCA{a: a, key: key, issued: map[string][]byte{}, status: map[string]string{}, names: map[string]registration.Subject{}}
}

func (c *fakeCA) Issue(_ context.Context, _ string, _, statement, _ []byte, s registration.Subject) (der []byte, err error) {
	err = c.a.act("issue", func() error {
		if c.refuses {
			return fmt.Errorf("%w: no such profile", registration.ErrPermanent)
		}
		if der = c.issued[string(statement)]; der != nil {
			return nil
		}
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
		if err != nil {
			return err
		}
		template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: s.CommonName, SerialNumber: s.SerialNumber}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
		if der, err = x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key); err != nil {
			return err
		}
		c.issued[string(statement)], c.status[serial.String()], c.names[serial.String()] = der, "good", s
		return nil
	})
	return der, err
}

func (c *fakeCA) set(name string, serial *big.Int, status string) error {
	return c.a.act(name, func() error { c.status[serial.String()] = status; return nil })
}

func (c *fakeCA) Hold(_ context.Context, _ string, s *big.Int, _ string) error {
	return c.set("hold", s, "suspended")
}

func (c *fakeCA) Release(_ context.Context, _ string, s *big.Int, _ string) error {
	return c.set("release", s, "good")
}

func (c *fakeCA) Revoke(_ context.Context, _ string, s *big.Int, _ string) error {
	return c.set("revoke", s, "revoked")
}

func (c *fakeCA) Supersede(_ context.Context, _ string, s *big.Int, _ string) error {
	return c.set("supersede", s, "superseded")
}

type fakeSessions struct{ a *fakeActivation }

func (s *fakeSessions) EndSessions(context.Context, string) error {
	return s.a.act("sessions", func() error { return nil })
}
