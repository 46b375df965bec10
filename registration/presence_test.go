package registration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration"
	"chop/registration/immd"
)

// present is somebody before a kiosk's camera, who does what is asked.
func (p *phones) present(c registration.Caller, id string) error {
	step, err := p.r.BeginPresence(p.ctx(), c, id)
	for err == nil && !step.Passed {
		step, err = p.r.PresenceFrame(p.ctx(), c, id, step.Nonce, picture("chan "+step.Pose))
	}
	return err
}

// opened is a kiosk's case of the adult.
func (p *phones) opened(t *testing.T) string {
	t.Helper()
	id := newCaseID(t)
	if _, err := p.r.OpenChipCase(t.Context(), tungChung, id, p.chipData(p.card("adult")), registration.Contact{}); err != nil {
		t.Fatal(err)
	}
	return id
}

// Whoever has somebody's card and not their face is not verified, and after three tries nothing is left.
func TestPresenceOfAnother(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	id := p.opened(t)
	p.portraits.match = registration.MatchFail
	for range 3 {
		wants(t, "another's face", p.present(tungChung, id), registration.ErrTry)
	}
	wants(t, "a fourth try", p.present(tungChung, id), registration.ErrRefused)
	p.portraits.match = registration.MatchRefer
	id = p.opened(t) // the number is free again
	wants(t, "a face that may be another's", p.present(tungChung, id), registration.ErrRefused)
	c, err := p.r.Case(t.Context(), tungChung, id)
	if err != nil || c.State != registration.Refused || c.Outcome != "portrait" || c.Account != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

// A challenge that is over is not handed out again, and its face is forgotten at once; so is that of a case that somebody left.
func TestPresenceOver(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	id := p.opened(t)
	step, err := p.r.BeginPresence(t.Context(), tungChung, id)
	p.must(err)
	step, err = p.r.PresenceFrame(t.Context(), tungChung, id, step.Nonce, picture("chan front"))
	if err != nil || step.Step != 2 {
		t.Fatalf("%+v, %v", step, err)
	}
	over := p.faces.last
	_, err = p.r.PresenceFrame(t.Context(), tungChung, id, "another nonce", picture("chan left"))
	wants(t, "another nonce", err, registration.ErrTry)
	if !over.wiped {
		t.Error("the face of a challenge that is over is kept")
	}
	again, err := p.r.BeginPresence(t.Context(), tungChung, id)
	if err != nil || again.Step != 1 || p.faces.last == over {
		t.Errorf("begun again: %+v, %v", again, err)
	}
	p.must(p.r.AbandonCase(t.Context(), tungChung, id))
	if !p.faces.last.wiped {
		t.Error("the face of a case that was left is kept")
	}
}

// Putting the card in again brings no more than three more tries a day, at whatever kiosk, and supervisors are told.
func TestPresenceDaily(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	p.portraits.match = registration.MatchFail
	supervisor := p.hire("chief", "supervisor", counter, number(t, "E", "100009"))
	alarmed := func() (kinds []string) {
		list, err := p.r.Alarms(t.Context(), supervisor, 10)
		p.must(err)
		for _, a := range list {
			kinds = append(kinds, a.Kind)
			if strings.Contains(a.Key, p.card("adult").Number.Normal()) {
				t.Errorf("an alarm names the number: %+v", a)
			}
		}
		slices.Sort(kinds)
		return kinds
	}
	for range 2 {
		id := p.opened(t)
		for range 3 {
			wants(t, "another's face", p.present(tungChung, id), registration.ErrTry)
		}
		wants(t, "a fourth try", p.present(tungChung, id), registration.ErrRefused)
	}
	if got, want := alarmed(), []string{"limit:kiosk-face", "limit:kiosk-face", "rate:kiosk-face-number"}; !slices.Equal(got, want) {
		t.Errorf("alarms %v, want %v", got, want)
	}
	p.portraits.match = registration.MatchPass
	wants(t, "a seventh try", p.present(tungChung, p.opened(t)), registration.ErrRefused)
	if got := alarmed(); !slices.Contains(got, "limit:kiosk-face-number") {
		t.Errorf("alarms %v", got)
	}
	other := newCaseID(t)
	_, err := p.r.OpenChipCase(t.Context(), tungChung, other, p.chipData(p.card("number with two letters")), registration.Contact{})
	p.must(err)
	p.must(p.present(tungChung, other))
	p.clock.pass(25 * time.Hour)
	p.must(p.present(tungChung, p.opened(t)))
}

// While the department is away the case waits, and goes on with another selfie.
func TestPresenceWaits(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	id := p.opened(t)
	p.portraits.err = immd.ErrUnavailable
	wants(t, "nobody answers", p.present(tungChung, id), registration.ErrImmigration)
	if c, err := p.r.Case(t.Context(), tungChung, id); err != nil || c.State != registration.Confirmed || c.Waiting != "immigration" {
		t.Errorf("%+v, %v", c, err)
	}
	p.portraits.err = nil
	if err := p.present(tungChung, id); err != nil {
		t.Error(err)
	}
	other := registration.Kiosk("tung-chung-2", tungChung.Place)
	wants(t, "another kiosk", p.present(other, id), registration.ErrForbidden)
	_, err := p.r.Case(t.Context(), other, id)
	wants(t, "seen by another kiosk", err, registration.ErrNoCase)
}

// From the card to the active account without an officer: the kiosk's key signs the ticket, and no other key may.
func TestKioskTicket(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	ctx, id := t.Context(), p.opened(t)
	if err := p.present(tungChung, id); err != nil {
		t.Fatal(err)
	}
	offer, err := p.r.OfferBinding(ctx, tungChung, id, "page")
	p.must(err)
	phone, err := p.r.BindDevice(ctx, offer.Token)
	p.must(err)
	_, err = p.r.ConfirmNumber(ctx, tungChung, id, "page", phone.Number)
	p.must(err)
	_, _, err = p.r.KioskTicket(ctx, tungChung, id)
	wants(t, "before the phone is ready", err, registration.ErrNotReady)
	_, err = p.r.AcceptAgreement(ctx, phone.Secret, registration.DefaultAgreement)
	p.must(err)
	_, err = p.r.BindPasskey(ctx, phone.Secret, phonePasskey("phone at kiosk"))
	p.must(err)
	enrolment, err := p.r.BeginEnrolment(ctx, phone.Secret)
	p.must(err)
	p.activation.passkey(t, enrolment)
	ticket, reference, err := p.r.KioskTicket(ctx, tungChung, id)
	p.must(err)
	read, err := solecontrol.ParseTicket(ticket)
	if err != nil || read.Case != id || read.Signer != tungChung.Actor || read.Place != tungChung.Place || reference == "" {
		t.Fatalf("ticket %+v, %v", read, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	signature, err := solecontrol.SignRaw(key, solecontrol.TicketMessage(ticket))
	p.must(err)
	_, err = p.r.PresentKioskTicket(ctx, tungChung, id, ticket, signature, &other.PublicKey)
	wants(t, "another key", err, registration.ErrAssertion)
	_, err = p.r.PresentKioskTicket(ctx, tungChung, id, append([]byte(" "), ticket...), signature, &key.PublicKey)
	wants(t, "another ticket", err, registration.ErrState)
	c, err := p.r.PresentKioskTicket(ctx, tungChung, id, ticket, signature, &key.PublicKey)
	if err != nil || c.State != registration.Ticketed {
		t.Fatalf("%+v, %v", c, err)
	}
	_, _, err = p.r.KioskTicket(ctx, tungChung, id)
	wants(t, "a second ticket", err, registration.ErrState)
	p.activation.seal(t, enrolment)
	v, err := p.r.PhoneCase(ctx, phone.Secret)
	if err != nil || v.State != registration.Done {
		t.Fatalf("the phone sees %+v, %v", v, err)
	}
	a, err := p.r.Account(ctx, registration.System, v.Account)
	if err != nil || !a.MaySign() || a.Place != tungChung.Place {
		t.Errorf("account %+v, %v", a, err)
	}
}
