// Package postgres is the appliance's database: a pool of connections, the
// transaction that is tried again when the server asks for it, the embedded
// migrations, and the private cluster that runs when no server is configured.
//
// It knows no table of any service: the SQL lies in the store.go of the
// package that owns the table. It refuses nothing that PostgreSQL accepts; one
// dialect, one code path, whether the server is our own or the operator's.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	// ErrNoBinaries: no PostgreSQL server program was found on this machine.
	ErrNoBinaries = errors.New("no PostgreSQL server found")
	// ErrUnreachable: the user that must run the server cannot use the folder.
	ErrUnreachable = errors.New("the database's user cannot reach the folder")
	// ErrClosed: this Private has been closed before.
	ErrClosed = errors.New("private cluster is closed")
)

// Config says which server to use.
type Config struct {
	// DSN is a PostgreSQL connection string, as a URL or as keywords
	// ("host=/run/x user=chop dbname=chop").
	DSN string
	// MaxConns bounds the pool; 0 means 16. It is at least 2, because a
	// migration holds one connection for its lock and works on another.
	MaxConns int
	// ConnectTimeout bounds the first connection; 0 means 10 s.
	ConnectTimeout time.Duration
}

// DB is a pool of connections to one database. It is safe for concurrent use.
type DB struct {
	Pool *pgxpool.Pool

	group group
}

// Open connects to the server that cfg names, and fails if it does not answer.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.DSN == "" {
		return nil, errors.New("open database: no DSN")
	}
	if cfg.MaxConns < 0 {
		return nil, fmt.Errorf("open database: MaxConns is %d", cfg.MaxConns)
	}
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		// pgx leaves the password out of this text.
		return nil, fmt.Errorf("read DSN: %w", err)
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	pc.MaxConns = int32(max(2, min(cfg.MaxConns, 1000)))
	params := pc.ConnConfig.RuntimeParams
	setDefault(params, "application_name", "chop")
	setDefault(params, "timezone", "UTC")
	// A transaction that is left open holds locks and keeps dead rows: the
	// server ends it, whatever became of the process that opened it.
	setDefault(params, "idle_in_transaction_session_timeout", "60s")

	ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	return &DB{Pool: pool}, nil
}

// Close ends all connections; it waits for those that are in use.
func (db *DB) Close() { db.Pool.Close() }

func setDefault(m map[string]string, key, value string) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}
