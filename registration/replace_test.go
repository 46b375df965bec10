package registration_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/postgres"
	"chop/notification"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/immd"
)

// replacing brings a case for another phone to where a second officer confirms it.
func (g *rig) replacing(d desk, card hkic.Card) *registration.Case {
	g.t.Helper()
	c, err := g.r.OpenReplacement(g.ctx(), d.first)
	if err != nil {
		g.t.Fatal(err)
	}
	if c, err = g.r.EnterCard(g.ctx(), d.first, c.ID, card, registration.Contact{}); err != nil {
		g.t.Fatal(err)
	}
	return c
}

// replacingPhone brings it to the approval origin.
func (g *rig) replacingPhone(d desk, card hkic.Card) (*registration.Case, *registration.Phone, string) {
	g.t.Helper()
	ctx := g.ctx()
	c := g.replacing(d, card)
	challenge, err := g.r.ConfirmChallenge(ctx, d.second, c.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.r.ConfirmCard(ctx, d.second, c.ID, g.assert(d.second.Officer(), challenge)); err != nil {
		g.t.Fatal(err)
	}
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
	if _, err := g.r.ConfirmNumber(ctx, d.first, c.ID, deskSession, phone.Number); err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement); err != nil {
		g.t.Fatal(err)
	}
	p, err := g.r.BindPasskey(ctx, phone.Secret, registration.Passkey{ID: []byte("key of " + c.ID), Record: []byte(`{}`), Name: "New phone"})
	if err != nil || !p.HasPasskey {
		g.t.Fatalf("%+v, %v", p, err)
	}
	enrolment, err := g.r.BeginEnrolment(ctx, phone.Secret)
	if err != nil {
		g.t.Fatal(err)
	}
	return c, phone, enrolment
}

// owners counts whose personal data are held.
func (g *rig) owners() (n int) {
	g.t.Helper()
	if err := g.db.Pool.QueryRow(g.ctx(), `SELECT count(*) FROM registration_data_key`).Scan(&n); err != nil {
		g.t.Fatal(err)
	}
	return n
}

// Another phone: until the ticket the old one is as it was; from the ticket on it is useless, whatever becomes of the new one.
func TestReplace(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, old := g.account()
	oldKey := mustKeys(t, g, old.ID)[0]
	c, phone, enrolment := g.replacingPhone(d, g.card("adult"))
	if c.Purpose != registration.Replacing || !c.DeviceActive || c.HKIC != "A123•••(•)" {
		t.Errorf("the case is %+v", c)
	}
	// Nothing has changed for the old phone but that its holder knows.
	if s := g.state(old.ID); s != registration.Active || g.activation.state[old.Credential] != "active" || g.ca.status[old.Serial.String()] != "good" {
		t.Errorf("before the ticket: %s, %s, %s", s, g.activation.state[old.Credential], g.ca.status[old.Serial.String()])
	}
	if k := mustKeys(t, g, old.ID)[0]; string(k.ID) != string(oldKey.ID) {
		t.Error("the new phone can sign in before the ticket")
	}
	if inbox, err := g.notices.Inbox(ctx, old.ID, 10); err != nil || inbox[0].Kind != "device-replacing" {
		t.Errorf("inbox %+v, %v", inbox, err)
	}
	g.activation.calls = nil
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	// The order: the old key goes before there is a ticket for another.
	if got := g.activation.called("destroy", "sessions", "supersede", "ticket"); !slices.Equal(got[:3], []string{"destroy", "sessions", "supersede"}) || got[len(got)-1] != "ticket" {
		t.Errorf("the order was %v", got)
	}
	useless := func(when string) {
		t.Helper()
		if s := g.activation.state[old.Credential]; s != "destroyed" {
			t.Errorf("%s: the old key is %s", when, s)
		}
		if s := g.ca.status[old.Serial.String()]; s != "superseded" {
			t.Errorf("%s: the old certificate is %s", when, s)
		}
	}
	useless("after the ticket")
	if s := g.state(old.ID); s != registration.Suspended {
		t.Errorf("after the ticket the account is %s", s)
	}
	// The new phone takes its time; nobody signs in meanwhile, and no officer brings the old one back.
	g.clock.pass(time.Minute)
	if a, _, err := g.r.AccountByPasskey(ctx, oldKey.ID); err != nil || a.MaySignIn() || a.MaySign() {
		t.Errorf("the old phone signs in: %+v, %v", a, err)
	}
	g.activation.seal(t, enrolment)
	v, err := g.r.PhoneCase(ctx, phone.Secret)
	if err != nil || v.State != registration.Done || v.Account != old.ID {
		t.Fatalf("the case is %+v, %v", v, err)
	}
	useless("at the end")
	a, err := g.r.Account(ctx, registration.System, old.ID)
	if err != nil || !a.MaySign() || a.Credential == old.Credential || a.Serial.Cmp(old.Serial) == 0 || a.SRN != old.SRN || !a.ActiveAt.Equal(old.ActiveAt) {
		t.Errorf("the account is %+v, %v", a, err)
	}
	if g.activation.state[a.Credential] != "active" || g.ca.status[a.Serial.String()] != "good" {
		t.Errorf("the new credential is %s, its certificate %s", g.activation.state[a.Credential], g.ca.status[a.Serial.String()])
	}
	if k := mustKeys(t, g, old.ID)[0]; string(k.ID) == string(oldKey.ID) || k.Name != "New phone" {
		t.Errorf("who signs in: %s", k.Name)
	}
	if _, _, err := g.r.AccountByPasskey(ctx, oldKey.ID); err == nil {
		t.Error("the old sign-in passkey is known")
	}
	data, err := g.r.Data(ctx, registration.Resident(a.ID), a.ID)
	if err != nil || data.Card != g.card("adult") || data.Contact.Email != emailText {
		t.Errorf("data %+v, %v", data, err)
	}
	if n := g.owners(); n != 1 {
		t.Errorf("data of %d owners are held, want 1", n)
	}
	if inbox, err := g.notices.Inbox(ctx, old.ID, 10); err != nil || !slices.ContainsFunc(inbox[:2], func(m notice) bool { return m.Kind == "device-replaced" }) {
		t.Errorf("inbox %+v, %v", inbox, err)
	}
	lines, err := g.r.Activity(ctx, registration.Resident(a.ID), a.ID, 20)
	if err != nil || !slices.ContainsFunc(lines, func(l registration.Activity) bool { return l.What == "re-registered" && l.Place == counter }) {
		t.Errorf("activity %+v, %v", lines, err)
	}
	if list, err := g.r.AccountCases(ctx, d.first, a.ID); err != nil || len(list) != 2 {
		t.Errorf("cases %v, %v", list, err)
	}
	// And once more, with a device that was suspended before: the same way.
	if err := g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	g.clock.pass(time.Second)
	c, phone, enrolment = g.replacingPhone(d, g.card("adult"))
	if c.DeviceActive {
		t.Error("a suspended device counts as active")
	}
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	g.activation.seal(t, enrolment)
	if v, err = g.r.PhoneCase(ctx, phone.Secret); err != nil || v.State != registration.Done || g.state(a.ID) != registration.Active {
		t.Errorf("%+v, %v", v, err)
	}
}

// Whoever dies where, and whatever does not answer: what was decided is finished, and never are there two keys.
func TestReplaceResumes(t *testing.T) {
	t.Parallel()
	for name, break_ := range map[string]func(g *rig){
		"destroying fails":              func(g *rig) { g.activation.fail["destroy"] = 3 },
		"destroyed, the answer is lost": func(g *rig) { g.activation.lose["destroy"] = 2 },
		"sessions fail":                 func(g *rig) { g.activation.fail["sessions"] = 2 },
		"revocation fails":              func(g *rig) { g.activation.fail["supersede"] = 2 },
		"revoked, the answer is lost":   func(g *rig) { g.activation.lose["supersede"] = 1 },
		"ticket is lost":                func(g *rig) { g.activation.lose["ticket"] = 1 },
		"issuing fails":                 func(g *rig) { g.activation.fail["issue"] = 2 },
		"binding is lost":               func(g *rig) { g.activation.lose["bind"] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, nil)
			d, old := g.account()
			c, _, enrolment := g.replacingPhone(d, g.card("adult"))
			break_(g)
			if err := g.ticketed(d, c.ID, enrolment); err != nil { // decided and recorded all the same
				wants(t, "the ticket", err, registration.ErrUnfinished)
			}
			if e, _ := g.activation.Enrolment(t.Context(), enrolment); e.State == "seal" && g.activation.state[old.Credential] != "destroyed" {
				t.Fatalf("a key can be made while the old one is %s", g.activation.state[old.Credential])
			}
			// The process dies; another one takes over.
			another, err := registration.New(g.cfg)
			if err != nil {
				t.Fatal(err)
			}
			g.r = another
			done := func() bool {
				e, err := g.activation.Enrolment(t.Context(), enrolment)
				if err == nil && e.State == "seal" {
					g.activation.seal(t, enrolment)
				}
				return g.state(old.ID) == registration.Active
			}
			for i := 0; !done() && i < 50; i++ {
				g.clock.pass(2 * time.Minute)
				if i > 20 {
					t.Fatal("it does not end")
				}
				if _, err := g.r.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for range 8 { // what is left of the old one
				g.clock.pass(2 * time.Minute)
				if _, err := g.r.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			a, err := g.r.Account(t.Context(), registration.System, old.ID)
			if err != nil || a.Credential == old.Credential || g.activation.state[a.Credential] != "active" {
				t.Errorf("the account is %+v, %v", a, err)
			}
			if g.activation.state[old.Credential] != "destroyed" || g.ca.status[old.Serial.String()] != "superseded" {
				t.Errorf("the old key is %s, its certificate %s", g.activation.state[old.Credential], g.ca.status[old.Serial.String()])
			}
			if n := g.owners(); n != 1 {
				t.Errorf("data of %d owners are held, want 1", n)
			}
		})
	}
}

// What was not done of an earlier suspension does not reach the new phone.
func TestReplaceAfterSuspension(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	d, old := g.account()
	g.activation.fail["suspend"] = 1
	wants(t, "suspend", g.r.SuspendSelf(t.Context(), registration.Resident(old.ID), old.ID, "lost"), registration.ErrUnfinished)
	g.clock.pass(time.Second)
	c, phone, enrolment := g.replacingPhone(d, g.card("adult"))
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	g.activation.seal(t, enrolment)
	if v, err := g.r.PhoneCase(t.Context(), phone.Secret); err != nil || v.State != registration.Done {
		t.Fatalf("the case is %+v, %v", v, err)
	}
	g.swept(old.ID)
}

// swept has housekeeping do what is due by and by, and checks that the account signs, with its key and its certificate.
func (g *rig) swept(account string) {
	g.t.Helper()
	for range 3 {
		g.clock.pass(10 * time.Minute)
		if _, err := g.r.Sweep(g.ctx()); err != nil {
			g.t.Fatal(err)
		}
	}
	a, err := g.r.Account(g.ctx(), registration.System, account)
	if err != nil || !a.MaySign() || g.activation.state[a.Credential] != "active" || g.ca.status[a.Serial.String()] != "good" {
		g.t.Errorf("the account is %+v, %v; its credential is %s, its certificate %s", a, err, g.activation.state[a.Credential], g.ca.status[a.Serial.String()])
	}
}

// The link in the notice, without signing in: everything stops, once, and the case does not go on.
func TestStopLink(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	for i, at := range []string{"before the ticket", "after the ticket", "after the key", "at the end"} {
		t.Run(at, func(t *testing.T) {
			g.clock.pass(time.Hour) // other limits
			d.first, d.second = g.shift("officer-1", "counter", counter), g.shift("officer-2", "counter", counter)
			c, phone, enrolment := g.replacingPhone(d, g.card("adult"))
			inbox, err := g.notices.Inbox(ctx, a.ID, 1)
			if err != nil || inbox[0].Kind != "device-replacing" {
				t.Fatalf("inbox %+v, %v", inbox, err)
			}
			link, err := g.r.StopLink(ctx, a.ID, inbox[0].ID)
			if err != nil || !strings.HasPrefix(link, portalURL+"/stop/") {
				t.Fatal(link, err)
			}
			token := strings.TrimPrefix(link, portalURL+"/stop/")
			if i >= 1 {
				if err := g.ticketed(d, c.ID, enrolment); err != nil {
					t.Fatal(err)
				}
			}
			if i >= 2 {
				g.activation.seal(t, enrolment)
			}
			if i >= 3 {
				if v, err := g.r.PhoneCase(ctx, phone.Secret); err != nil || v.State != registration.Done {
					t.Fatalf("%+v, %v", v, err)
				}
			}
			g.clock.pass(time.Second)
			for name, bad := range map[string]string{"none": "", "other": "AAAA", "cut": token[:len(token)-1], "bent": "AQ" + strings.Repeat("A", len(token)-2)} {
				wants(t, name, g.r.SuspendByLink(ctx, bad), registration.ErrToken)
			}
			if err := g.r.SuspendByLink(ctx, token); err != nil {
				t.Fatal(err)
			}
			wants(t, "used twice", g.r.SuspendByLink(ctx, token), registration.ErrToken)
			if i < 1 { // the officer cannot go on
				g.activation.passkey(t, enrolment)
				offer, err := g.r.Ticket(ctx, d.first, c.ID)
				if err != nil {
					t.Fatal(err)
				}
				_, err = g.r.PresentTicket(ctx, d.first, c.ID, g.assert("officer-1", offer.Challenge))
				wants(t, "a ticket after the stop", err, registration.ErrState)
				if err := g.r.CancelCase(ctx, d.first, c.ID, "stopped"); err != nil {
					t.Fatal(err)
				}
			}
			if i == 1 { // the phone makes its key all the same
				g.activation.seal(t, enrolment)
			}
			for range 3 {
				g.clock.pass(time.Minute)
				if _, err := g.r.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if s := g.state(a.ID); s != registration.Suspended {
				t.Errorf("the account is %s", s)
			}
			for credential, s := range g.activation.state {
				if s == "active" {
					t.Errorf("credential %s can sign", credential)
				}
			}
			for serial, s := range g.ca.status {
				if s == "good" {
					t.Errorf("certificate %s is good", serial)
				}
			}
			want := registration.Ended
			if i == 3 {
				want = registration.Done
			}
			if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != want || i != 3 && i != 0 && got.Outcome != "stopped" {
				t.Errorf("the case is %+v, %v", got, err)
			}
			if n := g.owners(); n != 1 {
				t.Errorf("data of %d owners are held, want 1", n)
			}
		})
	}
	// Too late.
	link, err := g.r.StopLink(ctx, a.ID, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.clock.pass(31 * 24 * time.Hour)
	wants(t, "after a month", g.r.SuspendByLink(ctx, strings.TrimPrefix(link, portalURL+"/stop/")), registration.ErrToken)
}

// What is refused, and leaves the account as it was.
func TestReplaceRefuses(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	card := g.card("adult")
	open := func() string {
		t.Helper()
		c, err := g.r.OpenReplacement(ctx, d.first)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	_, err := g.r.EnterCard(ctx, d.first, open(), g.card("only the year"), registration.Contact{})
	wants(t, "somebody without an account", err, registration.ErrNoAccount)
	_, err = g.r.EnterCard(ctx, d.first, open(), card, registration.Contact{Email: "else@example.hk"})
	wants(t, "another address", err, registration.ErrContact)
	other := card
	other.Birth.Year++
	c := g.replacing(d, other)
	_, err = g.r.EnterCard(ctx, d.first, open(), card, registration.Contact{})
	wants(t, "two cases at a time", err, registration.ErrRegistered)
	challenge, err := g.r.ConfirmChallenge(ctx, d.second, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.r.ConfirmCard(ctx, d.second, c.ID, g.assert("officer-2", challenge)); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.Verify(ctx, d.first, c.ID)
	wants(t, "another's card", err, registration.ErrRefused)
	if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Refused || got.Outcome != string(immd.NoMatch) {
		t.Errorf("the case is %+v, %v", got, err)
	}
	// A passkey of somebody else's.
	b := g.registered(d, g.card("eleven"))
	theirs := mustKeys(t, g, b.ID)[0]
	_, phone, enrolment := g.replacingPhone(d, card)
	g.activation.passkey(t, enrolment)
	_, err = g.r.BindPasskey(ctx, phone.Secret, theirs)
	wants(t, "too late for a passkey", err, registration.ErrState)
	if err := g.r.NotMe(ctx, phone.Secret); err != nil {
		t.Fatal(err)
	}
	if got, err := g.r.Account(ctx, registration.System, a.ID); err != nil || !got.MaySign() || got.Credential != a.Credential || g.activation.state[a.Credential] != "active" {
		t.Errorf("the account is %+v, %v", got, err)
	}
	if n := g.owners(); n != 2 {
		t.Errorf("data of %d owners are held, want 2", n)
	}
}

// An active device is not replaced by one officer: not through the desk, and not by whoever writes into the database either.
func TestReplaceAlone(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	c, _, enrolment := g.replacingPhone(d, g.card("adult"))
	if _, err := g.db.Pool.Exec(ctx, `UPDATE registration_case SET second = NULL WHERE id = $1`, c.ID); err == nil {
		t.Error("the database takes an active device's replacement without a second officer")
	}
	err := g.db.InTx(ctx, func(tx postgres.Tx) error {
		_, err := tx.Exec(ctx, `ALTER TABLE registration_case DROP CONSTRAINT registration_case_second, DROP CONSTRAINT registration_case_four_eyes`)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE registration_case SET second = NULL WHERE id = '`+c.ID+`'`)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	g.activation.passkey(t, enrolment)
	offer, err := g.r.Ticket(ctx, d.first, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.PresentTicket(ctx, d.first, c.ID, g.assert("officer-1", offer.Challenge))
	wants(t, "a re-binding by one officer", err, registration.ErrFourEyes)
	if g.alarms("four-eyes") != 1 {
		t.Error("no alarm")
	}
	if s := g.state(a.ID); s != registration.Active || g.activation.state[a.Credential] != "active" {
		t.Errorf("the account is %s, its key %s", s, g.activation.state[a.Credential])
	}
}

type notice = notification.Message

// A link that was used is remembered for longer than any link of its notice is good, and not for ever.
func TestStopLinkForgotten(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	_, a := g.account()
	notice := newCaseID(t)
	token := func() string {
		t.Helper()
		link, err := g.r.StopLink(ctx, a.ID, notice)
		if err != nil {
			t.Fatal(err)
		}
		return link[strings.LastIndex(link, "/")+1:]
	}
	rows := func(after string, want int) {
		t.Helper()
		if _, err := g.r.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := g.db.Pool.QueryRow(ctx, `SELECT count(*) FROM registration_stop`).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d links are remembered, %v; want %d", after, n, err, want)
		}
	}
	if err := g.r.SuspendByLink(ctx, token()); err != nil {
		t.Fatal(err)
	}
	rows("at once", 1)
	g.clock.pass(20 * 24 * time.Hour)
	late := token() // its e-mail was sent again
	g.clock.pass(29 * 24 * time.Hour)
	rows("after 49 days", 1)
	wants(t, "a link of a notice that was used", g.r.SuspendByLink(ctx, late), registration.ErrToken)
	g.clock.pass(12 * 24 * time.Hour)
	rows("after 61 days", 0)
	wants(t, "a link of old", g.r.SuspendByLink(ctx, late), registration.ErrToken)
}
