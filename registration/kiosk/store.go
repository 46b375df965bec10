package kiosk

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

type row struct {
	ID        string    `db:"id"`
	Kiosk     string    `db:"kiosk"`
	Place     string    `db:"place"`
	State     State     `db:"state"`
	Challenge []byte    `db:"challenge"`
	Reason    string    `db:"reason"`
	Evidence  []byte    `db:"evidence"`
	OpenedAt  time.Time `db:"opened_at"`
	ChangedAt time.Time `db:"changed_at"`
	ExpiresAt time.Time `db:"expires_at"`
}

const columns = `id::text, kiosk, place, state, challenge, reason, evidence, opened_at, changed_at, expires_at`

const live = `state IN ('waiting', 'read', 'case')`

func one(rows pgx.Rows, err error) (*row, error) {
	if err != nil {
		return nil, fmt.Errorf("read kiosk's session: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, fmt.Errorf("read kiosk's session: %w", err)
	}
	return s, nil
}

// get is one of a kiosk's.
func (s *store) get(ctx context.Context, kiosk, id string) (*row, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoSession
	}
	return one(s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE id = $1 AND kiosk = $2`, id, kiosk))
}

// latest is a kiosk's newest.
func (s *store) latest(ctx context.Context, kiosk string) (*row, error) {
	return one(s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE kiosk = $1 ORDER BY id DESC LIMIT 1`, kiosk))
}

// living is the session of a kiosk that is not over; ErrNoSession.
func (s *store) living(ctx context.Context, kiosk string) (*row, error) {
	return one(s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE kiosk = $1 AND `+live, kiosk))
}

// insert writes a new one, unless its kiosk has one that lives: ErrState.
func (s *store) insert(ctx context.Context, r *row, e audit.Event) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO registration_kiosk_session (id, kiosk, place, state, challenge, opened_at, changed_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
			ON CONFLICT (kiosk) WHERE `+live+` DO NOTHING`, r.ID, r.Kiosk, r.Place, r.State, r.Challenge, r.OpenedAt, r.ExpiresAt)
		if err != nil {
			return fmt.Errorf("write kiosk's session: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return ErrState
		}
		return audit.Record(ctx, tx, e)
	})
}

// change runs fn on a locked session and writes it, with fn's events.
func (s *store) change(ctx context.Context, kiosk, id string, fn func(tx postgres.Tx, r *row) ([]audit.Event, error)) error {
	if uuid.Validate(id) != nil {
		return ErrNoSession
	}
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		r, err := one(tx.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE id = $1 AND kiosk = $2 FOR UPDATE`, id, kiosk))
		if err != nil {
			return err
		}
		events, err := fn(tx, r)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE registration_kiosk_session SET state = $2, challenge = $3, reason = $4, evidence = $5, changed_at = $6, expires_at = $7
			WHERE id = $1`, r.ID, r.State, r.Challenge, r.Reason, r.Evidence, r.ChangedAt, r.ExpiresAt)
		if err != nil {
			return fmt.Errorf("write kiosk's session: %w", err)
		}
		for _, e := range events {
			if err := audit.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// at is one of a place's.
func (s *store) at(ctx context.Context, place, id string) (*row, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoSession
	}
	return one(s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE id = $1 AND place = $2`, id, place))
}

// read lists those of a place that hold a card, the newest first.
func (s *store) read(ctx context.Context, place string, now time.Time) ([]*row, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+columns+` FROM registration_kiosk_session
		WHERE place = $1 AND state = 'read' AND expires_at > $2 ORDER BY changed_at DESC LIMIT 50`, place, now)
	if err != nil {
		return nil, fmt.Errorf("list cards at a place: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("list cards at a place: %w", err)
	}
	return list, nil
}

// due lists those whose time is over.
func (s *store) due(ctx context.Context, now time.Time) ([]*row, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_kiosk_session WHERE `+live+` AND expires_at <= $1 ORDER BY id LIMIT 500`, now)
	if err != nil {
		return nil, fmt.Errorf("list kiosks' sessions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("list kiosks' sessions: %w", err)
	}
	return list, nil
}

// lives says which of the ids are of sessions that are not over.
func (s *store) lives(ctx context.Context, ids []string) (living []string, err error) {
	err = s.db.Pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(id::text), '{}') FROM registration_kiosk_session WHERE id = ANY ($1::uuid[]) AND `+live, ids).Scan(&living)
	if err != nil {
		return nil, fmt.Errorf("list kiosks' sessions: %w", err)
	}
	return living, nil
}

// forget deletes those that were over before a time.
func (s *store) forget(ctx context.Context, before time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `DELETE FROM registration_kiosk_session WHERE NOT `+live+` AND changed_at < $1`, before); err != nil {
		return fmt.Errorf("forget kiosks' sessions: %w", err)
	}
	return nil
}
