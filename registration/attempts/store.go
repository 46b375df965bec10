package attempts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// store is the SQL of this package.
type store struct{ db *postgres.DB }

func (s *store) take(ctx context.Context, l Limit, key string, who Who, now time.Time) error {
	var n int
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO registration_attempt AS a (kind, key, since, count) VALUES ($1, $2, $3, 1)
			ON CONFLICT (kind, key) DO UPDATE SET
				count = CASE WHEN a.since <= $4 THEN 1 ELSE least(a.count, 1000000) + 1 END,
				since = CASE WHEN a.since <= $4 THEN $3 ELSE a.since END
			RETURNING count`, l.Kind, key, now, now.Add(-l.Window)).Scan(&n)
		switch {
		case err != nil:
			return err
		case n == l.Most+1:
			return raise(ctx, tx, "limit:"+l.Kind, key, who, now)
		case l.Alarm > 0 && n == l.Alarm:
			return raise(ctx, tx, "rate:"+l.Kind, key, who, now)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count attempt: %w", err)
	}
	if n > l.Most {
		return fmt.Errorf("%w: %s", ErrTooMany, l.Kind)
	}
	return nil
}

func (s *store) count(ctx context.Context, l Limit, key string, now time.Time) (int, error) {
	var n int
	err := s.db.Pool.QueryRow(ctx, `SELECT count FROM registration_attempt WHERE kind = $1 AND key = $2 AND since > $3`,
		l.Kind, key, now.Add(-l.Window)).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read attempts: %w", err)
	}
	return n, nil
}

func (s *store) forget(ctx context.Context, kind, key string) error {
	if _, err := s.db.Pool.Exec(ctx, `DELETE FROM registration_attempt WHERE kind = $1 AND key = $2`, kind, key); err != nil {
		return fmt.Errorf("forget attempts: %w", err)
	}
	return nil
}

func (s *store) sweep(ctx context.Context, before time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `DELETE FROM registration_attempt WHERE since < $1`, before); err != nil {
		return fmt.Errorf("sweep attempts: %w", err)
	}
	return nil
}

func raise(ctx context.Context, tx pgx.Tx, kind, key string, who Who, now time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make alarm id: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration_alarm (id, at, kind, key, actor, place) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, now, kind, key, who.Actor, who.Place)
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{
		At: now, Actor: who.Actor, Role: who.Role, Place: who.Place, Action: "registration.alarm", Subject: key, Reason: kind,
	})
}

func (s *store) alarms(ctx context.Context, limit int) ([]Alarm, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT id::text, at, kind, key, actor, place FROM registration_alarm ORDER BY at DESC, id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Alarm])
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	return list, nil
}
