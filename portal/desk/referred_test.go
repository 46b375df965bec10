package desk

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/immd"
	"chop/registration/officers"
	"chop/signer/approval/device"
)

const deskOrigin = "https://localhost:8443"

// openSealer seals nothing: what is sealed is tried elsewhere.
type openSealer struct{}

func (openSealer) Seal(_ context.Context, plain, _ []byte) ([]byte, error) {
	return bytes.Clone(plain), nil
}
func (openSealer) Open(_ context.Context, sealed, _ []byte) ([]byte, error) {
	return bytes.Clone(sealed), nil
}

// unsure is a comparison that always refers, of pictures that are texts.
type unsure struct{ step registration.FaceStep }

func (unsure) Card(_ context.Context, p []byte) ([]byte, error) { return bytes.Clone(p), nil }
func (unsure) Challenge(now time.Time) registration.Challenge {
	return &unsure{registration.FaceStep{Pose: registration.PoseFront, Nonce: "n", Deadline: now.Add(time.Hour), Step: 1, Of: 1}}
}
func (u *unsure) Step() registration.FaceStep { return u.step }
func (u *unsure) Take(context.Context, string, []byte, time.Time) (registration.FaceStep, error) {
	u.step.Passed = true
	return u.step, nil
}
func (*unsure) Match(context.Context, []byte) (registration.Match, error) {
	return registration.MatchRefer, nil
}
func (*unsure) Wipe() {}
func (unsure) MatchPortrait(context.Context, hkic.Card, string, []byte) (registration.Match, []byte, error) {
	return registration.MatchPass, []byte("signed"), nil
}

// album holds photos.
type album map[string]map[string][]byte

func (a album) Keep(id string, _ time.Time, p map[string][]byte) error {
	a[id] = map[string][]byte{}
	for name, b := range p {
		a[id][name] = bytes.Clone(b)
	}
	return nil
}
func (a album) Open(id, name string) ([]byte, error) {
	if p := a[id][name]; p != nil {
		return bytes.Clone(p), nil
	}
	return nil, registration.ErrNoPhoto
}
func (a album) Has(id string) bool { return a[id] != nil }
func (a album) Erase(id string)    { delete(a, id) }

// room is a desk with one officer before it at a time.
type room struct {
	t       *testing.T
	desk    *Desk
	db      *postgres.DB
	reg     *registration.Registry
	device  *device.Device
	handler http.Handler
	officer string

	cookies map[string]*http.Cookie
	header  http.Header // of each request
}

func newRoom(t *testing.T) *room {
	m := &room{t: t, db: postgrestest.New(t), device: device.New(), cookies: map[string]*http.Cookie{}}
	set, err := policies.Load()
	m.must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.must(err)
	reference, err := immd.NewReference(immd.ReferenceConfig{Key: key, KeyID: "immd-1"})
	m.must(err)
	server := httptest.NewServer(reference.Handler())
	t.Cleanup(server.Close)
	client, err := immd.New(immd.Config{URL: server.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &key.PublicKey}})
	m.must(err)
	m.reg, err = registration.New(registration.Config{
		DB: m.db, Policies: set, Sealer: openSealer{}, Immigration: client,
		Activation: struct{ registration.Activation }{}, Certificates: struct{ registration.Certificates }{},
		RPID: "approve.localhost", OfficerRPID: "localhost", OfficerOrigin: deskOrigin, PortalURL: "http://localhost:8080", Log: slog.New(slog.DiscardHandler),
		Remote: &registration.RemoteConfig{Faces: unsure{}, Photos: album{}, Portraits: unsure{}, Tries: 3},
	})
	m.must(err)
	m.desk, err = New(Config{DB: m.db, Registry: m.reg, Origin: deskOrigin, Log: slog.New(slog.DiscardHandler), Officer: func(*http.Request) (string, error) {
		if m.officer == "" {
			return "", ErrStranger
		}
		return m.officer, nil
	}})
	m.must(err)
	m.handler = m.desk.Handler()
	return m
}

func (m *room) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// sits appoints an officer, signs them on, and puts them before the desk.
func (m *room) sits(id, role string, digits string) {
	m.t.Helper()
	ctx, book, now := m.t.Context(), m.reg.Officers(), time.Now()
	own, err := hkic.Parse("E" + digits + string(hkic.CheckDigit("E", digits)))
	m.must(err)
	spki := sha256.Sum256([]byte(id))
	bosses := []registration.Caller{{Actor: "local:alice", Role: "operator", Place: "console"}, {Actor: "local:bob", Role: "operator", Place: "console"}}
	m.must(book.Propose(ctx, bosses[0], officers.Officer{ID: id, Name: id, Roles: []string{role}, Places: []string{"counter-kwun-tong"}, Certificate: spki[:]}, own))
	challenge, err := book.PasskeyChallenge(ctx, id)
	m.must(err)
	made, err := m.device.Create("localhost", deskOrigin, solecontrol.Digest(challenge), []byte(id), false)
	m.must(err)
	m.must(book.EnrolPasskey(ctx, id, *made))
	for _, b := range bosses {
		_, err := book.Approve(ctx, b, id)
		m.must(err)
	}
	shift, err := book.PlanShift(ctx, bosses[0], officers.Shift{Officer: id, Role: role, Place: "counter-kwun-tong", Begins: now, Ends: now.Add(8 * time.Hour)})
	m.must(err)
	challenge, err = book.SignOnChallenge(ctx, id, shift)
	m.must(err)
	a, _, err := m.device.Get("localhost", deskOrigin, solecontrol.Digest(challenge), made.ID, nil)
	m.must(err)
	c, err := book.SignOn(ctx, id, shift, *a)
	m.must(err)
	w := httptest.NewRecorder()
	m.must(m.desk.startSession(ctx, w, c, now.Add(time.Hour)))
	m.cookies[id], m.officer = w.Result().Cookies()[0], id
}

func (m *room) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, deskOrigin+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range m.header {
		r.Header[name] = values
	}
	if c := m.cookies[m.officer]; c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w
}

// referred brings a case of one of the department's people to a reviewer.
func (m *room) referred() (browser, id string) {
	m.t.Helper()
	ctx := m.t.Context()
	browser, err := m.reg.BeginRemote(ctx, "network", "en", registration.CollectionNotice, "")
	m.must(err)
	_, err = m.reg.RemotePhoto(ctx, browser, []byte("card picture"))
	m.must(err)
	_, err = m.reg.ConfirmRemote(ctx, browser, "network", immd.People(time.Now())[0].Card)
	m.must(err)
	step, err := m.reg.BeginFace(ctx, browser)
	m.must(err)
	_, err = m.reg.Frame(ctx, browser, step.Nonce, []byte("selfie picture"))
	m.must(err)
	c, err := m.reg.Remote(ctx, browser)
	m.must(err)
	if c.State != registration.RemoteReferred {
		m.t.Fatalf("the case is %s", c.State)
	}
	return browser, c.ID
}

// A reviewer sees the queue, the data and both pictures, decides, and then nobody sees anything of it.
func TestReferred(t *testing.T) {
	t.Parallel()
	m := newRoom(t)
	browser, id := m.referred()
	card := immd.People(time.Now())[0].Card
	pages := []string{"/referred", "/referred/" + id, "/referred/" + id + "/photos/card", "/referred/" + id + "/photos/selfie", "/referred/" + id + "/waits"}
	for _, p := range pages {
		if w := m.send("GET", p, nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "picture") {
			t.Errorf("a stranger at %s: %d", p, w.Code)
		}
	}
	for i, role := range []string{"counter", "hotline", "supervisor"} {
		m.sits("officer-"+role, role, []string{"100021", "100022", "100023"}[i])
		for _, p := range pages {
			if w := m.send("GET", p, nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), " picture\n") || w.Body.String() == "card picture" {
				t.Errorf("%s at %s: %d", role, p, w.Code)
			}
		}
		if w := m.send("POST", "/referred/"+id, url.Values{"decision": {"approve"}}); w.Code != http.StatusForbidden {
			t.Errorf("%s decides: %d", role, w.Code)
		}
	}
	m.sits("reviewer-1", "reviewer", "100024")
	if w := m.send("GET", "/referred", nil); w.Code != 200 || !strings.Contains(w.Body.String(), `href="/referred/`+id) || strings.Contains(w.Body.String(), card.Number.Normal()) || !strings.Contains(w.Body.String(), "not clearly that of the portrait") {
		t.Fatalf("the queue: %d", w.Code)
	}
	w := m.send("GET", "/referred/"+id, nil)
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, card.Surname) || !strings.Contains(body, `src="/referred/`+id+`/photos/selfie"`) || !strings.Contains(body, "not an evaluated one") || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("the case: %d", w.Code)
	}
	for name, want := range map[string]string{"card": "card picture", "selfie": "selfie picture"} {
		if w := m.send("GET", "/referred/"+id+"/photos/"+name, nil); w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "image/jpeg" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	if w := m.send("GET", "/referred/"+id+"/photos/other", nil); w.Code != 404 {
		t.Errorf("another picture: %d", w.Code)
	}
	if w := m.send("GET", "/referred/"+id+"/waits", nil); w.Code != 204 {
		t.Errorf("it waits: %d", w.Code)
	}
	for _, form := range []url.Values{{}, {"decision": {"refuse"}}, {"decision": {"refuse"}, "reason": {"same-person"}}, {"reason": {"another-person"}}} {
		if w := m.send("POST", "/referred/"+id, form); w.Code != 422 || !strings.Contains(w.Body.String(), "Choose a reason") {
			t.Errorf("%v: %d", form, w.Code)
		}
	}
	if w := m.send("POST", "/referred/"+id, url.Values{"decision": {"approve"}}); w.Header().Get("Location") != "/referred" {
		t.Fatalf("approve: %d %s", w.Code, w.Body)
	}
	for _, p := range pages[1:] {
		if w := m.send("GET", p, nil); w.Code != 404 {
			t.Errorf("%s after the decision: %d", p, w.Code)
		}
	}
	if c, err := m.reg.Remote(t.Context(), browser); err != nil || c.State != registration.RemoteVerified {
		t.Errorf("the case is %+v, %v", c, err)
	}

	browser, id = m.referred()
	if w := m.send("POST", "/referred/"+id, url.Values{"decision": {"refuse"}, "reason": {"card-not-genuine"}}); w.Header().Get("Location") != "/referred" {
		t.Fatalf("refuse: %d %s", w.Code, w.Body)
	}
	if c, err := m.reg.Remote(t.Context(), browser); err != nil || c.State != registration.RemoteRefused {
		t.Errorf("the case is %+v, %v", c, err)
	}
	m.officer = "nobody"
	if w := m.send("GET", "/referred", nil); w.Code != http.StatusForbidden {
		t.Errorf("an officer that there is not: %d", w.Code)
	}
}
