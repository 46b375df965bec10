package registration_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
)

// account is a registered one, with officers around it.
func (g *rig) account() (desk, *registration.Account) {
	g.t.Helper()
	d := g.desk()
	return d, g.registered(d, g.card("adult"))
}

func (g *rig) state(account string) registration.AccountState {
	g.t.Helper()
	a, err := g.r.Account(g.ctx(), registration.System, account)
	if err != nil {
		g.t.Fatal(err)
	}
	return a.State
}

// stopped checks that nothing works any more, everywhere.
func (g *rig) stopped(a *registration.Account) {
	g.t.Helper()
	if s := g.state(a.ID); s != registration.Suspended {
		g.t.Errorf("the account is %s", s)
	}
	if s := g.activation.state[a.Credential]; s != "suspended" {
		g.t.Errorf("the credential is %s", s)
	}
	if s := g.ca.status[a.Serial.String()]; s != "suspended" {
		g.t.Errorf("the certificate is %s", s)
	}
}

// The hotline: a caller who proves who they are, and the suspension in the order that stops signing first.
func TestHotline(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	_, a := g.account()
	hot := g.hire("officer-4", "hotline", hotline, number(t, "E", "100004"))
	err := g.r.Suspend(ctx, hot, a.ID, "no token", "lost phone")
	wants(t, "a suspension without a proof", err, registration.ErrProof)
	v, err := g.r.VerifyCaller(ctx, hot, registration.Proof{Items: map[registration.Item]string{
		registration.ItemHKIC: "a123456(3)", registration.ItemBirth: "1985-03-14",
	}})
	if err != nil || v.Account != a.ID || v.SRN != a.SRN {
		t.Fatalf("%+v, %v", v, err)
	}
	hot2 := g.hire("officer-6", "hotline", hotline, number(t, "E", "100006"))
	wants(t, "another officer's proof", g.r.Suspend(ctx, hot2, a.ID, v.Token, "lost phone"), registration.ErrProof)
	wants(t, "no reason", g.r.Suspend(ctx, hot, a.ID, v.Token, ""), registration.ErrForbidden)
	if err := g.r.Suspend(ctx, hot, a.ID, v.Token, "lost phone"); err != nil {
		t.Fatal(err)
	}
	g.stopped(a)
	if got := g.activation.called("suspend", "sessions", "hold"); !slices.Equal(got, []string{"suspend", "sessions", "hold"}) {
		t.Errorf("the order was %v", got)
	}
	wants(t, "a proof used twice", g.r.Suspend(ctx, hot, a.ID, v.Token, "lost phone"), registration.ErrProof)
	lines, err := g.r.Activity(ctx, registration.Resident(a.ID), a.ID, 10)
	if err != nil || len(lines) < 3 || lines[0].What != "suspended" || lines[0].Who != "officer" || lines[1].What != "caller-verified" {
		t.Errorf("activity %+v, %v", lines, err)
	}
	_, err = g.r.Data(ctx, hot, a.ID)
	wants(t, "the hotline reads data", err, registration.ErrForbidden)
	_, err = g.r.BeginResume(ctx, hot, a.ID, "officer-1", "found")
	wants(t, "the hotline resumes", err, registration.ErrForbidden)
	inbox, err := g.notices.Inbox(ctx, a.ID, 10)
	if err != nil || inbox[0].Kind != "suspended" {
		t.Errorf("inbox %+v, %v", inbox, err)
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	// Somebody of the same household: one telephone and one address of e-mail.
	b := g.registered(d, g.card("eleven"))
	hot := g.hire("officer-4", "hotline", hotline, number(t, "E", "100004"))
	code, err := g.r.SuspensionCode(ctx, registration.Resident(a.ID), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	items := func(kv ...string) registration.Proof {
		p := registration.Proof{Items: map[registration.Item]string{}}
		for i := 0; i < len(kv); i += 2 {
			p.Items[registration.Item(kv[i])] = kv[i+1]
		}
		return p
	}
	for name, p := range map[string]registration.Proof{
		"code":                {SuspensionCode: code},
		"code without dash":   {SuspensionCode: strings.ReplaceAll(code, "-", " ")},
		"telephone and birth": items("phone", "+852 9123-4567", "birth", "1985-03-14"),
		"e-mail and HKIC":     items("email", "TAI.MAN@example.hk", "hkic", "A1234563"),
		"SRN and place":       items("srn", a.SRN, "place", "kwun TONG"),
	} {
		if v, err := g.r.VerifyCaller(ctx, hot, p); err != nil || v.Account != a.ID {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	for name, p := range map[string]registration.Proof{
		"nothing":              {},
		"one item":             items("hkic", "A123456(3)"),
		"one item twice":       items("hkic", "A123456(3)", "birth", ""),
		"wrong code":           {SuspensionCode: "00000-00000"},
		"no lookup":            items("birth", "1985-03-14", "place", counter),
		"a household's":        items("phone", phoneText, "email", emailText),
		"one wrong of three":   items("hkic", "A123456(3)", "birth", "1985-03-14", "email", "else@example.hk"),
		"wrong form":           items("hkic", "A123456(3)", "birth", "14 March"),
		"unknown item":         items("hkic", "A123456(3)", "mother", "Mary"),
		"another's birth":      items("srn", b.SRN, "birth", "1985-03-14"),
		"another's number":     items("srn", b.SRN, "hkic", "A123456(3)"),
		"number with a slip":   items("hkic", "A123456(4)", "birth", "1985-03-14"),
		"unknown phone, birth": items("phone", "6123 4567", "birth", "1985-03-14"),
	} {
		_, err := g.r.VerifyCaller(ctx, hot, p)
		if !errors.Is(err, registration.ErrProof) && !errors.Is(err, registration.ErrTooMany) {
			t.Errorf("%s: %v, want ErrProof", name, err)
		}
		if err.Error() != registration.ErrProof.Error() && !errors.Is(err, registration.ErrTooMany) {
			t.Errorf("%s: the error says more: %v", name, err)
		}
	}
	// By now the account has had its wrong tries: the right answer does not help, and supervisors know.
	for range 5 {
		_, _ = g.r.VerifyCaller(ctx, hot, items("srn", a.SRN, "birth", "1985-03-15"))
	}
	_, err = g.r.VerifyCaller(ctx, hot, items("srn", a.SRN, "birth", "1985-03-14"))
	wants(t, "the right answer after too many wrong ones", err, registration.ErrTooMany)
	g.clock.pass(time.Hour + time.Second)
	if _, err := g.r.VerifyCaller(ctx, hot, items("srn", a.SRN, "birth", "1985-03-14")); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	for i := range 25 {
		p := items("hkic", "E364912(5)", "birth", "1990-01-01")
		if _, err = g.r.VerifyCaller(ctx, hot, p); errors.Is(err, registration.ErrTooMany) {
			if i < 15 {
				t.Errorf("stopped after %d wrong tries", i)
			}
			break
		}
	}
	wants(t, "an officer who guesses", err, registration.ErrTooMany)

	// Look-ups are limited too, and seen by who was looked up.
	found, err := g.r.Find(ctx, hot, registration.ItemPhone, phoneText)
	if err != nil || len(found) != 2 {
		t.Errorf("found %+v, %v", found, err)
	}
	for range 60 {
		_, err = g.r.Find(ctx, hot, registration.ItemHKIC, "E364912(5)")
	}
	wants(t, "mass look-ups", err, registration.ErrTooMany)
	if g.alarms("limit:find") != 1 {
		t.Error("no alarm")
	}
}

// By the code, without the phone.
func TestSuspendByCode(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	_, a := g.account()
	old, err := g.r.SuspensionCode(ctx, registration.Resident(a.ID), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, err := g.r.SuspensionCode(ctx, registration.Resident(a.ID), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.SuspensionCode(ctx, registration.Resident("else"), a.ID)
	wants(t, "another's code", err, registration.ErrForbidden)
	wants(t, "the old code", g.r.SuspendByCode(ctx, old, "192.0.2.1"), registration.ErrProof)
	for range 9 {
		wants(t, "a guess", g.r.SuspendByCode(ctx, "12345-67890", "192.0.2.1"), registration.ErrProof)
	}
	wants(t, "a guess too many", g.r.SuspendByCode(ctx, code, "192.0.2.1"), registration.ErrTooMany)
	if err := g.r.SuspendByCode(ctx, code, "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	g.stopped(a)
	if err := g.r.SuspendByCode(ctx, code, "192.0.2.2"); err != nil {
		t.Errorf("again: %v", err)
	}
}

// A crash at any step of a suspension is completed by housekeeping; what counts is decided at once.
func TestSuspensionCrashes(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"suspend", "sessions", "hold"} {
		for _, how := range []string{"lose", "fail"} {
			t.Run(step+" "+how, func(t *testing.T) {
				t.Parallel()
				g := newRig(t, nil)
				_, a := g.account()
				if how == "lose" {
					g.activation.lose[step] = 1
				} else {
					g.activation.fail[step] = 2
				}
				err := g.r.SuspendSelf(t.Context(), registration.Resident(a.ID), a.ID, "not sure where it is")
				wants(t, "a party does not answer", err, registration.ErrUnfinished)
				if s := g.state(a.ID); s != registration.Suspended {
					t.Errorf("the account is %s", s)
				}
				for range 4 {
					g.clock.pass(10 * time.Second)
					if _, err := g.r.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				g.stopped(a)
			})
		}
	}
}

// resume has two officers sign.
func (g *rig) resume(d desk, account string) (bool, error) {
	g.t.Helper()
	offer, err := g.r.BeginResume(g.ctx(), d.first, account, d.second.Officer(), "phone was found")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, c := range []registration.Caller{d.second, d.first} { // in any order
		done, err := g.r.SignOrder(g.ctx(), c, offer.Operation, g.assert(c.Officer(), offer.Challenge))
		if err != nil || done {
			return done, err
		}
	}
	return false, nil
}

func TestResume(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	_, err := g.r.BeginResume(ctx, d.first, a.ID, "officer-2", "x")
	wants(t, "resume of an active account", err, registration.ErrState)
	if err := g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	self := g.hire("officer-5", "counter", counter, g.card("adult").Number)
	_, err = g.r.BeginResume(ctx, self, a.ID, "officer-2", "x")
	wants(t, "one's own account", err, registration.ErrSelf)
	_, err = g.r.BeginResume(ctx, d.first, a.ID, "officer-5", "x")
	wants(t, "the second officer's own account", err, registration.ErrSelf)
	_, err = g.r.BeginResume(ctx, d.first, a.ID, "officer-1", "x")
	wants(t, "alone", err, registration.ErrFourEyes)

	offer, err := g.r.BeginResume(ctx, d.first, a.ID, "officer-2", "phone was found")
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.SignOrder(ctx, self, offer.Operation, g.assert("officer-5", offer.Challenge))
	wants(t, "an officer who is not in the order", err, registration.ErrForbidden)
	_, err = g.r.SignOrder(ctx, d.first, offer.Operation, g.assert("officer-2", offer.Challenge))
	wants(t, "the second's passkey for the first", err, registration.ErrAssertion)
	if done, err := g.r.SignOrder(ctx, d.first, offer.Operation, g.assert("officer-1", offer.Challenge)); err != nil || done {
		t.Fatalf("%v, %v", done, err)
	}
	_, err = g.r.SignOrder(ctx, d.first, offer.Operation, g.assert("officer-1", offer.Challenge))
	wants(t, "the same officer twice", err, registration.ErrFourEyes)
	g.stopped(a)
	g.clock.pass(11 * time.Minute)
	_, err = g.r.SignOrder(ctx, d.second, offer.Operation, g.assert("officer-2", offer.Challenge))
	wants(t, "signed too late", err, registration.ErrState)

	if done, err := g.resume(d, a.ID); err != nil || !done {
		t.Fatalf("%v, %v", done, err)
	}
	if s := g.state(a.ID); s != registration.Active || g.activation.state[a.Credential] != "active" || g.ca.status[a.Serial.String()] != "good" {
		t.Errorf("the account is %s, the credential %s, the certificate %s", s, g.activation.state[a.Credential], g.ca.status[a.Serial.String()])
	}
	inbox, err := g.notices.Inbox(ctx, a.ID, 1)
	if err != nil || inbox[0].Kind != "resumed" {
		t.Errorf("inbox %+v, %v", inbox, err)
	}
}

// A suspension that comes while a resumption is under way wins, whatever arrives late.
func TestSuspensionWins(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	if err := g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	g.activation.fail["release"] = 1 // the resumption stops half-way: the credential is active, the account is not
	done, err := g.resume(d, a.ID)
	if !done || !errors.Is(err, registration.ErrUnfinished) || g.activation.state[a.Credential] != "active" {
		t.Fatalf("%v, %v", done, err)
	}
	if err := g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "no, not I"); err != nil {
		t.Fatal(err)
	}
	g.stopped(a)
	// The last word of the resumption, from a process that was slow.
	g.activation.state[a.Credential] = "active"
	for range 4 {
		g.clock.pass(time.Minute)
		if _, err := g.r.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	g.stopped(a)
}

// Closing: the key is destroyed, the certificate revoked, contact and look-ups are gone, and the person can register again.
func TestClose(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	wants(t, "another closes", g.r.Close(ctx, registration.Resident("else"), a.ID, "x"), registration.ErrForbidden)
	g.activation.fail["revoke"] = 1
	wants(t, "the CA is down", g.r.Close(ctx, registration.Resident(a.ID), a.ID, "I leave"), registration.ErrUnfinished)
	g.clock.pass(time.Minute)
	if _, err := g.r.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if s := g.state(a.ID); s != registration.Closed || g.activation.state[a.Credential] != "destroyed" || g.ca.status[a.Serial.String()] != "revoked" {
		t.Errorf("the account is %s, the credential %s, the certificate %s", s, g.activation.state[a.Credential], g.ca.status[a.Serial.String()])
	}
	if email, _, err := g.r.Address(ctx, a.ID); err != nil || email != "" {
		t.Errorf("address %q, %v", email, err)
	}
	_, err := g.r.Find(ctx, d.first, registration.ItemHKIC, "A123456(3)")
	wants(t, "found by its number", err, registration.ErrNoAccount)
	wants(t, "suspended afterwards", g.r.SuspendSelf(ctx, registration.Resident(a.ID), a.ID, "x"), registration.ErrState)
	if again := g.registered(d, g.card("adult")); again.ID == a.ID || again.SRN == a.SRN {
		t.Error("the new account is the old one")
	}
}

// Whoever holds the database moves rows about: none of it is believed.
func TestTamperedRows(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, a := g.account()
	b := g.registered(d, g.card("eleven"))
	exec := func(sql string, arguments ...any) {
		t.Helper()
		if _, err := g.db.Pool.Exec(ctx, sql, arguments...); err != nil {
			t.Fatal(err)
		}
	}
	// The look-up of A's number is made to point to B.
	exec(`DELETE FROM registration_lookup WHERE owner = $1 AND kind = 'hkic'`, b.ID)
	exec(`UPDATE registration_lookup SET owner = $2 WHERE owner = $1 AND kind = 'hkic'`, a.ID, b.ID)
	if found, err := g.r.Find(ctx, d.first, registration.ItemHKIC, "A123456(3)"); err == nil {
		t.Errorf("found %+v", found)
	}
	if g.alarms("tampered") != 1 {
		t.Error("no alarm")
	}
	exec(`UPDATE registration_lookup SET owner = $1 WHERE owner = $2 AND kind = 'hkic'`, a.ID, b.ID)
	// Fields change places: between accounts, between names, and with the data key.
	for name, sql := range map[string]string{
		"between accounts": `UPDATE registration_field f SET sealed = o.sealed FROM registration_field o WHERE f.owner = $1 AND o.owner = $2 AND f.name = 'surname' AND o.name = 'surname'`,
		"between names":    `UPDATE registration_field f SET sealed = o.sealed FROM registration_field o WHERE f.owner = $1 AND o.owner = $1 AND $2::uuid IS NOT NULL AND f.name = 'given-names' AND o.name = 'surname'`,
		"with the key": `WITH k AS (UPDATE registration_data_key f SET sealed = o.sealed FROM registration_data_key o WHERE f.owner = $1 AND o.owner = $2)
			UPDATE registration_field f SET sealed = o.sealed FROM registration_field o WHERE f.owner = $1 AND o.owner = $2 AND f.name = o.name`,
	} {
		before, err := g.r.Data(ctx, registration.Resident(b.ID), b.ID)
		if err != nil {
			t.Fatal(err)
		}
		exec(`CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM registration_field`)
		exec(`CREATE TABLE IF NOT EXISTS kept_key AS SELECT * FROM registration_data_key`)
		exec(sql, b.ID, a.ID)
		if got, err := g.r.Data(ctx, registration.Resident(b.ID), b.ID); err == nil {
			t.Errorf("%s: opened as %v", name, got.Card.Surname == before.Card.Surname)
		}
		exec(`UPDATE registration_field f SET sealed = k.sealed FROM kept k WHERE f.owner = k.owner AND f.name = k.name`)
		exec(`UPDATE registration_data_key f SET sealed = k.sealed FROM kept_key k WHERE f.owner = k.owner`)
		if after, err := g.r.Data(ctx, registration.Resident(b.ID), b.ID); err != nil || after.Card != before.Card {
			t.Fatalf("%s: put back: %v", name, err)
		}
	}
}

// The pins of the activation process name active officers alone.
func TestPins(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	d := g.desk()
	if err := g.r.Officers().Suspend(t.Context(), operators[0], d.second.Officer(), "left"); err != nil {
		t.Fatal(err)
	}
	raw, err := g.r.Officers().Pins(t.Context(), nil, nil, [][]byte{[]byte("der")})
	if err != nil {
		t.Fatal(err)
	}
	var pins struct {
		Officers []struct {
			ID      string            `json:"id"`
			Passkey solecontrol.Bytes `json:"passkey"`
			Key     solecontrol.Bytes `json:"key"`
			RPID    string            `json:"rpId"`
			Origin  string            `json:"origin"`
		} `json:"officers"`
		Kiosks      []any               `json:"kiosks"`
		Immigration []any               `json:"immigration"`
		Issuing     []solecontrol.Bytes `json:"issuing"`
	}
	if err := solecontrol.Decode([]byte(strings.TrimSpace(string(raw))), &pins); err != nil {
		t.Fatal(err)
	}
	if len(pins.Officers) != 1 || pins.Officers[0].ID != "officer-1" || string(pins.Officers[0].Passkey) != string(g.passkeys["officer-1"]) ||
		pins.Officers[0].Origin != deskOrigin || string(pins.Issuing[0]) != "der" {
		t.Errorf("pins %s", raw)
	}
	if _, err := solecontrol.ParseCOSE(pins.Officers[0].Key); err != nil {
		t.Error(err)
	}
}
