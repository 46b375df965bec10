// Package agent is the part of registration that works on a kiosk: it reads the
// card that somebody puts in, and brings what it says to the server over mutual
// TLS. The client certificate says which kiosk it is; nothing in a message does.
//
// The agent is not believed. The challenge that the card signs is the server's,
// and the server judges the card's own bytes again; a hostile kiosk cannot make up
// a card. The agent judges too, so that of a card that is refused nothing but the
// reason leaves the kiosk. It keeps nothing but,
// until its case's ticket is signed, the card; it logs no personal datum, and opens no
// socket: the page on the kiosk asks the server for its session.
package agent

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
)

// Offer is a session that waits for a card.
type Offer struct {
	Session   string            `json:"session"`   // UUIDv7
	Challenge solecontrol.Bytes `json:"challenge"` // for this card; the next one gets another
	NotAfter  solecontrol.Time  `json:"notAfter"`
}

// Reading is a card as it was read: its files as they lie on it, and its signature
// over the session's challenge.
type Reading struct {
	Session  string            `json:"session"`
	Holder   solecontrol.Bytes `json:"holder"`
	Issue    solecontrol.Bytes `json:"issue"`
	Key      solecontrol.Bytes `json:"key"`
	Security solecontrol.Bytes `json:"security"`
	Response solecontrol.Bytes `json:"response"`
}

// Evidence is the reading as hkic judges it.
func (r *Reading) Evidence() *hkic.Evidence {
	return &hkic.Evidence{Groups: hkic.Groups{r.Holder, r.Issue, r.Key}, Security: r.Security, Response: r.Response}
}

// Problem says why a card was not read: a word of hkic.Reason.
type Problem struct {
	Session string `json:"session"`
	Problem string `json:"problem"`
}

// Verdict is how the session is now.
type Verdict struct {
	State  string `json:"state"`  // read, refused or waiting
	Reason string `json:"reason"` // why, unless it was read
}

// Question asks for the ticket of the case that a session's card opened.
type Question struct {
	Session string `json:"session"`
}

// The words of Ticket.State.
const (
	TicketWait = "wait" // ask again
	TicketSign = "sign" // here it is
	TicketOver = "over" // there is none, or no more
)

// Ticket is an enrolment ticket for the kiosk's key (solecontrol.Ticket), and the reference number in its subject.
type Ticket struct {
	State     string            `json:"state"`
	Ticket    solecontrol.Bytes `json:"ticket"`
	Reference string            `json:"reference"`
}

// Signed is a ticket with the signature of the kiosk's key, r‖s.
type Signed struct {
	Session   string            `json:"session"`
	Ticket    solecontrol.Bytes `json:"ticket"`
	Signature solecontrol.Bytes `json:"signature"`
}

// Server is what the agent asks of the server; Client is one.
type Server interface {
	// Open gives this kiosk's session, new or waiting, with a new challenge.
	Open(ctx context.Context) (*Offer, error)
	// Read brings a card that was read.
	Read(ctx context.Context, r *Reading) (*Verdict, error)
	// Report says why one was not.
	Report(ctx context.Context, p *Problem) (*Verdict, error)
	// Ticket gives a session's ticket, once the phone waits for it.
	Ticket(ctx context.Context, session string) (*Ticket, error)
	// Sign brings it signed.
	Sign(ctx context.Context, s *Signed) error
}

// Config is what an Agent needs.
type Config struct {
	Server Server
	// Trust is whose cards are believed.
	Trust hkic.Trust
	// Key is that of the client certificate, which signs tickets; nil: no ticket is signed.
	Key *ecdsa.PrivateKey
	// ID is who the client certificate says that this kiosk is. Wanted with Key.
	ID string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets one line a card; nil means slog.Default.
	Log *slog.Logger
}

// Agent reads cards for a server.
type Agent struct {
	cfg    Config
	follow sync.WaitGroup
}

// New checks the configuration.
func New(cfg Config) (*Agent, error) {
	if cfg.Server == nil || len(cfg.Trust.Issuers) == 0 {
		return nil, errors.New("new kiosk agent: Server and Trust are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if (cfg.Key == nil) != (cfg.ID == "") {
		return nil, errors.New("new kiosk agent: Key and ID belong together")
	}
	return &Agent{cfg: cfg}, nil
}

// Card reads one card that was put in, and returns what became of it. An error:
// the server was not reached or refused the message; whatever is wrong with the card
// is a Verdict.
func (a *Agent) Card(ctx context.Context, chip hkic.Chip) (*Verdict, error) {
	began := a.cfg.Now()
	// Each takes about as long as the other: the card is read while the server makes its challenge.
	var offer *Offer
	var refused error
	var opening sync.WaitGroup
	opening.Go(func() { offer, refused = a.cfg.Server.Open(ctx) })
	e, err := hkic.Files(ctx, chip)
	opening.Wait()
	if refused != nil {
		return nil, fmt.Errorf("open session: %w", refused)
	}
	if err == nil {
		err = e.Answer(ctx, chip, offer.Challenge)
	}
	var data *hkic.CardData
	if err == nil {
		data, err = e.Verify(offer.Challenge, a.cfg.Trust, a.cfg.Now())
	}
	var v *Verdict
	if reason := hkic.Reason(err); reason != "" {
		v, err = a.cfg.Server.Report(ctx, &Problem{offer.Session, reason})
	} else if err == nil {
		v, err = a.cfg.Server.Read(ctx, &Reading{offer.Session, e.Groups[0], e.Groups[1], e.Groups[2], e.Security, e.Response})
	}
	if err != nil {
		return nil, fmt.Errorf("read card: %w", err)
	}
	if v.State == "read" && a.cfg.Key != nil {
		card := data.Card()
		a.follow.Go(func() { a.ticket(ctx, offer.Session, card) })
	}
	a.cfg.Log.Info("card", "session", offer.Session, "state", v.State, "reason", v.Reason, "took", a.cfg.Now().Sub(began).Round(time.Millisecond))
	return v, nil
}
