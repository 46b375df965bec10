// Package personal keeps personal data. Each field is sealed on its own with
// AES-256-GCM (SP 800-38D) under a random nonce and a data key of its owner,
// which is sealed in the sealer's token; owner and field name are authenticated
// with it, so that a field that was moved does not open.
//
// Values are found by HMAC-SHA-256 digests (RFC 2104) of their exact normal
// form, under a key that is sealed in the token too: whoever holds the database
// can neither read a field nor try numbers against the digests. There is no
// search by anything but whole values.
//
// Nothing here is logged or quoted in an error. Callers prepare what they write
// before their transaction begins, because sealing asks the token.
package personal

import (
	"context"
	"errors"
	"sync"
	"time"

	"chop/internal/postgres"
)

var (
	// ErrSealed says that a field, a data key or a look-up row is not what was written for this owner.
	ErrSealed = errors.New("sealed personal data were changed")
	// ErrNoOwner says that the owner has no data (any more).
	ErrNoOwner = errors.New("owner has no personal data")
	// ErrTaken says that another owner has a value of which there is one only.
	ErrTaken = errors.New("value belongs to another owner")
	// ErrStale says that the data key was changed while the fields were sealed: prepare them again.
	ErrStale = errors.New("data key was changed meanwhile")
)

// A Sealer seals data keys in a token; hsm.Sealer is one.
type Sealer interface {
	Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error)
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
}

// Config is what a Book needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Sealer seals the data keys and the digest key.
	Sealer Sealer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Book keeps the fields. It is safe for concurrent use.
type Book struct {
	cfg   Config
	store *store

	mu     sync.Mutex
	digest *digestKey // nil until it was first needed
}

// New checks the configuration.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil || cfg.Sealer == nil {
		return nil, errors.New("new book of personal data: DB and Sealer are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Book{cfg: cfg, store: &store{cfg.DB}}, nil
}
