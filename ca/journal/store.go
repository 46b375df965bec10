package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"chop/internal/audit"
	"chop/internal/postgres"
)

type store struct{ db *postgres.DB }

// lock is a session's advisory lock: it ends with its process, however that
// ends. The constraints on the tables are the second guard.
type lock struct{ conn *pgxpool.Conn }

// lockKey is any number that nothing else in the database uses.
const lockKey = 0x63616365_72656d6f

func (s *store) acquire(ctx context.Context) (*lock, error) {
	conn, err := s.db.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock ceremony: %w", err)
	}
	var got bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockKey)).Scan(&got); err != nil || !got {
		conn.Release()
		if err == nil {
			err = ErrBusy
		}
		return nil, fmt.Errorf("lock ceremony: %w", err)
	}
	return &lock{conn}, nil
}

func (l *lock) release() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := l.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(lockKey)); err != nil {
		l.conn.Conn().Close(ctx) // the server unlocks when the session ends
	}
	l.conn.Release()
}

const entryColumns = `id, plan, plan_sha256, started_at, finished_at, transcript`

// begin finds the ceremony of this very plan, or records it as begun.
func (s *store) begin(ctx context.Context, p Plan, at time.Time, e audit.Event) (entry Entry, err error) {
	sum := sha256.Sum256(p.Text)
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+entryColumns+` FROM ca_ceremony
			WHERE plan_sha256 = $1 OR reference = $2 OR (kind = 'create' AND $3 = 'create') ORDER BY plan_sha256 = $1 DESC`,
			sum[:], p.Reference, p.Kind)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Entry])
		if err != nil {
			return err
		}
		if len(found) > 0 {
			entry = found[0]
			if !bytes.Equal(entry.PlanSHA256, sum[:]) {
				return fmt.Errorf("%w: its SHA-256 is %x, begun %s", ErrOther, entry.PlanSHA256, entry.StartedAt.UTC().Format(time.RFC3339))
			}
			return nil
		}
		entry = Entry{Plan: p.Text, PlanSHA256: sum[:], StartedAt: at.Truncate(time.Microsecond)}
		if entry.ID, err = uuid.NewV7(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO ca_ceremony (id, kind, reference, plan, plan_sha256, started_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			entry.ID, p.Kind, p.Reference, p.Text, sum[:], entry.StartedAt); err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
	if err != nil {
		return Entry{}, fmt.Errorf("begin ceremony: %w", err)
	}
	return entry, nil
}

func (s *store) finished(ctx context.Context, kind string) (*Entry, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+entryColumns+` FROM ca_ceremony
		WHERE kind = $1 AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1`, kind)
	if err != nil {
		return nil, fmt.Errorf("read ceremony: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Entry])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("%w: %s", ErrNone, kind)
	case err != nil:
		return nil, fmt.Errorf("read ceremony: %w", err)
	}
	return &e, nil
}

type stepRow struct{ Result json.RawMessage }

// step returns what is recorded of a step, or nil.
func (s *store) step(ctx context.Context, id uuid.UUID, step string) (*stepRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT result FROM ca_ceremony_step WHERE ceremony_id = $1 AND step = $2`, id, step)
	if err != nil {
		return nil, fmt.Errorf("read step %q: %w", step, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[stepRow])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read step %q: %w", step, err)
	}
	return &r, nil
}

func (s *store) intend(ctx context.Context, id uuid.UUID, step string, at time.Time, e audit.Event) error {
	return s.write(ctx, "record intent of step "+step, e,
		`INSERT INTO ca_ceremony_step (ceremony_id, step, intended_at) VALUES ($1, $2, $3)`, id, step, at)
}

func (s *store) done(ctx context.Context, id uuid.UUID, step string, result []byte, at time.Time, e audit.Event) error {
	return s.write(ctx, "record result of step "+step, e,
		`UPDATE ca_ceremony_step SET done_at = $3, result = $4 WHERE ceremony_id = $1 AND step = $2 AND done_at IS NULL`, id, step, at, result)
}

func (s *store) finish(ctx context.Context, id uuid.UUID, transcript string, at time.Time, e audit.Event) error {
	return s.write(ctx, "record end of ceremony", e,
		`UPDATE ca_ceremony SET finished_at = $2, transcript = $3 WHERE id = $1 AND finished_at IS NULL`, id, at, transcript)
}

// write changes exactly one row, with its audit event.
func (s *store) write(ctx context.Context, doing string, e audit.Event, sql string, args ...any) error {
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("%d rows", tag.RowsAffected())
		}
		return audit.Record(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
