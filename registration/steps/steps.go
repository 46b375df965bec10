// Package steps is the journal of acts that need several parties.
package steps

import (
	"time"

	"chop/internal/postgres"
)

// Config is what a Book needs.
type Config struct {
	DB  *postgres.DB
	Now func() time.Time
}

// Book is the journal.
type Book struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Book, error) { return &Book{cfg}, nil }
