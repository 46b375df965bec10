package postgres

import (
	"context"
	"fmt"
	"hash/crc64"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// jobsLock keeps processes that start at the same moment from migrating the job queue's tables together.
var jobsLock = int64(crc64.Checksum([]byte("chop/jobs"), crc64.MakeTable(crc64.ISO)) >> 1)

// migrateJobs brings the tables of the job queue (River) to the version that this
// program's River knows. They are River's, and change with it: its own migrator
// makes them, in River's own numbering, beside ours.
func (db *DB) migrateJobs(ctx context.Context) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(db.Pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the job queue's migrations: %w", err)
	}
	known := migrator.AllVersions()
	existing, err := migrator.ExistingVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the job queue's version: %w", err)
	}
	// As with our own: a schema that is newer than the program is left alone.
	if len(existing) > 0 && existing[len(existing)-1].Version >= known[len(known)-1].Version {
		return nil
	}
	// The lock is the transaction's and ends with it, whatever becomes of this process; each of River's versions
	// has a transaction of its own on another connection, because one may need what the one before it committed.
	return pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
			return fmt.Errorf("wait for the job queue's migration: %w", err)
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, jobsLock); err != nil {
			return fmt.Errorf("wait for the job queue's migration: %w", err)
		}
		if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("migrate the job queue: %w", err)
		}
		return nil
	})
}
