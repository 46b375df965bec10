package kiosk_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk/agent"
)

// bent is a server that answers the question for a ticket as a test likes.
type bent struct {
	agent.Server
	ticket func(session string) *agent.Ticket
	signed chan *agent.Signed
}

func (b *bent) Ticket(_ context.Context, session string) (*agent.Ticket, error) {
	return b.ticket(session), nil
}

func (b *bent) Sign(_ context.Context, s *agent.Signed) error {
	b.signed <- s
	return nil
}

// The kiosk signs the ticket of the person whose card it read, in that session, for itself, and no other: whoever has
// the server gets no signature for anybody else.
func TestAgentSigns(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	key := newKey(t)
	people := immd.People(g.clock.now())
	reference := "SRN0123456789"
	for what, c := range map[string]struct {
		change func(*solecontrol.Ticket)
		person int
		signs  bool
	}{
		"the card's holder": {func(*solecontrol.Ticket) {}, 0, true},
		"another person":    {func(*solecontrol.Ticket) {}, 1, false},
		"another session":   {func(k *solecontrol.Ticket) { k.Case = "0198c2ab-0000-7000-8000-000000000000" }, 0, false},
		"another kiosk":     {func(k *solecontrol.Ticket) { k.Signer = "kiosk:elsewhere" }, 0, false},
		"an officer":        {func(k *solecontrol.Ticket) { k.Signer = "officer:" + here.ID }, 0, false},
		"for ever":          {func(k *solecontrol.Ticket) { k.Expires = solecontrol.At(g.clock.now().Add(time.Hour)) }, 0, false},
	} {
		subject, err := immd.Subject(people[c.person].Card, reference).Digest()
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(nil)
		cose, err := solecontrol.MarshalCOSE(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		server := &bent{Server: g.client("kiosk", here.ID), signed: make(chan *agent.Signed, 1)}
		server.ticket = func(session string) *agent.Ticket {
			ticket := &solecontrol.Ticket{
				Kind: "ticket", Case: session, Account: session, Enrolment: solecontrol.NewID(), PasskeyKey: cose, RPID: "approve.localhost",
				Subject: subject[:], Immd: digest[:], Signer: "kiosk:" + here.ID, Place: place, Expires: solecontrol.At(g.clock.now().Add(time.Minute)),
			}
			c.change(ticket)
			b, err := ticket.Marshal()
			if err != nil {
				t.Error(err)
			}
			return &agent.Ticket{State: agent.TicketSign, Ticket: b, Reference: reference}
		}
		a, err := agent.New(agent.Config{Server: server, Trust: g.issuer.Trust(), Key: key, ID: here.ID, Now: g.clock.now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
			t.Fatalf("%+v, %v", v, err)
		}
		a.Wait()
		select {
		case s := <-server.signed:
			if !c.signs || solecontrol.VerifyRaw(&key.PublicKey, solecontrol.TicketMessage(s.Ticket), s.Signature) != nil {
				t.Errorf("%s: signed, or not by the kiosk's key", what)
			}
		default:
			if c.signs {
				t.Errorf("%s: not signed", what)
			}
		}
	}
}

// Before there is a case the agent is to wait; without a session, and for another kiosk, there is nothing to wait for.
func TestTicketWaits(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	a := g.client("kiosk", here.ID)
	if v, err := g.agent().Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	s, err := g.book.Current(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Ticket(t.Context(), s.ID); err != nil || got.State != agent.TicketWait {
		t.Errorf("a card that was read: %+v, %v", got, err)
	}
	if _, err := g.client("kiosk", "another").Ticket(t.Context(), s.ID); err == nil {
		t.Error("another kiosk is told of the session")
	}
	if err := g.book.End(t.Context(), here, s.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Ticket(t.Context(), s.ID); err != nil || got.State != agent.TicketOver {
		t.Errorf("a session that is over: %+v, %v", got, err)
	}
}
