package kiosk_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"chop/ca/infra"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/kiosk"
	"chop/registration/kiosk/agent"
)

func wants(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// The whole way over mutual TLS, for each kind of card: what the page sees, what is kept, what the Immigration Department says.
func TestCards(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	a := g.agent()
	for _, c := range []struct {
		kind   issuer.Kind
		person int
		state  kiosk.State
		reason string
		verify error
	}{
		{issuer.Genuine, 0, kiosk.Read, "", nil},
		{issuer.Genuine, 1, kiosk.Read, "", nil}, // no Chinese name
		{issuer.Genuine, 2, kiosk.Read, "", nil}, // beyond the BMP
		{issuer.Genuine, 3, kiosk.Read, "", nil}, // the year of birth alone
		{issuer.Genuine, 4, kiosk.Read, "", nil}, // no gender
		{issuer.Genuine, 7, kiosk.Read, "", registration.ErrRefused},
		{issuer.Replaced, 8, kiosk.Read, "", registration.ErrRefused},
		{issuer.Cloned, 8, kiosk.Refused, "cloned", nil},
		{issuer.Tampered, 8, kiosk.Refused, "tampered", nil},
		{issuer.Expired, 8, kiosk.Refused, "expired", nil},
		{issuer.Foreign, 8, kiosk.Refused, "foreign", nil},
		{issuer.Other, 8, kiosk.Refused, "foreign", nil},
	} {
		v, err := a.Card(t.Context(), g.card(c.kind, c.person))
		if err != nil || v.State != string(c.state) || v.Reason != c.reason {
			t.Errorf("%s of %d: %+v, %v; want %s %s", c.kind, c.person, v, err, c.state, c.reason)
			continue
		}
		s, err := g.book.Current(t.Context(), here)
		if err != nil || s.State != c.state || s.Reason != c.reason {
			t.Errorf("%s of %d: the page sees %+v, %v", c.kind, c.person, s, err)
		}
		if c.state != kiosk.Read {
			continue
		}
		opened, err := g.book.OpenCase(t.Context(), here, s.ID, registration.Contact{Language: "en"})
		if err != nil || opened.ID != s.ID || opened.Source != "chip" || opened.State != registration.Confirmed {
			t.Fatalf("%s of %d: case %+v, %v", c.kind, c.person, opened, err)
		}
		err = g.present(s.ID, "theirs")
		wants(t, string(c.kind)+" at the Immigration Department", err, c.verify)
	}
	if n := g.count(`SELECT count(*) FROM registration_kiosk_session WHERE evidence IS NOT NULL`); n != 0 {
		t.Errorf("%d sessions still hold a card", n)
	}
	// Each next card ended the case before, since no phone was bound to it.
	g.nothingKept("after the last card")
}

// Pulled out at each command in turn: the session waits and says so, nothing is kept, and the card put back is read.
func TestPulledOut(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	a := g.agent()
	commands := 0
	if _, err := a.Card(t.Context(), counting{g.card(issuer.Genuine, 0), &commands}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= commands; n++ {
		card := g.card(issuer.Genuine, 0)
		v, err := a.Card(t.Context(), issuer.PulledOut(card, n))
		if err != nil || v.State != "waiting" || v.Reason != "removed" {
			t.Fatalf("out at command %d: %+v, %v", n, v, err)
		}
		g.nothingKept("out at a command")
		s, err := g.book.Current(t.Context(), here)
		if err != nil || s.State != kiosk.Waiting || s.Reason != "removed" {
			t.Errorf("out at command %d: the page sees %+v, %v", n, s, err)
		}
		_, err = g.book.Card(t.Context(), here, s.ID)
		wants(t, "a card that was pulled out", err, kiosk.ErrState)
		_, err = g.book.OpenCase(t.Context(), here, s.ID, registration.Contact{})
		wants(t, "a case from it", err, kiosk.ErrState)
		card.Reset()
		if v, err = a.Card(t.Context(), card); err != nil || v.State != "read" {
			t.Fatalf("put back after command %d: %+v, %v", n, v, err)
		}
		if after, err := g.book.Current(t.Context(), here); err != nil || after.ID != s.ID {
			t.Errorf("put back after command %d: another session %+v, %v", n, after, err)
		}
	}
}

type counting struct {
	hkic.Chip
	n *int
}

func (c counting) Transmit(command []byte) ([]byte, error) {
	*c.n++
	return c.Chip.Transmit(command)
}

// hostile reads a card with whatever challenge it likes.
func (g *rig) evidence(card *issuer.Card, challenge []byte) *hkic.Evidence {
	g.t.Helper()
	e, err := hkic.Collect(g.t.Context(), card, challenge)
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

// A kiosk that was taken over makes no card: not from a recording, not with an
// issuer or a key of its own, not in another's session, not twice.
func TestHostileKiosk(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	ctx := t.Context()
	open := func() (*kiosk.Session, []byte) {
		s, challenge, err := g.book.Open(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		return s, challenge
	}
	s, challenge := open()
	recording := g.evidence(g.card(issuer.Genuine, 0), challenge)
	if got, err := g.book.Read(ctx, here, s.ID, recording); err != nil || got.State != kiosk.Read {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err := g.book.Read(ctx, here, s.ID, recording)
	wants(t, "the same again", err, kiosk.ErrState)
	_, err = g.book.Card(ctx, kiosk.Kiosk{ID: "other", Place: place}, s.ID)
	wants(t, "another kiosk's card", err, kiosk.ErrNoSession)
	if err := g.book.End(ctx, here, s.ID); err != nil {
		t.Fatal(err)
	}

	strangers, err := issuer.New(g.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make   func(challenge []byte) *hkic.Evidence
		reason string
	}{
		"a recording": {func([]byte) *hkic.Evidence { return recording }, "cloned"},
		"its own challenge": {func([]byte) *hkic.Evidence {
			return g.evidence(g.card(issuer.Genuine, 0), make([]byte, hkic.ChallengeSize))
		}, "cloned"},
		"an issuer of its own": {func(challenge []byte) *hkic.Evidence {
			own := *g
			own.issuer = strangers
			return own.evidence(own.card(issuer.Genuine, 0), challenge)
		}, "foreign"},
		"a key of its own":  {func(c []byte) *hkic.Evidence { return g.evidence(g.card(issuer.Cloned, 0), c) }, "cloned"},
		"data of its own":   {func(c []byte) *hkic.Evidence { return g.evidence(g.card(issuer.Tampered, 0), c) }, "tampered"},
		"a card that ended": {func(c []byte) *hkic.Evidence { return g.evidence(g.card(issuer.Expired, 0), c) }, "expired"},
		"nothing":           {func([]byte) *hkic.Evidence { return &hkic.Evidence{} }, "unreadable"},
	} {
		s, challenge := open()
		before := g.count(`SELECT count(*) FROM registration_alarm WHERE kind = 'kiosk-evidence'`)
		got, err := g.book.Read(ctx, here, s.ID, c.make(challenge))
		if err != nil || got.State != kiosk.Refused || got.Reason != c.reason {
			t.Errorf("%s: %+v, %v; want refused as %s", name, got, err, c.reason)
		}
		if n := g.count(`SELECT count(*) FROM registration_alarm WHERE kind = 'kiosk-evidence'`); n != before+1 {
			t.Errorf("%s: supervisors were not told", name)
		}
		g.nothingKept(name)
	}

	// A card that was put in meanwhile has the challenge; the one before is void.
	s, first := open()
	e := g.evidence(g.card(issuer.Genuine, 0), first)
	if again, second := open(); again.ID != s.ID || bytes.Equal(first, second) {
		t.Errorf("a waiting session was not given on: %+v", again)
	}
	if got, err := g.book.Read(ctx, here, s.ID, e); err != nil || got.Reason != "cloned" {
		t.Errorf("a void challenge: %+v, %v", got, err)
	}
	// Bytes written into the table are judged again.
	s, challenge = open()
	if _, err := g.book.Read(ctx, here, s.ID, g.evidence(g.card(issuer.Genuine, 0), challenge)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.db.Pool.Exec(ctx, `UPDATE registration_kiosk_session SET evidence = overlay(evidence PLACING '\x00' FROM 20) WHERE id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	if d, err := g.book.Card(ctx, here, s.ID); err == nil {
		t.Errorf("changed bytes were believed: %v", d.Card().Number)
	}
}

// Who is no kiosk gets nothing, and messages out of form are refused.
func TestStrangers(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	for _, kind := range []string{infra.Officer, infra.Department} {
		if _, err := g.client(kind, here.ID).Open(t.Context()); !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v, want 403", kind, err)
		}
	}
	gone := g.client(infra.Kiosk, "gone")
	if _, err := gone.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.infra.Withdraw(t.Context(), infra.Holder{Kind: infra.Kiosk, ID: "gone"}, "test", "stolen"); err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Open(t.Context()); !errors.Is(err, agent.ErrServer) {
		t.Errorf("a withdrawn kiosk: %v", err)
	}
	mine := g.client(infra.Kiosk, here.ID)
	o, err := mine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := g.client(infra.Kiosk, "other")
	for name, status := range map[string]struct {
		ask  func() error
		want string
	}{
		"another kiosk's session": {func() error {
			_, err := other.Report(t.Context(), &agent.Problem{Session: o.Session, Problem: "removed"})
			return err
		}, "404"},
		"no session": {func() error {
			_, err := mine.Report(t.Context(), &agent.Problem{Session: "x", Problem: "removed"})
			return err
		}, "404"},
		"no problem": {func() error {
			_, err := mine.Report(t.Context(), &agent.Problem{Session: o.Session, Problem: "odd"})
			return err
		}, "400"},
		"too long": {func() error {
			_, err := mine.Read(t.Context(), &agent.Reading{Session: o.Session, Holder: make([]byte, 20<<10), Issue: []byte{1}, Key: []byte{1}, Security: []byte{1}, Response: []byte{1}})
			return err
		}, "413"},
	} {
		if err := status.ask(); !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), status.want) {
			t.Errorf("%s: %v, want %s", name, err, status.want)
		}
	}
}

// A minute without a touch ends a session; what the card said is gone, and so is a case that no phone was bound to.
func TestForgets(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	ctx := t.Context()
	a := g.agent()
	read := func() *kiosk.Session {
		if v, err := a.Card(ctx, g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
			t.Fatalf("%+v, %v", v, err)
		}
		s, err := g.book.Current(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := read()
	g.clock.pass(50 * time.Second)
	if _, err := g.book.Touch(ctx, here, s.ID); err != nil {
		t.Fatal(err)
	}
	g.clock.pass(50 * time.Second)
	if d, err := g.book.Card(ctx, here, s.ID); err != nil || d.Card().Surname == "" {
		t.Errorf("50 s after a touch: %v", err)
	}
	g.clock.pass(10 * time.Second)
	_, err := g.book.Card(ctx, here, s.ID)
	wants(t, "a minute after a touch", err, kiosk.ErrState)
	_, err = g.book.Touch(ctx, here, s.ID)
	wants(t, "touched too late", err, kiosk.ErrNoSession)
	if n, err := g.book.Sweep(ctx); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
	g.nothingKept("after a minute")
	if now, err := g.book.Current(ctx, here); err != nil || now.State != kiosk.Ended || now.Reason != "expired" {
		t.Errorf("the page sees %+v, %v", now, err)
	}

	for name, leave := range map[string]func(s *kiosk.Session){
		"expired": func(*kiosk.Session) {
			g.clock.pass(time.Minute)
			if now, err := g.book.Current(ctx, here); err != nil || now.Reason != "expired" {
				t.Errorf("the page sees %+v, %v", now, err)
			}
		},
		"cancelled": func(s *kiosk.Session) {
			if err := g.book.End(ctx, here, s.ID); err != nil {
				t.Error(err)
			}
		},
		"next": func(*kiosk.Session) {
			if _, _, err := g.book.Open(ctx, here); err != nil {
				t.Error(err)
			}
		},
	} {
		for _, crashed := range []bool{false, true} {
			s := read()
			c, err := g.book.OpenCase(ctx, here, s.ID, registration.Contact{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if crashed { // killed between the case and the session: both know what was meant
				if _, err := g.db.Pool.Exec(ctx, `UPDATE registration_kiosk_session SET state = 'read', evidence = '\x00' WHERE id = $1`, s.ID); err != nil {
					t.Fatal(err)
				}
			}
			leave(s)
			if got := g.count(`SELECT count(*) FROM registration_case WHERE id = $1 AND state = 'ended' AND outcome = 'abandoned'`, c.ID); got != 1 {
				t.Errorf("%s, crashed %v: the case was not ended", name, crashed)
			}
			g.nothingKept(name)
			if n := g.count(`SELECT count(*) FROM registration_kiosk_session WHERE id = $1 AND state = 'ended' AND reason = $2`, s.ID, name); n != 1 {
				t.Errorf("%s: the session did not end so", name)
			}
		}
	}
	for range 2 { // ended by the first, forgotten a day later
		g.clock.pass(25 * time.Hour)
		if _, err := g.book.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_, err = g.book.Current(ctx, here)
	wants(t, "days later", err, kiosk.ErrNoSession)
	if n := g.count(`SELECT count(*) FROM registration_kiosk_session`); n != 0 {
		t.Errorf("%d sessions are remembered for ever", n)
	}
}

// A crash of the database takes all sessions. The cases that they opened end, so that nobody is kept from beginning again;
// one whose session lives goes on.
func TestSessionsLost(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	ctx := t.Context()
	open := func() string {
		t.Helper()
		if v, err := g.agent().Card(ctx, g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
			t.Fatalf("%+v, %v", v, err)
		}
		s, err := g.book.Current(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		c, err := g.book.OpenCase(ctx, here, s.ID, registration.Contact{})
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	open()
	if _, err := g.db.Pool.Exec(ctx, `TRUNCATE registration_kiosk_session`); err != nil {
		t.Fatal(err)
	}
	if _, err := g.book.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	g.nothingKept("after the crash")
	id := open()
	if _, err := g.book.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if c, err := g.registry.Case(ctx, registration.Kiosk(here.ID, here.Place), id); err != nil || c.State != registration.Confirmed {
		t.Errorf("a case whose session lives: %+v, %v", c, err)
	}
}

// The case is opened once, however often it is asked for, also after a kill in between.
func TestOpenCaseAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	ctx := t.Context()
	if v, err := g.agent().Card(ctx, g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	s, err := g.book.Current(ctx, here)
	if err != nil {
		t.Fatal(err)
	}
	data, err := g.book.Card(ctx, here, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	first, err := g.registry.OpenChipCase(ctx, registration.Kiosk(here.ID, here.Place), s.ID, data, registration.Contact{}) // and then it was killed
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.book.OpenCase(ctx, here, s.ID, registration.Contact{})
	if err != nil || again.Account != first.Account {
		t.Errorf("%+v, %v", again, err)
	}
	if n := g.count(`SELECT count(*) FROM registration_case`); n != 1 {
		t.Errorf("%d cases", n)
	}
	_, err = g.book.OpenCase(ctx, here, s.ID, registration.Contact{})
	wants(t, "once it is opened", err, kiosk.ErrState)
	if n := g.count(`SELECT count(*) FROM pg_class WHERE relname = 'registration_kiosk_session' AND relpersistence = 'u'`); n != 1 {
		t.Error("the table of sessions is in the write-ahead log")
	}
}
