// Package officers is the book of registration officers: who they are, which
// roles and places they have, their passkeys and client certificates, their
// shifts, and whether one of them may do something now (EN 319 401, 7.2; EN 319
// 411-1, 6.4.4).
package officers

import (
	"context"
	"errors"
	"time"

	"chop/internal/postgres"
	"chop/policies"
	"chop/registration/personal"
)

// Caller is who acts: "officer:<id>", "account:<id>", "local:<user>" or "system"; as what, from where, in which shift.
type Caller struct{ Actor, Role, Place, Shift string }

// Config is what a Book needs.
type Config struct {
	DB           *postgres.DB
	Policies     *policies.Set
	People       *personal.Book // for the keyed digests of officers' own numbers
	RPID, Origin string         // of the officers' desk
	Now          func() time.Time
}

// Book is the officers'.
type Book struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Book, error) { return &Book{cfg}, nil }

// Assertion is a WebAuthn assertion of an officer's passkey.
type Assertion struct {
	ID                []byte
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte // DER
}

// State of an officer.
type State string

// The states.
const (
	Proposed  State = "proposed"  // by one supervisor
	Appointed State = "appointed" // approved by another; waits for their passkey
	Enrolled  State = "enrolled"  // the passkey waits for approval by two persons
	Active    State = "active"
	Suspended State = "suspended"
	Left      State = "left"
)

// Officer is one.
type Officer struct {
	ID, Name    string
	Roles       []string
	Places      []string
	State       State
	Certificate []byte // SHA-256 of the client certificate's SPKI
	PasskeyID   []byte // empty while there is none
	PasskeyKey  []byte // COSE
}

// Shift is when somebody works where, as what.
type Shift struct {
	ID, Officer, Role, Place string
	From, To                 time.Time
}

var errNotBuilt = errors.New("not built yet")

// ByCertificate finds the officer of a client certificate's SPKI digest.
func (b *Book) ByCertificate(ctx context.Context, spki []byte) (*Officer, error) {
	return nil, errNotBuilt
}

// Officer returns one.
func (b *Book) Officer(ctx context.Context, id string) (*Officer, error) { return nil, errNotBuilt }

// Officers lists all.
func (b *Book) Officers(ctx context.Context) ([]*Officer, error) { return nil, errNotBuilt }

// Shifts lists an officer's shifts that have not ended.
func (b *Book) Shifts(ctx context.Context, officer string) ([]Shift, error) { return nil, errNotBuilt }

// SignOnChallenge begins the sign-on of an officer (known by their client certificate) for a shift that runs now.
func (b *Book) SignOnChallenge(ctx context.Context, officer, shift string) (challenge []byte, err error) {
	return nil, errNotBuilt
}

// SignOn checks the passkey's assertion, and gives the Caller for the shift.
func (b *Book) SignOn(ctx context.Context, officer, shift string, a Assertion) (Caller, error) {
	return Caller{}, errNotBuilt
}

// Propose proposes an officer; hkic is their own number, kept as a keyed digest only.
func (b *Book) Propose(ctx context.Context, c Caller, o Officer, hkic string) (id string, err error) {
	return "", errNotBuilt
}

// EnrolPasskey keeps a passkey that awaits approval.
func (b *Book) EnrolPasskey(ctx context.Context, officer string, id, cose []byte) error {
	return errNotBuilt
}

// Approve approves an officer with certificate and passkey, by two different persons, neither of whom is the officer: the second call makes it active.
func (b *Book) Approve(ctx context.Context, c Caller, officer string) (State, error) {
	return "", errNotBuilt
}

// Suspend stops an officer at once.
func (b *Book) Suspend(ctx context.Context, c Caller, officer, reason string) error {
	return errNotBuilt
}

// PlanShift plans one.
func (b *Book) PlanShift(ctx context.Context, c Caller, s Shift) (id string, err error) {
	return "", errNotBuilt
}
