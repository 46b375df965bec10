package registration_test

import (
	"strings"
	"testing"
	"time"

	"chop/registration"
)

// verified is a case whose code can be shown.
func (g *rig) verified(d desk) *registration.Case {
	g.t.Helper()
	c := g.confirmed(d, g.card("adult"))
	if _, err := g.r.Verify(g.ctx(), d.first, c.ID); err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *rig) offer(c registration.Caller, id, desk string) *registration.Offer {
	g.t.Helper()
	o, err := g.r.OfferBinding(g.ctx(), c, id, desk)
	if err != nil {
		g.t.Fatal(err)
	}
	return o
}

func (g *rig) scan(token string) *registration.Phone {
	g.t.Helper()
	p, err := g.r.BindDevice(g.ctx(), token)
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

func (g *rig) alarms(kind string) (n int) {
	g.t.Helper()
	if err := g.db.Pool.QueryRow(g.ctx(), `SELECT count(*) FROM registration_alarm WHERE kind = $1`, kind).Scan(&n); err != nil {
		g.t.Fatal(err)
	}
	return n
}

// The relay attacks on the code that binds a phone, by name.
func TestQRAttacks(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(t *testing.T, g *rig, d desk, id string){
		"second scanner": func(t *testing.T, g *rig, d desk, id string) {
			o := g.offer(d.first, id, deskSession)
			first := g.scan(o.Token)
			_, err := g.r.BindDevice(t.Context(), o.Token)
			wants(t, "the second scan", err, registration.ErrToken)
			_, err = g.r.PhoneCase(t.Context(), first.Secret)
			wants(t, "the first phone, whose scan is void", err, registration.ErrToken)
			_, err = g.r.ConfirmNumber(t.Context(), d.first, id, deskSession, first.Number)
			wants(t, "its number", err, registration.ErrState)
			if g.alarms("qr-second-scan") != 1 {
				t.Error("no alarm")
			}
		},
		"replay after the confirmation": func(t *testing.T, g *rig, d desk, id string) {
			o := g.offer(d.first, id, deskSession)
			phone := g.scan(o.Token)
			if _, err := g.r.ConfirmNumber(t.Context(), d.first, id, deskSession, phone.Number); err != nil {
				t.Fatal(err)
			}
			_, err := g.r.BindDevice(t.Context(), o.Token)
			wants(t, "the replay", err, registration.ErrToken)
			if v, err := g.r.PhoneCase(t.Context(), phone.Secret); err != nil || v.State != registration.Bound {
				t.Errorf("the phone that is bound: %+v, %v", v, err)
			}
			if g.alarms("qr-second-scan") != 1 {
				t.Error("no alarm")
			}
		},
		"forwarded code": func(t *testing.T, g *rig, d desk, id string) {
			// Somebody far away scans; the phone in front of the officer shows no number, or another.
			o := g.offer(d.first, id, deskSession)
			far := g.scan(o.Token)
			wrong := "00"
			if far.Number == wrong {
				wrong = "01"
			}
			_, err := g.r.ConfirmNumber(t.Context(), d.first, id, deskSession, wrong)
			wants(t, "a number that differs", err, registration.ErrNumber)
			_, err = g.r.ConfirmNumber(t.Context(), d.first, id, deskSession, far.Number)
			wants(t, "the right one afterwards", err, registration.ErrState)
			_, err = g.r.PhoneCase(t.Context(), far.Secret)
			wants(t, "the far phone", err, registration.ErrToken)
		},
		"another desk session": func(t *testing.T, g *rig, d desk, id string) {
			phone := g.scan(g.offer(d.first, id, deskSession).Token)
			_, err := g.r.ConfirmNumber(t.Context(), d.first, id, "desk-session-2", phone.Number)
			wants(t, "confirmed elsewhere", err, registration.ErrToken)
			if g.alarms("qr-other-desk") != 1 {
				t.Error("no alarm")
			}
		},
		"too late": func(t *testing.T, g *rig, d desk, id string) {
			o := g.offer(d.first, id, deskSession)
			g.clock.pass(90 * time.Second)
			_, err := g.r.BindDevice(t.Context(), o.Token)
			wants(t, "after 90 seconds", err, registration.ErrToken)
		},
		"older code": func(t *testing.T, g *rig, d desk, id string) {
			old := g.offer(d.first, id, deskSession)
			fresh := g.offer(d.first, id, deskSession)
			_, err := g.r.BindDevice(t.Context(), old.Token)
			wants(t, "the code that was replaced", err, registration.ErrToken)
			g.scan(fresh.Token)
		},
		"a scan that nobody confirms": func(t *testing.T, g *rig, d desk, id string) {
			phone := g.scan(g.offer(d.first, id, deskSession).Token)
			_, err := g.r.AcceptAgreement(t.Context(), phone.Secret, registration.DefaultAgreement)
			wants(t, "agreement before the number", err, registration.ErrState)
			_, err = g.r.BindPasskey(t.Context(), phone.Secret, registration.Passkey{ID: []byte("k"), Record: []byte("{}")})
			wants(t, "passkey before the number", err, registration.ErrState)
			_, err = g.r.BeginEnrolment(t.Context(), phone.Secret)
			wants(t, "key before the number", err, registration.ErrNotReady)
		},
		"inventions": func(t *testing.T, g *rig, d desk, id string) {
			for range 60 {
				_, err := g.r.BindDevice(t.Context(), strings.Repeat("A", 43))
				wants(t, "an invented code", err, registration.ErrToken)
			}
			_, err := g.r.BindDevice(t.Context(), strings.Repeat("A", 43))
			wants(t, "the sixty-first", err, registration.ErrTooMany)
			g.scan(g.offer(d.first, id, deskSession).Token) // a real one is served all the same
		},
		"codes without end": func(t *testing.T, g *rig, d desk, id string) {
			for range 10 {
				g.offer(d.first, id, deskSession)
			}
			_, err := g.r.OfferBinding(t.Context(), d.first, id, deskSession)
			wants(t, "the eleventh", err, registration.ErrTooMany)
		},
		"not me": func(t *testing.T, g *rig, d desk, id string) {
			phone := g.scan(g.offer(d.first, id, deskSession).Token)
			if err := g.r.NotMe(t.Context(), phone.Secret); err != nil {
				t.Fatal(err)
			}
			if c, err := g.r.Case(t.Context(), d.first, id); err != nil || c.State != registration.Ended || c.Outcome != "not-me" {
				t.Errorf("the case is %+v, %v", c, err)
			}
		},
		"another agreement, another's passkey": func(t *testing.T, g *rig, d desk, id string) {
			phone := g.scan(g.offer(d.first, id, deskSession).Token)
			if _, err := g.r.ConfirmNumber(t.Context(), d.first, id, deskSession, phone.Number); err != nil {
				t.Fatal(err)
			}
			_, err := g.r.AcceptAgreement(t.Context(), phone.Secret, "subscriber-agreement-2020-01")
			wants(t, "an old text", err, registration.ErrAgreement)
			if _, err := g.r.AcceptAgreement(t.Context(), phone.Secret, registration.DefaultAgreement); err != nil {
				t.Fatal(err)
			}
			_, err = g.r.BeginEnrolment(t.Context(), phone.Secret)
			wants(t, "key before the passkey", err, registration.ErrNotReady)
			a := g.registered(d, g.card("eleven"))
			_, err = g.r.BindPasskey(t.Context(), phone.Secret, registration.Passkey{ID: mustKeys(t, g, a.ID)[0].ID, Record: []byte("{}")})
			wants(t, "another's passkey", err, registration.ErrPasskey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, nil)
			d := g.desk()
			attack(t, g, d, g.verified(d).ID)
			if len(g.activation.called("begin")) != 0 && !strings.HasPrefix(name, "another agreement") {
				t.Error("an enrolment was begun")
			}
		})
	}
}
