package registration_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
)

// atKiosk brings a kiosk's case to the signed ticket: face, phone, agreement, passkey.
func (p *phones) atKiosk(id string) (phone *registration.Phone, enrolment string) {
	p.t.Helper()
	ctx := p.ctx()
	p.must(p.present(tungChung, id))
	offer, err := p.r.OfferBinding(ctx, tungChung, id, "page")
	p.must(err)
	phone, err = p.r.BindDevice(ctx, offer.Token)
	p.must(err)
	_, err = p.r.ConfirmNumber(ctx, tungChung, id, "page", phone.Number)
	p.must(err)
	_, err = p.r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement)
	p.must(err)
	_, err = p.r.BindPasskey(ctx, phone.Secret, registration.Passkey{ID: []byte("made beside the card"), Record: []byte(`{}`), Name: "Phone"})
	p.must(err)
	enrolment, err = p.r.BeginEnrolment(ctx, phone.Secret)
	p.must(err)
	p.activation.passkey(p.t, enrolment)
	ticket, _, err := p.r.KioskTicket(ctx, tungChung, id)
	p.must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	signature, err := solecontrol.SignRaw(key, solecontrol.TicketMessage(ticket))
	p.must(err)
	_, err = p.r.PresentKioskTicket(ctx, tungChung, id, ticket, signature, &key.PublicKey)
	p.must(err)
	return phone, enrolment
}

// lite opens a Lite account of the adult on a phone.
func (p *phones) lite() *registration.Account {
	p.t.Helper()
	card := p.card("adult")
	s := p.until(registration.RemoteDone, card)
	a, _, err := p.r.AccountByUserHandle(p.ctx(), p.is(s, registration.RemoteDone, "").UserHandle)
	p.must(err)
	if a.Kind != registration.Lite || a.State != registration.Active {
		p.t.Fatalf("account %+v", a)
	}
	return a
}

// The same account becomes full, with the chip's data and the phone beside the card, and with nothing that signed in before.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	lite := p.lite()
	before, err := p.r.SignInPasskeys(p.ctx(), registration.Resident(lite.ID), lite.ID)
	p.must(err)
	p.must(p.r.SetContact(p.ctx(), registration.Resident(lite.ID), lite.ID, registration.Contact{Phone: phoneText, Email: emailText}))
	code, err := p.r.SuspensionCode(p.ctx(), registration.Resident(lite.ID), lite.ID)
	p.must(err)
	// Sessions end when nothing from before signs in any more: one that began a moment ago too.
	ended := 0
	p.cfg.Sessions = sessionsFunc(func(ctx context.Context, account string) error {
		ended++
		if a, _, err := p.r.AccountByPasskey(ctx, before[0].ID); err == nil {
			t.Errorf("sessions end while the passkey from before signs in to %+v", a)
		}
		if ended == 1 {
			return errLost
		}
		return nil
	})
	held, err := registration.New(p.cfg) // the photos stay
	p.must(err)
	p.r = held
	id := p.opened(t)
	c, err := p.r.Case(p.ctx(), tungChung, id)
	if err != nil || c.Purpose != registration.Upgrading || c.Account != lite.ID || c.Kind != registration.Full {
		t.Fatalf("case %+v, %v", c, err)
	}
	phone, enrolment := p.atKiosk(id)
	if a, err := p.r.Account(p.ctx(), registration.System, lite.ID); err != nil || a.Kind != registration.Lite || !a.MaySignIn() {
		t.Errorf("before it is done: %+v, %v", a, err)
	}
	p.activation.seal(t, enrolment)
	if v, err := p.r.PhoneCase(p.ctx(), phone.Secret); err != nil || v.State != registration.Done {
		t.Fatalf("the phone sees %+v, %v", v, err)
	}
	a, err := p.r.Account(p.ctx(), registration.System, lite.ID)
	if err != nil || !a.MaySign() || a.SRN != lite.SRN || a.Agreement != registration.DefaultAgreement {
		t.Errorf("account %+v, %v", a, err)
	}
	after, err := p.r.SignInPasskeys(p.ctx(), registration.Resident(lite.ID), lite.ID)
	if err != nil || len(after) != 1 || string(after[0].ID) != "made beside the card" || len(before) != 1 || string(before[0].ID) == string(after[0].ID) {
		t.Errorf("passkeys %v, then %v, %v", before, after, err)
	}
	if c, err := p.r.Case(p.ctx(), tungChung, id); err != nil || c.HKIC != p.card("adult").Number.String() {
		t.Errorf("the case that is done shows %+v, %v", c, err)
	}
	d, err := p.r.Data(p.ctx(), registration.Resident(lite.ID), lite.ID)
	if err != nil || d.Card != p.card("adult") || d.Contact.Phone != "" || d.Contact.Email != "" {
		t.Errorf("data %+v, %v", d, err)
	}
	wants(t, "the code from before", p.r.SuspendByCode(p.ctx(), code, "192.0.2.1"), registration.ErrProof)
	_, err = p.r.Find(p.ctx(), p.hire("officer-4", "hotline", hotline, number(t, "E", "100004")), registration.ItemEmail, emailText)
	wants(t, "found by the address from before", err, registration.ErrNoAccount)
	p.swept(lite.ID)
	if ended != 2 {
		t.Errorf("sessions were ended %d times, want once more after a failure", ended)
	}
	if n := p.rows(`SELECT count(*) FROM registration_data_key`); n != 1 {
		t.Errorf("%d owners of data, want the account alone", n)
	}
	_, err = p.r.OpenChipCase(p.ctx(), tungChung, newCaseID(t), p.chipData(p.card("adult")), registration.Contact{})
	wants(t, "a full account", err, registration.ErrRegistered)
}

// Whoever walks away, or stops the account, leaves a Lite account, and no key.
func TestUpgradeEnds(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	lite := p.lite()
	p.must(p.r.AbandonCase(p.ctx(), tungChung, p.opened(t)))
	if a, err := p.r.Account(p.ctx(), registration.System, lite.ID); err != nil || a.Kind != registration.Lite || a.State != registration.Active {
		t.Errorf("abandoned: %+v, %v", a, err)
	}
	id := p.opened(t)
	phone, enrolment := p.atKiosk(id)
	p.clock.pass(time.Second)
	p.must(p.r.SuspendSelf(p.ctx(), registration.Resident(lite.ID), lite.ID, "not me"))
	p.activation.seal(t, enrolment)
	made := p.activation.enrolments[enrolment].Credential
	if v, err := p.r.PhoneCase(p.ctx(), phone.Secret); err != nil || v.State != registration.Ended {
		t.Errorf("the phone sees %+v, %v", v, err)
	}
	c, err := p.r.Case(p.ctx(), tungChung, id)
	if err != nil || c.State != registration.Ended || c.Outcome != "stopped" {
		t.Errorf("case %+v, %v", c, err)
	}
	a, err := p.r.Account(p.ctx(), registration.System, lite.ID)
	if err != nil || a.Kind != registration.Lite || a.State != registration.Suspended || a.Credential != "" {
		t.Errorf("stopped: %+v, %v", a, err)
	}
	if p.activation.state[made] != "destroyed" {
		t.Errorf("the key %q that was made meanwhile is %q", made, p.activation.state[made])
	}
	for serial, status := range p.ca.status {
		if status != "revoked" {
			t.Errorf("certificate %s is %s", serial, status)
		}
	}
	if len(p.ca.status) == 0 || len(p.activation.called("bind")) != 0 {
		t.Errorf("%d certificates, of which %d were bound", len(p.ca.status), len(p.activation.called("bind")))
	}
}

type sessionsFunc func(ctx context.Context, account string) error

func (f sessionsFunc) EndSessions(ctx context.Context, account string) error { return f(ctx, account) }

// A contact that is given beside the card takes the place of what the Lite account had, once the case is done.
func TestUpgradeContact(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	lite, d, id := p.lite(), p.desk(), newCaseID(t)
	p.must(p.r.SetContact(p.ctx(), registration.Resident(lite.ID), lite.ID, registration.Contact{Email: "somebody.else@example.hk"}))
	_, err := p.r.OpenChipCase(p.ctx(), d.first, id, p.chipData(p.card("adult")), registration.Contact{Phone: phoneText, Email: emailText})
	p.must(err)
	_, err = p.r.Verify(p.ctx(), d.first, id)
	p.must(err)
	offer, err := p.r.OfferBinding(p.ctx(), d.first, id, deskSession)
	p.must(err)
	phone, err := p.r.BindDevice(p.ctx(), offer.Token)
	p.must(err)
	_, err = p.r.ConfirmNumber(p.ctx(), d.first, id, deskSession, phone.Number)
	p.must(err)
	_, err = p.r.AcceptAgreement(p.ctx(), phone.Secret, registration.DefaultAgreement)
	p.must(err)
	_, err = p.r.BindPasskey(p.ctx(), phone.Secret, registration.Passkey{ID: []byte("made beside the card"), Record: []byte(`{}`), Name: "Phone"})
	p.must(err)
	enrolment, err := p.r.BeginEnrolment(p.ctx(), phone.Secret)
	p.must(err)
	if held, err := p.r.Data(p.ctx(), registration.Resident(lite.ID), lite.ID); err != nil || held.Contact.Email != "somebody.else@example.hk" {
		t.Errorf("before it is done: %+v, %v", held, err)
	}
	p.must(p.ticketed(d, id, enrolment))
	p.activation.seal(t, enrolment)
	if v, err := p.r.PhoneCase(p.ctx(), phone.Secret); err != nil || v.State != registration.Done {
		t.Fatalf("the phone sees %+v, %v", v, err)
	}
	if held, err := p.r.Data(p.ctx(), registration.Resident(lite.ID), lite.ID); err != nil || held.Contact.Email != emailText || held.Contact.Phone != "+85291234567" {
		t.Errorf("data %+v, %v", held, err)
	}
	if found, err := p.r.Find(p.ctx(), d.first, registration.ItemEmail, emailText); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
}

// A suspended Lite account is not lost: card and face make it a full one.
func TestUpgradeSuspended(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	lite := p.lite()
	p.activation.fail["sessions"] = 1 // what is left of the suspension does not reach the new key
	wants(t, "suspend", p.r.SuspendSelf(p.ctx(), registration.Resident(lite.ID), lite.ID, "not me"), registration.ErrUnfinished)
	p.clock.pass(time.Second)
	id := p.opened(t)
	phone, enrolment := p.atKiosk(id)
	if s := p.state(lite.ID); s != registration.Suspended {
		t.Errorf("before it is done: %s", s)
	}
	p.activation.seal(t, enrolment)
	if v, err := p.r.PhoneCase(p.ctx(), phone.Secret); err != nil || v.State != registration.Done {
		t.Fatalf("the phone sees %+v, %v", v, err)
	}
	if a, err := p.r.Account(p.ctx(), registration.System, lite.ID); err != nil || !a.MaySign() || a.SRN != lite.SRN {
		t.Errorf("account %+v, %v", a, err)
	}
	p.swept(lite.ID)
}

// At a counter two officers resume a Lite account, which has no key that the activation process could be asked about.
func TestResumeLite(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	lite, d := p.lite(), p.desk()
	p.must(p.r.SuspendSelf(p.ctx(), registration.Resident(lite.ID), lite.ID, "lost phone"))
	if done, err := p.resume(d, lite.ID); err != nil || !done {
		t.Fatalf("%v, %v", done, err)
	}
	a, err := p.r.Account(p.ctx(), registration.System, lite.ID)
	if err != nil || a.Kind != registration.Lite || !a.MaySignIn() {
		t.Errorf("account %+v, %v", a, err)
	}
	if n := len(p.activation.called("resume")); n != 0 {
		t.Errorf("the activation process was asked %d times", n)
	}
}

func (p *phones) rows(query string) (n int) {
	p.t.Helper()
	p.must(p.db.Pool.QueryRow(p.ctx(), query).Scan(&n))
	return n
}
