// Package personal keeps personal data, sealed.
package personal

import (
	"context"
	"time"

	"chop/internal/postgres"
)

// A Sealer seals data keys in a token; hsm.Sealer is one.
type Sealer interface {
	Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error)
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
}

// Config is what a Book needs.
type Config struct {
	DB     *postgres.DB
	Sealer Sealer
	Now    func() time.Time
}

// Book keeps the fields.
type Book struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Book, error) { return &Book{cfg}, nil }
