package registration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/personal"
)

var tungChung = registration.Kiosk("tung-chung-1", "Tung Chung Man Tung Road Sports Centre")

// chipData reads a made-up card of somebody.
func (g *rig) chipData(card hkic.Card) *hkic.CardData {
	g.t.Helper()
	i, err := issuer.New(g.clock.now())
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := i.Make(issuer.Genuine, issuer.Person{Card: card}, g.clock.now())
	if err != nil {
		g.t.Fatal(err)
	}
	d, err := hkic.Read(g.t.Context(), c, i.Trust(), g.clock.now())
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

func newCaseID(t *testing.T) string {
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// From a chip, one kiosk alone brings a case to where the phone is bound; no second officer is asked.
func TestChipCase(t *testing.T) {
	t.Parallel()
	g := newPhones(t)
	ctx, id := t.Context(), newCaseID(t)
	data := g.chipData(g.card("adult"))
	c, err := g.r.OpenChipCase(ctx, tungChung, id, data, registration.Contact{})
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != id || c.State != registration.Confirmed || c.Source != "chip" || c.Officer != "kiosk:tung-chung-1" || c.Second != "" || c.HKIC != "A123•••(•)" {
		t.Errorf("the case is %+v", c)
	}
	again, err := g.r.OpenChipCase(ctx, tungChung, id, data, registration.Contact{})
	if err != nil || again.Account != c.Account {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	_, err = g.r.Verify(ctx, tungChung, id)
	wants(t, "verified without a face", err, registration.ErrForbidden)
	if err := g.present(tungChung, id); err != nil {
		t.Fatal(err)
	}
	if c, err = g.r.Case(ctx, tungChung, id); err != nil || c.State != registration.Verified {
		t.Fatalf("verified: %+v, %v", c, err)
	}
	offer, err := g.r.OfferBinding(ctx, tungChung, id, "page")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := g.r.BindDevice(ctx, offer.Token)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = g.r.ConfirmNumber(ctx, tungChung, id, "page", phone.Number); err != nil || c.State != registration.Bound {
		t.Fatalf("bound: %+v, %v", c, err)
	}
	if err := g.r.AbandonCase(ctx, tungChung, id); err != nil {
		t.Fatal(err)
	}
	if p, err := g.r.PhoneCase(ctx, phone.Secret); err != nil || p.State != registration.Bound {
		t.Errorf("a case with a phone was abandoned: %+v, %v", p, err)
	}
}

// What a kiosk may not do, and whom a chip does not register.
func TestChipCaseRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	adult := g.chipData(g.card("adult"))
	_, err := g.r.OpenChipCase(ctx, tungChung, newCaseID(t), g.chipData(g.card("ten years old")), registration.Contact{})
	wants(t, "ten years old", err, registration.ErrRefused)
	_, err = g.r.OpenChipCase(ctx, tungChung, newCaseID(t), &hkic.CardData{}, registration.Contact{})
	wants(t, "no card", err, hkic.ErrCard)
	for _, c := range []registration.Caller{{Actor: "kiosk:x"}, {Actor: "account:x", Role: "kiosk", Place: "p"}, registration.System} {
		_, err = g.r.OpenChipCase(ctx, c, newCaseID(t), adult, registration.Contact{})
		wants(t, "opened by "+c.Actor, err, registration.ErrForbidden)
	}
	id := newCaseID(t)
	if _, err := g.r.OpenChipCase(ctx, tungChung, id, adult, registration.Contact{}); err != nil {
		t.Fatal(err)
	}
	_, err = g.r.OpenChipCase(ctx, tungChung, newCaseID(t), adult, registration.Contact{})
	wants(t, "a second case", err, registration.ErrRegistered)
	other := registration.Kiosk("tung-chung-2", tungChung.Place)
	_, err = g.r.OpenChipCase(ctx, other, id, adult, registration.Contact{})
	wants(t, "another kiosk's case", err, registration.ErrNoCase)
	_, err = g.r.OpenChipCase(ctx, tungChung, id, g.chipData(g.card("old card")), registration.Contact{})
	wants(t, "another card's case", err, registration.ErrNoCase)
	_, err = g.r.Verify(ctx, other, id)
	wants(t, "verified by another kiosk", err, registration.ErrForbidden)
	_, err = g.r.EnterCard(ctx, tungChung, id, g.card("adult"), registration.Contact{})
	wants(t, "typed at a kiosk", err, registration.ErrForbidden)
	_, err = g.r.OpenCase(ctx, tungChung, registration.Full)
	wants(t, "keyed at a kiosk", err, registration.ErrForbidden)
}

// An officer at a counter may read the chip too, but not their own.
func TestChipCaseOfOfficer(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	card := g.card("adult")
	first := g.hire("first", "counter", counter, number(t, "B", "111111"))
	self := g.hire("self", "counter", counter, card.Number)
	_, err := g.r.OpenChipCase(t.Context(), self, newCaseID(t), g.chipData(card), registration.Contact{})
	wants(t, "own card", err, registration.ErrSelf)
	c, err := g.r.OpenChipCase(t.Context(), first, newCaseID(t), g.chipData(card), registration.Contact{Phone: phoneText})
	if err != nil || c.State != registration.Confirmed || c.Officer != "first" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := g.r.Verify(t.Context(), first, c.ID); err != nil {
		t.Error(err)
	}
}

// A replaced card's chip is in order; the Immigration Department knows better. Nothing is left of the case.
func TestReplacedCard(t *testing.T) {
	t.Parallel()
	g := newPhones(t)
	card := g.card("the card issued")
	card.Issued = hkic.Date{Year: 2019, Month: 6, Day: 10}
	id := newCaseID(t)
	if _, err := g.r.OpenChipCase(t.Context(), tungChung, id, g.chipData(card), registration.Contact{}); err != nil {
		t.Fatal(err)
	}
	err := g.present(tungChung, id)
	wants(t, "a replaced card", err, registration.ErrRefused)
	var accounts int
	if err := g.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM registration_account`).Scan(&accounts); err != nil || accounts != 0 {
		t.Errorf("%d accounts are left (%v)", accounts, err)
	}
	var outcome string
	if err := g.db.Pool.QueryRow(t.Context(), `SELECT outcome FROM registration_case WHERE id = $1`, id).Scan(&outcome); err != nil || outcome != "replaced" {
		t.Errorf("outcome %q (%v)", outcome, err)
	}
}

// Whoever walks away from a kiosk can come back at once.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	data := g.chipData(g.card("adult"))
	for range 2 {
		id := newCaseID(t)
		if _, err := g.r.OpenChipCase(t.Context(), tungChung, id, data, registration.Contact{}); err != nil {
			t.Fatal(err)
		}
		g.clock.pass(time.Minute)
		for range 2 { // the second time it is over
			if err := g.r.AbandonCase(t.Context(), tungChung, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := g.r.AbandonCase(t.Context(), tungChung, newCaseID(t)); err != nil {
		t.Errorf("one that was never opened: %v", err)
	}
}

// meanwhile is a token that does something else first, once: what overtakes whoever seals.
type meanwhile struct {
	personal.Sealer
	mu sync.Mutex
	do func()
}

func (m *meanwhile) Seal(ctx context.Context, plain, aad []byte) ([]byte, error) {
	m.mu.Lock()
	do := m.do
	m.do = nil
	m.mu.Unlock()
	if do != nil {
		do()
	}
	return m.Sealer.Seal(ctx, plain, aad)
}

// A double tap opens one case, and two kiosks at the same moment one case for one of them; so it is where there is a Lite account.
func TestOpenedTwice(t *testing.T) {
	t.Parallel()
	p := newPhones(t)
	token := &meanwhile{Sealer: p.cfg.Sealer}
	p.cfg.Sealer = token
	p.restart()
	ctx, data := t.Context(), p.chipData(p.card("adult"))
	elsewhere := registration.Kiosk("tung-chung-2", tungChung.Place)
	p.must(p.r.AbandonCase(ctx, tungChung, p.opened(t))) // the key of look-ups is made, and sealed, once
	for _, lite := range []bool{false, true} {
		if lite {
			p.lite()
		}
		id := newCaseID(t)
		open := func(c registration.Caller, id string) (*registration.Case, error) {
			return p.r.OpenChipCase(ctx, c, id, data, registration.Contact{})
		}
		var first *registration.Case
		token.do = func() {
			var err error
			first, err = open(tungChung, id)
			p.must(err)
		}
		again, err := open(tungChung, id)
		if err != nil || first == nil || again.ID != first.ID || again.Account != first.Account || again.State != first.State {
			t.Fatalf("Lite %v, tapped twice: %+v, %v, and %+v", lite, first, err, again)
		}
		p.must(p.r.AbandonCase(ctx, tungChung, id))

		token.do = func() {
			_, err := open(elsewhere, newCaseID(t))
			p.must(err)
		}
		_, err = open(tungChung, newCaseID(t))
		wants(t, "another kiosk was first", err, registration.ErrRegistered)
		if n := p.rows(`SELECT count(*) FROM registration_case WHERE state NOT IN ('refused', 'ended')`); n != 1 {
			t.Errorf("Lite %v: %d open cases", lite, n)
		}
		cases, err := p.r.KioskCases(ctx)
		if err != nil || len(cases) != 1 || cases[0].Officer != elsewhere.Actor {
			t.Fatalf("kiosks' cases: %+v, %v", cases, err)
		}
		p.must(p.r.AbandonCase(ctx, elsewhere, cases[0].ID))
	}
}
