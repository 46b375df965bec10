// Package attempts counts what may be tried only so often.
package attempts

import (
	"time"

	"chop/internal/postgres"
)

// Config is what a Book needs.
type Config struct {
	DB  *postgres.DB
	Now func() time.Time
}

// Book is the count.
type Book struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Book, error) { return &Book{cfg}, nil }
