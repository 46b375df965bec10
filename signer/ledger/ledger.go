// Package ledger records residents' signatures: each signing from the intent to the end,
// its documents and its evidence. It has the states and the only
// function by which one follows another, and the leases by which several nodes share the
// work.
//
// It knows no key, no format and no rule of when to do what; that is package signer's.
// Bytes of documents come sealed and are not looked into.
package ledger

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

var (
	// ErrNotFound: no such signing or document.
	ErrNotFound = errors.New("not recorded")
	// ErrOpen: the credential has an open signing.
	ErrOpen = errors.New("another signing is open for the credential")
	// ErrTransition: the signing is not in the state that the change starts from, or
	// somebody else has the lease.
	ErrTransition = errors.New("state cannot change so")
)

// A State is that of a signing.
type State = string

// The states.
const (
	Prepared  State = "prepared"  // the documents are; the device has not been asked
	Waiting   State = "waiting"   // for the device
	Collected State = "collected" // signatures and evidence are here; files are finished
	Signed    State = "signed"
	Declined  State = "declined"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Failed    State = "failed"
)

// transitions is the whole table: what may follow what. Signed and failed are final.
// From collected there is no way back: an approval is used once.
var transitions = map[State][]State{
	Prepared:  {Waiting, Cancelled, Expired, Failed},
	Waiting:   {Collected, Declined, Expired, Cancelled, Failed},
	Collected: {Signed, Failed},
	Declined:  {Prepared},
	Expired:   {Prepared},
	Cancelled: {Prepared},
}

// May reports whether a signing may go from one state to another.
func May(from, to State) bool {
	for _, s := range transitions[from] {
		if s == to {
			return true
		}
	}
	return false
}

// Open reports whether something is still to be done about a signing.
func Open(s State) bool { return s == Prepared || s == Waiting || s == Collected }

// Renewable reports whether a signing in that state may be asked for again.
func Renewable(s State) bool { return May(s, Prepared) }

// Signing is one row of signer_signing, without its documents.
type Signing struct {
	ID           uuid.UUID
	Account      uuid.UUID
	CredentialID uuid.UUID
	Certificate  []byte // SHA-256
	ServiceID    string
	ServiceName  string
	Policy       string
	Level        string
	Reason       string
	Kind         string
	ReturnURL    string
	Place        string
	State        State
	Failure      string
	Tx           *string
	Code         *string
	NotAfter     *time.Time
	DataKey      []byte
	Evidence     []byte
	ApprovedAt   *time.Time
	Acknowledged bool
	Attempts     int
	FilesUntil   *time.Time
	CreatedAt    time.Time
	ChangedAt    time.Time
	ClosedAt     *time.Time
	Documents    int // how many there are
}

// Document is one row of signer_signing_document, without the files' bytes.
type Document struct {
	SigningID      uuid.UUID
	Number         int
	Name           string
	WantField      string
	WantPlace      []byte
	Field          string
	Size           int64
	PreparedSize   int64
	ByteRange      []int64
	Digest         []byte
	Attributes     []byte
	DTBSR          []byte `db:"dtbsr"`
	Description    []byte
	Signature      []byte
	TimestampToken []byte
	TimestampAt    *time.Time
	SignedSize     *int64
	SignedSHA256   []byte `db:"signed_sha256"`
}

// A File is the sealed bytes of a document: "prepared" or "signed".
type File string

// The files of a document.
const (
	PreparedFile File = "prepared"
	SignedFile   File = "signed"
)
