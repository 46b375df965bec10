// Package officers is the book of registration officers: who they are, which
// roles and places they have, their client certificates and passkeys, their
// shifts, and whether one of them may do something now (EN 319 401, 7.2; EN 319
// 411-1, 6.4.4).
//
// Nobody becomes an officer by one person's word: whoever is proposed brings a
// client certificate and a passkey, and two persons, neither of whom is the
// officer, approve them together. Acts that bind the appliance (confirming a
// card, a ticket, an order) are signed by the officer's passkey; the book
// verifies, and signs nothing.
package officers

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/registration/personal"
	"chop/registration/places"
)

var (
	// ErrForbidden says that the caller may not do this: role, shift, place, or person.
	ErrForbidden = errors.New("caller may not do this")
	// ErrShift says, together with ErrForbidden, that an officer acts outside their shift, its role or its place.
	ErrShift = errors.New("outside shift and place")
	// ErrUnknown says that there is no such officer or shift.
	ErrUnknown = errors.New("no such officer or shift")
	// ErrPlace says, together with ErrInvalid, that a place is not on the list, or has no officers.
	ErrPlace = errors.New("officers work at places on the list")
	// ErrInvalid says which part of an officer or a shift is impossible.
	ErrInvalid = errors.New("officer or shift refused")
	// ErrTaken says that an officer's id, certificate, passkey or own card is another officer's.
	ErrTaken = errors.New("belongs to another officer")
	// ErrState says that the officer is not in a state that allows the act.
	ErrState = errors.New("not possible in the officer's state")
	// ErrFourEyes says that a second person is wanted.
	ErrFourEyes = errors.New("a second person is needed")
	// ErrAssertion says that the officer's passkey did not sign this challenge.
	ErrAssertion = errors.New("officer's passkey did not confirm")
)

// Caller is who acts: "officer:<id>", "account:<id>", "local:<user>" or
// "system"; as what, from where, and, for an officer, in which shift.
type Caller struct{ Actor, Role, Place, Shift string }

// Officer is the caller's officer id, or "" for anybody else.
func (c Caller) Officer() string {
	id, ok := strings.CutPrefix(c.Actor, "officer:")
	if !ok {
		return ""
	}
	return id
}

// Config is what a Book needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Policies has the roles.
	Policies *policies.Set
	// People makes the keyed digests of officers' own numbers.
	People *personal.Book
	// RPID and Origin are those of the officers' desk.
	RPID, Origin string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Book is the officers'. It is safe for concurrent use.
type Book struct {
	cfg    Config
	store  *store
	places *places.List
}

// New checks the configuration.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil || cfg.Policies == nil || cfg.People == nil || cfg.RPID == "" || cfg.Origin == "" {
		return nil, errors.New("new book of officers: DB, Policies, People, RPID and Origin are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	list, err := places.Load()
	if err != nil {
		return nil, fmt.Errorf("new book of officers: %w", err)
	}
	return &Book{cfg, &store{cfg.DB}, list}, nil
}

// Assertion and Creation are WebAuthn's answers, as the desk's page sends them.
type (
	Assertion = solecontrol.Assertion
	Creation  = solecontrol.Creation
)

// State of an officer.
type State string

// The states.
const (
	Proposed  State = "proposed"  // by one person; the officer is to make a passkey
	Enrolled  State = "enrolled"  // the passkey is made; two persons are to approve
	Active    State = "active"    // may work, in shifts
	Suspended State = "suspended" // may not, at once
	Left      State = "left"      // for ever
)

// Officer is one. It is public within the house: no personal datum but the name
// by which colleagues know them.
type Officer struct {
	ID          string // [a-z0-9-], 2 to 40
	Name        string
	Roles       []string
	Places      []string
	State       State
	Certificate []byte // SHA-256 of the client certificate's SubjectPublicKeyInfo
	PasskeyID   []byte // empty while there is none
	PasskeyKey  []byte // COSE
	ApprovedBy  []string
}

// Shift is when somebody works where, as what: at most 24 hours.
type Shift struct {
	ID, Officer, Role, Place string
	Begins, Ends             time.Time
}
