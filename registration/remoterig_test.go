package registration_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/immd"
)

// A picture in these tests is a text: "card of X", "X front"; "dark", "no face" are pictures of that.
func picture(s string) []byte { return []byte(s) }

// fakeFaces takes pictures at their word.
type fakeFaces struct {
	match registration.Match
	err   error          // of comparing
	last  *fakeChallenge // the newest
}

func (f *fakeFaces) Card(_ context.Context, p []byte) ([]byte, error) {
	switch string(p) {
	case "dark":
		return nil, registration.ErrDark
	case "no face":
		return nil, fmt.Errorf("engine: %w", registration.ErrNoFace)
	case "garbage":
		return nil, registration.ErrPicture
	}
	return append([]byte("clean "), p...), nil
}

func (f *fakeFaces) Challenge(now time.Time) registration.Challenge {
	f.last = &fakeChallenge{f: f}
	f.last.ask(now)
	return f.last
}

type fakeChallenge struct {
	f     *fakeFaces
	at    int
	step  registration.FaceStep
	ended bool
	wiped bool
}

func (c *fakeChallenge) ask(now time.Time) {
	c.step = registration.FaceStep{Pose: registration.Poses[c.at], Nonce: solecontrol.NewID(), Deadline: now.Add(10 * time.Second), Step: c.at + 1, Of: len(registration.Poses)}
}

func (c *fakeChallenge) Step() registration.FaceStep { return c.step }

func (c *fakeChallenge) Take(_ context.Context, nonce string, frame []byte, now time.Time) (registration.FaceStep, error) {
	if c.ended || nonce != c.step.Nonce || now.After(c.step.Deadline) {
		c.ended = true
		return registration.FaceStep{}, registration.ErrTry
	}
	c.step.Nonce = solecontrol.NewID()
	if !strings.HasSuffix(string(frame), " "+c.step.Pose) {
		c.step.Said = "pose"
		return c.step, nil
	}
	if c.at++; c.at == len(registration.Poses) {
		c.ended, c.step.Passed = true, true
		return c.step, nil
	}
	c.ask(now)
	return c.step, nil
}

func (c *fakeChallenge) Match(_ context.Context, card []byte) (registration.Match, error) {
	if !c.step.Passed || !bytes.HasPrefix(card, []byte("clean card of ")) {
		return "", fmt.Errorf("compared before its time, or with %q", card)
	}
	return c.f.match, c.f.err
}

func (c *fakeChallenge) Wipe() { c.wiped = true }

// fakePhotos hold pictures as registration/photos does; forget is what a crash does.
type fakePhotos struct {
	mu    sync.Mutex
	held  map[string]map[string][]byte
	until map[string]time.Time
	// meanwhile is done once, when somebody has read a case and looks whether its photos are there: what overtakes them.
	meanwhile func()
	// before is done once, before the next pictures are kept.
	before func()
}

func (f *fakePhotos) Keep(id string, until time.Time, pictures map[string][]byte) error {
	f.mu.Lock()
	do := f.before
	f.before = nil
	f.mu.Unlock()
	if do != nil {
		do()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[id], f.until[id] = map[string][]byte{}, until
	for name, p := range pictures {
		f.held[id][name] = bytes.Clone(p)
		clear(p)
	}
	return nil
}

func (f *fakePhotos) Open(id, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.held[id][name]; p != nil {
		return bytes.Clone(p), nil
	}
	return nil, fmt.Errorf("photos: %w", registration.ErrNoPhoto)
}

func (f *fakePhotos) Has(id string) bool {
	f.mu.Lock()
	do := f.meanwhile
	f.meanwhile = nil
	f.mu.Unlock()
	if do != nil {
		do()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[id] != nil
}

func (f *fakePhotos) Erase(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.held, id)
}

func (f *fakePhotos) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.held)
}

func (f *fakePhotos) names(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.held[id]))
}

type fakeCards struct{ err error }

func (f *fakeCards) Read(_ context.Context, p []byte) (registration.CardText, error) {
	return registration.CardText{Number: "A123456(3)", Surname: "CHEN", Birth: "1990-00-00"}, f.err
}

type fakePortraits struct {
	match registration.Match
	err   error
	asked int
}

func (f *fakePortraits) MatchPortrait(_ context.Context, _ hkic.Card, _ string, selfie []byte) (registration.Match, []byte, error) {
	if !strings.HasSuffix(string(selfie), " front") {
		return "", nil, fmt.Errorf("%w: the selfie is %q", immd.ErrUnavailable, selfie)
	}
	f.asked++
	return f.match, []byte("signed"), f.err
}

// phones is a rig for registration on phones.
type phones struct {
	*rig
	faces     *fakeFaces
	photos    *fakePhotos
	cards     *fakeCards
	portraits *fakePortraits
	bent      atomic.Pointer[func(w http.ResponseWriter, r *http.Request, answer []byte)] // nil: the department is honest
}

func newPhones(t *testing.T) *phones {
	p := &phones{
		rig: newRig(t, nil), faces: &fakeFaces{match: registration.MatchPass},
		photos: &fakePhotos{held: map[string]map[string][]byte{}, until: map[string]time.Time{}},
		cards:  &fakeCards{}, portraits: &fakePortraits{match: registration.MatchPass},
	}
	p.cfg.Immigration = p.reference(t, 0)
	p.cfg.Remote = &registration.RemoteConfig{Faces: p.faces, Photos: p.photos, Cards: p.cards, Portraits: p.portraits, Tries: 3}
	p.restart()
	return p
}

// reference is a client of a department whose answers a test bends. It waits for as long as the appliance's does, or for timeout.
func (p *phones) reference(t *testing.T, timeout time.Duration) *immd.Client {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	reference, err := immd.NewReference(immd.ReferenceConfig{Key: key, KeyID: "immd-1", Now: p.clock.now})
	p.must(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bend := p.bent.Load()
		if bend == nil {
			reference.Handler().ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		reference.Handler().ServeHTTP(rec, r)
		(*bend)(w, r, rec.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	client, err := immd.New(immd.Config{
		URL: server.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &key.PublicKey}, Pause: time.Millisecond, Tries: 2, Broken: 1000, Timeout: timeout, Now: p.clock.now,
	})
	p.must(err)
	return client
}

// restart is kill -9 and a new process: what was in memory is gone.
func (p *phones) restart() {
	p.t.Helper()
	p.photos.forget()
	var err error
	if p.r, err = registration.New(p.cfg); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phones) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// The steps of the straight way. Each brings a case from one state to the next.
func (p *phones) begin() string {
	p.t.Helper()
	s, err := p.r.BeginRemote(p.ctx(), "network", "en", registration.CollectionNotice, "")
	p.must(err)
	return s
}

func (p *phones) photo(s string) {
	p.t.Helper()
	_, err := p.r.RemotePhoto(p.ctx(), s, picture("card of chan"))
	p.must(err)
}

func (p *phones) confirm(s string, card hkic.Card) {
	p.t.Helper()
	_, err := p.r.ConfirmRemote(p.ctx(), s, "network", card)
	p.must(err)
}

// face goes through a challenge; the error is that of the last frame.
func (p *phones) face(s string) error {
	p.t.Helper()
	step, err := p.r.BeginFace(p.ctx(), s)
	if err != nil {
		return err
	}
	for !step.Passed {
		if step, err = p.r.Frame(p.ctx(), s, step.Nonce, picture("chan "+step.Pose)); err != nil {
			return err
		}
	}
	return nil
}

// until brings a new case to a state on the straight way.
func (p *phones) until(state registration.RemoteState, card hkic.Card) string {
	p.t.Helper()
	s := p.begin()
	for _, step := range []struct {
		to registration.RemoteState
		do func()
	}{
		{registration.RemoteNoticed, func() {}}, {registration.RemotePictured, func() { p.photo(s) }}, {registration.RemoteEntered, func() { p.confirm(s, card) }},
		{registration.RemoteFaced, func() { p.must(p.face(s)) }}, {registration.RemoteVerified, func() { p.is(s, registration.RemoteVerified, "") }},
		{registration.RemoteDone, func() { p.complete(s) }},
	} {
		step.do()
		if step.to == state {
			return s
		}
	}
	p.t.Fatalf("no way to %s", state)
	return ""
}

func (p *phones) complete(s string) {
	p.t.Helper()
	_, err := p.r.CompleteRemote(p.ctx(), s, phonePasskey(s))
	p.must(err)
}

func phonePasskey(s string) registration.Passkey {
	return registration.Passkey{ID: []byte("key " + s[:8]), Record: []byte(`{}`), Name: "Phone"}
}

// is asks for the case, which drives it on, and compares.
func (p *phones) is(s string, state registration.RemoteState, outcome string) *registration.RemoteCase {
	p.t.Helper()
	c, err := p.r.Remote(p.ctx(), s)
	if err != nil {
		p.t.Fatal(err)
	}
	if c.State != state || c.Outcome != outcome {
		p.t.Fatalf("the case is %s %q, want %s %q", c.State, c.Outcome, state, outcome)
	}
	return c
}

// nothing checks that nothing is left of a person but the case's states.
func (p *phones) nothing(what string) {
	p.t.Helper()
	for _, table := range []string{"registration_account", "registration_field", "registration_data_key", "registration_lookup", "registration_passkey", "registration_activity", "notification_notice"} {
		var n int
		if err := p.db.Pool.QueryRow(p.ctx(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			p.t.Errorf("%s: %s has %d rows, %v", what, table, n, err)
		}
	}
	p.photos.mu.Lock()
	defer p.photos.mu.Unlock()
	if len(p.photos.held) != 0 {
		p.t.Errorf("%s: photos are held", what)
	}
	var marked int
	if err := p.db.Pool.QueryRow(p.ctx(), `SELECT count(*) FROM registration_remote WHERE photos`).Scan(&marked); err != nil || marked != 0 {
		p.t.Errorf("%s: %d cases are marked as having photos, %v", what, marked, err)
	}
}

var errSurprise = errors.New("something else")

var errUnavailable = fmt.Errorf("no answer: %w", immd.ErrUnavailable)
