package kiosk_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
	"chop/registration/kiosk/agent"
)

// slowServer is a server that opens a session only when the card's files have been read.
type slowServer struct {
	agent.Server
	read chan struct{}
}

func (s slowServer) Open(context.Context) (*agent.Offer, error) {
	<-s.read
	return &agent.Offer{Session: "session", Challenge: make([]byte, hkic.ChallengeSize)}, nil
}

func (s slowServer) Read(context.Context, *agent.Reading) (*agent.Verdict, error) {
	return &agent.Verdict{State: "read"}, nil
}

// told is a card that says when it has answered some commands.
type told struct {
	hkic.Chip
	after int
	read  chan struct{}
}

func (c *told) Transmit(command []byte) ([]byte, error) {
	if c.after--; c.after == 0 {
		close(c.read)
	}
	return c.Chip.Transmit(command)
}

// The card is read while the server is asked: whoever did one after the other would wait here for ever.
func TestReadsWhileTheServerAnswers(t *testing.T) {
	i, card := newIssuedCard(t)
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		a, err := agent.New(agent.Config{Server: slowServer{read: read}, Trust: i.Trust(), Now: morning, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Card(t.Context(), &told{card, 5, read}); err != nil || v.State != "read" {
			t.Errorf("%v, %v", v, err)
		}
	})
}

// away is a server that is not reached.
type away struct{ agent.Server }

func (away) Open(context.Context) (*agent.Offer, error) { return nil, errors.New("not reached") }

// Of a card that was read for nothing there is an error, and nothing else.
func TestServerNotReached(t *testing.T) {
	i, card := newIssuedCard(t)
	a, err := agent.New(agent.Config{Server: away{}, Trust: i.Trust(), Now: morning, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := a.Card(t.Context(), card); err == nil || v != nil {
		t.Errorf("%v, %v", v, err)
	}
}

// morning is the same in a bubble and outside.
func morning() time.Time { return time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC) }

func newIssuedCard(t *testing.T) (*issuer.Issuer, *issuer.Card) {
	t.Helper()
	i, err := issuer.New(morning())
	if err != nil {
		t.Fatal(err)
	}
	card, err := i.Make(issuer.Genuine, issuer.Person{Card: immd.People(morning())[0].Card}, morning())
	if err != nil {
		t.Fatal(err)
	}
	return i, card
}
