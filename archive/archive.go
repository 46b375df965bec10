// Package archive is the long-term store: signed files of departments, kept so that each can
// be proven decades on. It is a preservation service with storage, by augmentation, in the
// words of ETSI TS 119 511: what comes in is validated, extended to B-LTA with all evidence,
// and gets a new archive time-stamp (EN 319 142-1, 132-1, 122-1, 162-1, TS 119 182-1) before
// the last one's certificates or algorithms fade.
//
// Each step records its intent, acts, and records the result with the digests, in the audit
// log too; so a kill at any moment loses nothing that was taken, and what is not whole is
// nowhere. The bytes lie in one folder a document, sealed under a data key of their own.
//
// It refuses files that do not pass now: what is not proven today will not be proven
// tomorrow. It deletes nothing but by Remove, with a reason, and never the original.
package archive

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"chop/internal/postgres"
	"chop/policies"
	"chop/signer/pades"
	"chop/validation"
)

// What callers branch on.
var (
	// ErrRequest: the call itself lacks something, or names what cannot be.
	ErrRequest = errors.New("store: unusable request")
	// ErrSize: the file with what it covers is larger than the limit.
	ErrSize = errors.New("store: larger than what is kept")
	// ErrNotPassed: the file does not pass validation now; the error says why.
	ErrNotPassed = errors.New("store: the file does not pass validation")
	// ErrForm: the file's form cannot be renewed.
	ErrForm = errors.New("store: this form cannot be renewed")
	// ErrNotFound: no such document, or another department's.
	ErrNotFound = errors.New("store: no such document")
	// ErrRemoved: it was there, and was removed.
	ErrRemoved = errors.New("store: the document was removed")
	// ErrBusy: another process works on the document at this moment.
	ErrBusy = errors.New("store: the document is being worked on")
	// ErrDamaged: bytes on the disk are not those that were written.
	ErrDamaged = errors.New("store: damaged")
	// ErrFull: there is no room on the disk.
	ErrFull = errors.New("store: no room on the disk")
	// ErrNotDue: nothing of it fades within the policy's margin.
	ErrNotDue = errors.New("store: not due")
)

// A Sealer seals data keys; the appliance's sealer token does.
type Sealer interface {
	Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error)
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
}

// A Judge is our own validation.
type Judge interface {
	Validate(ctx context.Context, doc io.ReaderAt, size int64, o validation.Options) (*validation.Report, error)
}

// Config is what a Store needs.
type Config struct {
	DB     *postgres.DB
	Policy *policies.Preservation
	// Dir is the folder of the bytes. It is made if it is not there.
	Dir string
	// Sealer seals the data keys.
	Sealer Sealer
	// Judge validates what comes in and what is made; Options are its for each file (trusted lists).
	Judge   Judge
	Options validation.Options
	// Timestamper and Evidence extend.
	Timestamper pades.Timestamper
	Evidence    pades.EvidenceSource
	// TokenSize is the room for a time-stamp in a PDF in bytes; 0: pades's own.
	TokenSize int
	// MaxBytes is the most of one file with what it covers. 0: 32 MiB.
	MaxBytes int64
	// Every is the time between two looks of Run. 0: 10 minutes.
	Every time.Duration
	Log   *slog.Logger     // nil: nowhere
	Now   func() time.Time // nil: time.Now
}

// Store is safe for concurrent use, by several processes too.
type Store struct {
	c Config
	// at is told of each moment at which a test may end the process.
	at func(moment string)
}

// Caller is who asks. A department sees its own documents only; with none, whoever operates
// the appliance sees all.
type Caller struct {
	Actor      string // for the audit log: "local:alice", "department:transport"
	Department string
}

// New checks the configuration.
func New(c Config) (*Store, error) {
	switch {
	case c.DB == nil || c.Policy == nil:
		return nil, errors.New("new store: no database or no policy")
	case c.Dir == "" || c.Sealer == nil:
		return nil, errors.New("new store: no folder or no sealer")
	case c.Judge == nil:
		return nil, errors.New("new store: no validation; nothing may be kept unjudged")
	case c.Timestamper == nil || c.Evidence == nil:
		return nil, errors.New("new store: no timestamper or no source of evidence")
	case c.MaxBytes < 0 || c.Every < 0:
		return nil, errors.New("new store: a limit is negative")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 32 << 20
	}
	if c.Every == 0 {
		c.Every = 10 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("new store: %w", err)
	}
	return &Store{c: c, at: func(string) {}}, nil
}

// Document is what the store knows of one.
type Document struct {
	ID         string    `json:"id"`
	Department string    `json:"department"`
	Name       string    `json:"name"`
	Format     string    `json:"format"` // pdf, xml, cms, asic, json
	State      string    `json:"state"`  // adding, kept, renewing, removed
	Size       int64     `json:"size"`   // of the original, bytes
	Original   Digest    `json:"original_sha256"`
	Newest     Digest    `json:"newest_sha256"`
	Generation int       `json:"generation"`
	StampedAt  time.Time `json:"stamped_at,omitzero"` // by the newest archive time-stamp
	FadesAt    time.Time `json:"fades_at,omitzero"`   // the newest archive time-stamp's proof
	FadesBy    string    `json:"fades_by"`            // "certificate", or the algorithm
	Due        bool      `json:"due"`                 // within the policy's margin of it
	Attempts   int       `json:"attempts"`            // to renew that failed since the last success
	RetryAt    time.Time `json:"retry_at,omitzero"`
	Failure    string    `json:"failure,omitempty"` // of the last attempt
	CreatedAt  time.Time `json:"created_at"`
	ChangedAt  time.Time `json:"changed_at"`
}

// States.
const (
	Adding   = "adding"
	Kept     = "kept"
	Renewing = "renewing"
	Removed  = "removed"
)

// Digest is SHA-256, in hexadecimal in JSON; none is "".
type Digest []byte

// MarshalText writes hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", []byte(d)), nil }

// UnmarshalText reads them.
func (d *Digest) UnmarshalText(text []byte) error {
	*d = nil
	if len(text) == 0 {
		return nil
	}
	if len(text) != 64 {
		return fmt.Errorf("digest of %d digits", len(text))
	}
	_, err := fmt.Sscanf(string(text), "%x", (*[]byte)(d))
	return err
}

func (d Digest) String() string { return fmt.Sprintf("%x", []byte(d)) }

// hashName is how policies name a hash.
func hashName(h crypto.Hash) string { return policies.HashAlgorithm(h) }
