// Package kiosk keeps the sessions of self-service kiosks: from a card that is put
// in to the case that its chip opens (registration.OpenChipCase).
//
// A kiosk is whom its client certificate says. Its agent (registration/kiosk/agent)
// brings what a card said; it is judged here again from the card's own bytes, under
// a challenge that was made here for this card and is used once. So nothing that a
// kiosk makes up, replays or types becomes a card.
//
// One session a kiosk at a time. It ends a minute after the last touch, and what
// the card said is deleted then: it lies sealed in a table that neither the
// write-ahead log nor a physical backup has. All states are the table below.
package kiosk

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"chop/internal/postgres"
	"chop/registration"
	"chop/registration/attempts"
	"chop/registration/hkic"
	"chop/registration/personal"
)

var (
	// ErrNoSession says that this kiosk has no such session, or has it no more.
	ErrNoSession = errors.New("no such session at this kiosk")
	// ErrState says that the session is not in a state that allows the act.
	ErrState = errors.New("not possible in this state of the session")
	// ErrStranger says that whoever asks is no kiosk.
	ErrStranger = errors.New("not a kiosk")
	// ErrProblem says that a kiosk reported what is no reason.
	ErrProblem = errors.New("no such problem")
)

// Life is how long a session lasts without a touch.
const Life = time.Minute

// State is where a session is.
type State string

// The states of a session.
const (
	Waiting State = "waiting" // for a card
	Read    State = "read"    // the card is believed; what it said is kept, sealed
	Cased   State = "case"    // a case was opened, under the session's id
	Refused State = "refused" // the card was refused; Reason says why
	Ended   State = "ended"   // by the person, by time or by the next one; Reason says which
)

// act is what moves a session.
type act string

const (
	actOffer  act = "offer" // a card is in: a new challenge
	actRead   act = "read"
	actRetry  act = "retry" // pulled out or unreadable: put it back
	actRefuse act = "refuse"
	actCase   act = "case"
	actTouch  act = "touch"
	actEnd    act = "end"
)

// transitions are all that exist; an empty state is the one that it was.
var transitions = []struct {
	act  act
	from []State
	to   State
}{
	{actOffer, []State{Waiting}, Waiting},
	{actRead, []State{Waiting}, Read},
	{actRetry, []State{Waiting}, Waiting},
	{actRefuse, []State{Waiting}, Refused},
	{actCase, []State{Read}, Cased},
	{actTouch, []State{Waiting, Read, Cased}, ""},
	{actEnd, []State{Waiting, Read, Cased, Refused}, Ended},
}

func next(from State, a act) (State, error) {
	for _, t := range transitions {
		for _, f := range t.from {
			if t.act == a && f == from {
				if t.to == "" {
					return from, nil
				}
				return t.to, nil
			}
		}
	}
	return from, fmt.Errorf("%w: %s of one that is %s", ErrState, a, from)
}

// Kiosk is one of the list of places.
type Kiosk struct {
	ID    string           // of its client certificate
	Place string           // where it stands, as in the list of places
	Key   *ecdsa.PublicKey // of its client certificate; it signs tickets
}

func (k Kiosk) caller() registration.Caller { return registration.Kiosk(k.ID, k.Place) }

// Session is what the kiosk's page needs to know of it.
type Session struct {
	ID        string
	State     State
	Reason    string // a word of hkic.Reason; of an end: cancelled, expired, next, refused
	ExpiresAt time.Time
}

// Registry opens cases; registration.Registry does.
type Registry interface {
	OpenChipCase(ctx context.Context, c registration.Caller, id string, card *hkic.CardData, contact registration.Contact) (*registration.Case, error)
	// AbandonCase ends a case that no phone was bound to; any other goes on.
	AbandonCase(ctx context.Context, c registration.Caller, id string) error
	// KioskCases lists the cases that AbandonCase would end.
	KioskCases(ctx context.Context) ([]*registration.Case, error)
	// KioskTicket and PresentKioskTicket are the ticket of a case, and its signature.
	KioskTicket(ctx context.Context, c registration.Caller, id string) (ticket []byte, reference string, err error)
	PresentKioskTicket(ctx context.Context, c registration.Caller, id string, ticket, signature []byte, key *ecdsa.PublicKey) (*registration.Case, error)
}

// Config is what a Book needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Registry opens cases.
	Registry Registry
	// Sealer seals what cards say.
	Sealer personal.Sealer
	// Trust is whose cards are believed.
	Trust hkic.Trust
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// Book keeps the sessions. It is safe for concurrent use, and any number may work on one database.
type Book struct {
	cfg      Config
	store    *store
	attempts *attempts.Book
	bells    bells
}

// New checks the configuration.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil || cfg.Registry == nil || cfg.Sealer == nil || len(cfg.Trust.Issuers) == 0 {
		return nil, errors.New("new book of kiosks: DB, Registry, Sealer and Trust are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	a, err := attempts.New(attempts.Config{DB: cfg.DB, Now: cfg.Now})
	if err != nil {
		return nil, fmt.Errorf("new book of kiosks: %w", err)
	}
	return &Book{cfg: cfg, store: &store{cfg.DB}, attempts: a}, nil
}
