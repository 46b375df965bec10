package registration_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/hsm"
	"chop/hsm/hsmtest"
	"chop/internal/audit"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/immd"
)

// From the counter to the active account, with a real token as the sealer; and
// then no personal datum is found anywhere in the database.
func TestWholeCase(t *testing.T) {
	token, err := hsm.Open(t.Context(), hsmtest.SoftHSM(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { token.Close() })
	sealer, err := token.Sealer(t.Context(), "registration")
	if err != nil {
		t.Fatal(err)
	}
	g := newRig(t, sealer)
	d := g.desk()
	card := g.card("Chinese name beyond")
	a := g.registered(d, card)
	if a.State != registration.Active || a.Kind != registration.Full || a.Credential == "" || a.Serial == nil || !a.MaySign() || a.Place != counter {
		t.Errorf("account %+v", a)
	}
	if g.activation.state[a.Credential] != "active" || g.activation.tickets != 1 {
		t.Errorf("credential is %q, %d tickets", g.activation.state[a.Credential], g.activation.tickets)
	}
	subject := g.ca.names[a.Serial.String()]
	if subject.CommonName != "WONG, Siu Lip" || subject.SerialNumber != a.SRN || subject.Country != "HK" {
		t.Errorf("certificate's subject %+v", subject)
	}
	data, err := g.r.Data(t.Context(), registration.Resident(a.ID), a.ID)
	if err != nil || data.Card != card || data.Contact.Phone != "+85291234567" || data.Contact.Email != emailText || data.Contact.Language != "en" {
		t.Errorf("data %+v, %v", data, err)
	}
	if byKey, p, err := g.r.AccountByPasskey(t.Context(), mustKeys(t, g, a.ID)[0].ID); err != nil || byKey.ID != a.ID || p.Name != "Phone" {
		t.Errorf("by passkey: %+v %v", byKey, err)
	}
	inbox, err := g.notices.Inbox(t.Context(), a.ID, 10)
	if err != nil || len(inbox) != 2 {
		t.Errorf("inbox %+v, %v", inbox, err)
	}
	code, err := g.r.SuspensionCode(t.Context(), registration.Resident(a.ID), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Sequence(t.Context(), g.db); err != nil {
		t.Fatal(err)
	}
	searched := g.searchDatabase([]string{
		card.Number.Secret(), card.Number.Normal(), card.Number.String(), card.Surname, card.GivenNames, card.ChineseName, card.Birth.String(), "1978",
		"91234567", emailText, "tai.man", strings.ReplaceAll(code, "-", ""), code, "E100001",
	})
	if searched < 20 {
		t.Errorf("only %d tables were searched", searched)
	}
	if email, language, err := g.r.Address(t.Context(), a.ID); err != nil || email != emailText || language != "en" {
		t.Errorf("address %q %q %v", email, language, err)
	}
}

func mustKeys(t testing.TB, g *rig, account string) []registration.Passkey {
	t.Helper()
	keys, err := g.r.SignInPasskeys(t.Context(), registration.Resident(account), account)
	if err != nil || len(keys) != 1 {
		t.Fatalf("passkeys %v, %v", keys, err)
	}
	return keys
}

// Whoever may not is refused, and the refusal is in the log.
func TestOfficers(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d := g.desk()
	elsewhere := g.hire("officer-3", "counter", other, number(t, "E", "100003"))
	hot := g.hire("officer-4", "hotline", hotline, number(t, "E", "100004"))
	card := g.card("adult")
	self := g.hire("officer-5", "counter", counter, card.Number)
	contact := registration.Contact{}

	_, err := g.r.OpenCase(ctx, hot, registration.Full)
	wants(t, "a case opened by the hotline", err, registration.ErrForbidden)
	lying := hot
	lying.Role = "counter"
	_, err = g.r.OpenCase(ctx, lying, registration.Full)
	wants(t, "a role that the shift does not have", err, registration.ErrForbidden)
	lying = d.first
	lying.Place = other
	_, err = g.r.OpenCase(ctx, lying, registration.Full)
	wants(t, "a place that the shift does not have", err, registration.ErrForbidden)
	lying = d.first
	lying.Shift = d.second.Shift
	_, err = g.r.OpenCase(ctx, lying, registration.Full)
	wants(t, "another officer's shift", err, registration.ErrForbidden)
	_, err = g.r.OpenCase(ctx, registration.Resident("x"), registration.Full)
	wants(t, "a resident", err, registration.ErrForbidden)
	_, err = g.r.OpenCase(ctx, d.first, registration.Lite)
	wants(t, "a Lite account at a counter", err, registration.ErrState)

	c, err := g.r.OpenCase(ctx, self, registration.Full)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.EnterCard(ctx, self, c.ID, card, contact)
	wants(t, "an officer registers themself", err, registration.ErrSelf)
	_, err = g.r.EnterCard(ctx, d.first, c.ID, card, contact)
	wants(t, "another officer's case", err, registration.ErrForbidden)
	_, err = g.r.EnterCard(ctx, elsewhere, c.ID, card, contact)
	wants(t, "a case of another place", err, registration.ErrNoCase)

	c, err = g.r.OpenCase(ctx, d.first, registration.Full)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = g.r.EnterCard(ctx, d.first, c.ID, card, contact); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.ConfirmChallenge(ctx, d.first, c.ID)
	wants(t, "the same officer twice", err, registration.ErrFourEyes)
	_, err = g.r.ConfirmCard(ctx, d.first, c.ID, registration.Assertion{})
	wants(t, "the same officer confirms", err, registration.ErrFourEyes)
	_, err = g.r.ConfirmChallenge(ctx, elsewhere, c.ID)
	wants(t, "a second officer of another place", err, registration.ErrNoCase)
	challenge, err := g.r.ConfirmChallenge(ctx, self, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.ConfirmCard(ctx, self, c.ID, g.assert("officer-5", challenge))
	wants(t, "the second officer is the applicant", err, registration.ErrSelf)
	_, err = g.r.ConfirmCard(ctx, d.second, c.ID, g.assert("officer-2", challenge))
	wants(t, "a challenge of another officer", err, registration.ErrAssertion)
	if challenge, err = g.r.ConfirmChallenge(ctx, d.second, c.ID); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.ConfirmCard(ctx, d.second, c.ID, g.assert("officer-1", challenge))
	wants(t, "the first officer's passkey for the second", err, registration.ErrAssertion)
	changed := card
	changed.GivenNames = "Tai Ming"
	if _, err := g.r.EnterCard(ctx, d.first, c.ID, changed, contact); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.ConfirmCard(ctx, d.second, c.ID, g.assert("officer-2", challenge))
	wants(t, "data changed after they were shown", err, registration.ErrAssertion)
	if challenge, err = g.r.ConfirmChallenge(ctx, d.second, c.ID); err != nil {
		t.Fatal(err)
	}
	again := g.assert("officer-2", challenge)
	if _, err := g.r.ConfirmCard(ctx, d.second, c.ID, again); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.ConfirmCard(ctx, d.second, c.ID, again)
	wants(t, "confirmed twice", err, registration.ErrState)
	_, err = g.r.Verify(ctx, d.second, c.ID)
	wants(t, "verified by the other officer", err, registration.ErrForbidden)

	// Another desk with the same card.
	c2, err := g.r.OpenCase(ctx, d.second, registration.Full)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.EnterCard(ctx, d.second, c2.ID, card, contact)
	wants(t, "a second case for one card", err, registration.ErrRegistered)

	// A suspended officer, and one whose shift is over.
	if err := g.r.Officers().Suspend(ctx, operators[0], "officer-2", "lost badge"); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.OpenCase(ctx, d.second, registration.Full)
	wants(t, "a suspended officer", err, registration.ErrForbidden)
	g.clock.pass(8 * time.Hour)
	_, err = g.r.OpenCase(ctx, d.first, registration.Full)
	wants(t, "off shift", err, registration.ErrForbidden)

	var refusals int
	if err := g.db.Pool.QueryRow(ctx, `SELECT count(*) FROM audit_pending WHERE action IN ('registration.refused', 'registration.alarm')`).Scan(&refusals); err != nil || refusals < 15 {
		t.Errorf("%d refusals in the log, %v", refusals, err)
	}
}

// What the department says, and what it does not.
func TestImmigration(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d := g.desk()
	card := g.card("adult")
	c := g.confirmed(d, card)
	dead := g.confirmed(d, g.card("deceased"))
	for _, name := range immd.Faults {
		if err := g.department.Tell(name); err != nil {
			t.Fatal(err)
		}
		got, err := g.r.Verify(ctx, d.first, c.ID)
		if !errors.Is(err, registration.ErrImmigration) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if strings.Contains(err.Error(), "A123456") || strings.Contains(err.Error(), "CHAN") {
			t.Errorf("%s: the error has personal data: %v", name, err)
		}
		if got, err = g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Confirmed || got.Waiting != "immigration" {
			t.Errorf("%s: the case is %+v, %v", name, got, err)
		}
		_, err = g.r.OfferBinding(ctx, d.first, c.ID, deskSession)
		wants(t, string(name)+": a code before the answer", err, registration.ErrState)
		_, err = g.r.Verify(ctx, d.first, dead.ID)
		wants(t, string(name)+": somebody dead", err, registration.ErrImmigration)
		if err := g.department.Tell(immd.Honest); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.r.Verify(ctx, d.first, c.ID)
	if err != nil || got.State != registration.Verified || got.Waiting != "" || got.HKIC != "A123•••(•)" {
		t.Errorf("back: %+v, %v", got, err)
	}

	_, err = g.r.Verify(ctx, d.first, dead.ID)
	wants(t, "back: somebody dead", err, registration.ErrRefused)
	if got, err := g.r.Case(ctx, d.first, dead.ID); err != nil || got.State != registration.Refused || got.Outcome != "deceased" {
		t.Errorf("back: somebody dead: %+v, %v", got, err)
	}

	replaced := g.card("the card issued")
	replaced.Issued = hkic.Date{Year: 2019, Month: 6, Day: 10}
	nobody := card
	nobody.Number = number(t, "E", "364912")
	for outcome, card := range map[string]hkic.Card{"replaced": replaced, "not-found": nobody} {
		c := g.confirmed(d, card)
		_, err := g.r.Verify(ctx, d.first, c.ID)
		wants(t, outcome, err, registration.ErrRefused)
		if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Refused || got.Outcome != outcome || got.Account != "" {
			t.Errorf("%s: the case is %+v, %v", outcome, got, err)
		}
	}
	young, err := g.r.OpenCase(ctx, d.first, registration.Full)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.EnterCard(ctx, d.first, young.ID, g.card("ten"), registration.Contact{})
	wants(t, "ten years old", err, registration.ErrRefused)
	g.registered(d, g.card("eleven"))

	// Of those refused nothing is left.
	var accounts, owners int
	err = g.db.Pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM registration_account), (SELECT count(*) FROM registration_data_key)`).Scan(&accounts, &owners)
	if err != nil || accounts != 2 || owners != 2 {
		t.Errorf("%d accounts, %d owners of data, %v; want 2 and 2", accounts, owners, err)
	}
}

// A case that runs out leaves nothing, and the person can begin anew.
func TestExpiry(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d := g.desk()
	card := g.card("adult")
	c, phone, enrolment := g.enrolling(d, card)
	g.clock.pass(2*time.Hour + time.Second)
	if n, err := g.r.Sweep(ctx); err != nil || n != 1 {
		t.Fatalf("sweep: %d, %v", n, err)
	}
	if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Ended || got.Outcome != "expired" {
		t.Errorf("the case is %+v, %v", got, err)
	}
	_, err := g.r.PhoneCase(ctx, phone.Secret)
	wants(t, "the phone of a case that is over", err, registration.ErrToken)
	if _, err := g.activation.Enrolment(ctx, enrolment); !errors.Is(err, registration.ErrNoEnrolment) {
		t.Error("the enrolment is open")
	}
	g.registered(d, card)
}

// Each answer of another party may be lost, and each party may be down: the case
// is completed all the same, once.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ticket", "issue", "bind"} {
		for how, inject := range map[string]func(*fakeActivation){
			"answer lost": func(f *fakeActivation) { f.lose[name] = 1 },
			"down":        func(f *fakeActivation) { f.fail[name] = 2 },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				g := newRig(t, nil)
				d := g.desk()
				c, _, enrolment := g.enrolling(d, g.card("adult"))
				inject(g.activation)
				if err := g.ticketed(d, c.ID, enrolment); err != nil && !errors.Is(err, registration.ErrUnfinished) {
					t.Fatal(err)
				}
				// Another process goes on, as after a crash.
				other, err := registration.New(g.cfg)
				if err != nil {
					t.Fatal(err)
				}
				for range 5 {
					g.clock.pass(time.Minute)
					if _, err := other.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
					if e, _ := g.activation.Enrolment(t.Context(), enrolment); e.State == "seal" {
						g.activation.seal(t, enrolment)
					}
				}
				got, err := other.Case(t.Context(), d.first, c.ID)
				if err != nil || got.State != registration.Done {
					t.Fatalf("the case is %+v, %v", got, err)
				}
				if len(g.ca.issued) != 1 || g.activation.tickets != 1 {
					t.Errorf("%d certificates, %d tickets", len(g.ca.issued), g.activation.tickets)
				}
			})
		}
	}
}

// An enrolment that ended before there was a key is begun anew by the phone.
func TestEnrolmentAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d := g.desk()
	c, phone, enrolment := g.enrolling(d, g.card("adult"))
	if same, err := g.r.BeginEnrolment(ctx, phone.Secret); err != nil || same != enrolment {
		t.Errorf("begun twice: %s, %v", same, err)
	}
	_, err := g.r.Ticket(ctx, d.first, c.ID)
	wants(t, "a ticket before the passkey", err, registration.ErrNotReady)
	if err := g.activation.CancelEnrolment(ctx, enrolment); err != nil { // as after its restart
		t.Fatal(err)
	}
	if v, err := g.r.PhoneCase(ctx, phone.Secret); err != nil || v.State != registration.Accepted {
		t.Fatalf("the case is %+v, %v", v, err)
	}
	if enrolment, err = g.r.BeginEnrolment(ctx, phone.Secret); err != nil {
		t.Fatal(err)
	}
	g.activation.passkey(t, enrolment)
	offer, err := g.r.Ticket(ctx, d.first, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.r.PresentTicket(ctx, d.first, c.ID, g.assert("officer-2", offer.Challenge))
	wants(t, "another officer's passkey on the ticket", err, registration.ErrAssertion)
	_, err = g.r.PresentTicket(ctx, d.second, c.ID, g.assert("officer-2", offer.Challenge))
	wants(t, "another officer's ticket", err, registration.ErrForbidden)
	g.clock.pass(5 * time.Minute)
	_, err = g.r.PresentTicket(ctx, d.first, c.ID, g.assert("officer-1", offer.Challenge))
	wants(t, "a ticket signed too late", err, registration.ErrState)
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.PresentTicket(ctx, d.first, c.ID, g.assert("officer-1", offer.Challenge))
	wants(t, "a ticket presented twice", err, registration.ErrState)
	if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Ticketed {
		t.Errorf("the case is %+v, %v", got, err)
	}
}

// Many at once: two desks with one card, and everybody polling one case.
func TestTogether(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	d := g.desk()
	c, phone, enrolment := g.enrolling(d, g.card("adult"))
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	g.activation.seal(t, enrolment)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	errs := make(chan error, 12)
	for i := range cap(errs) {
		go func() {
			var err error
			if i%2 == 0 {
				_, err = g.r.PhoneCase(ctx, phone.Secret)
			} else {
				_, err = g.r.Case(ctx, d.first, c.ID)
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got, err := g.r.Case(ctx, d.first, c.ID); err != nil || got.State != registration.Done || len(g.ca.issued) != 1 {
		t.Errorf("the case is %+v, %v, with %d certificates", got, err, len(g.ca.issued))
	}
	cases, err := g.r.Cases(ctx, d.first)
	if err != nil || slices.ContainsFunc(cases, func(o *registration.Case) bool { return o.ID == c.ID }) {
		t.Errorf("open cases %v, %v", cases, err)
	}
}

// A key that gets no certificate is destroyed, and the person begins anew.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	d := g.desk()
	card := g.card("adult")
	c, _, enrolment := g.enrolling(d, card)
	if err := g.ticketed(d, c.ID, enrolment); err != nil {
		t.Fatal(err)
	}
	g.activation.seal(t, enrolment)
	e, err := g.activation.Enrolment(t.Context(), enrolment)
	if err != nil {
		t.Fatal(err)
	}
	g.ca.refuses = true
	if got, err := g.r.Case(t.Context(), d.first, c.ID); err != nil || got.State != registration.Ended || got.Outcome != "failed" || g.activation.state[e.Credential] != "destroyed" {
		t.Errorf("the case is %+v, %v; the credential %s", got, err, g.activation.state[e.Credential])
	}
	g.ca.refuses = false
	g.registered(d, card)
}
