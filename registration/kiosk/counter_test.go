package kiosk_test

import (
	"errors"
	"strings"
	"testing"

	"chop/ca/infra"
	"chop/registration/hkic/issuer"
	"chop/registration/kiosk"
	"chop/registration/kiosk/agent"
)

// A counter's reader brings cards as a kiosk does, and neither gets tickets nor has its signature taken.
func TestReader(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	id := kiosk.ReaderID(2, place)
	client := g.client(infra.Kiosk, id)
	a, err := agent.New(agent.Config{Server: client, Trust: g.issuer.Trust(), Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := a.Card(t.Context(), g.card(issuer.Genuine, 0)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	lying, err := g.book.Lying(t.Context(), place)
	if err != nil || len(lying) != 1 || lying[0].Reader != "2" {
		t.Fatalf("lying: %+v, %v", lying, err)
	}
	session := lying[0].ID
	if ticket, err := client.Ticket(t.Context(), session); err != nil || ticket.State != agent.TicketOver {
		t.Errorf("ticket: %+v, %v", ticket, err)
	}
	err = client.Sign(t.Context(), &agent.Signed{Session: session, Ticket: []byte("{}"), Signature: make([]byte, 64)})
	if !errors.Is(err, agent.ErrServer) || !strings.Contains(err.Error(), "403") {
		t.Errorf("sign: %v", err)
	}
	// What a kiosk read is not a counter's to take.
	if v, err := g.agent().Card(t.Context(), g.card(issuer.Genuine, 1)); err != nil || v.State != "read" {
		t.Fatalf("%+v, %v", v, err)
	}
	if lying, err := g.book.Lying(t.Context(), place); err != nil || len(lying) != 1 {
		t.Errorf("lying: %+v, %v", lying, err)
	}
}
