package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// store is the SQL of this package.
type store struct{ db *postgres.DB }

const columns = `id::text, account::text, kind, state, actor, role, place, reason, payload, done, tries, created_at, expires_at`

func insert(ctx context.Context, tx pgx.Tx, o *Operation) error {
	if o.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make operation id: %w", err)
		}
		o.ID = id.String()
	}
	if o.Payload == nil {
		o.Payload = []byte{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registration_operation (id, account, kind, state, actor, role, place, reason, payload, created_at, changed_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)`,
		o.ID, o.Account, o.Kind, o.State, o.Actor, o.Role, o.Place, o.Reason, o.Payload, o.CreatedAt, o.ExpiresAt)
	if err != nil {
		return fmt.Errorf("record operation: %w", err)
	}
	return nil
}

func one(rows pgx.Rows, err error) (*Operation, error) {
	if err != nil {
		return nil, fmt.Errorf("read operation: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[Operation])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read operation: %w", err)
	}
	return o, nil
}

func (s *store) get(ctx context.Context, id string) (*Operation, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNone
	}
	return one(s.db.Pool.Query(ctx, `SELECT `+columns+` FROM registration_operation WHERE id = $1`, id))
}

func (s *store) openOf(ctx context.Context, account string) ([]*Operation, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+columns+` FROM registration_operation WHERE account = $1 AND state = 'open' ORDER BY created_at, id`, account)
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[Operation])
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	return list, nil
}

func lock(ctx context.Context, tx pgx.Tx, id string, state State) (*Operation, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNone
	}
	return one(tx.Query(ctx, `SELECT `+columns+` FROM registration_operation WHERE id = $1 AND state = $2 FOR UPDATE`, id, state))
}

func update(ctx context.Context, tx pgx.Tx, o *Operation, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE registration_operation SET state = $2, payload = $3, changed_at = $4 WHERE id = $1`, o.ID, o.State, o.Payload, now)
	if err != nil {
		return fmt.Errorf("update operation: %w", err)
	}
	return nil
}

func dropOthers(ctx context.Context, tx pgx.Tx, account, kind string, now time.Time) (until time.Time, _ error) {
	rows, err := tx.Query(ctx, `
		UPDATE registration_operation SET state = 'dropped', changed_at = $3
		WHERE account = $1 AND kind = $2 AND state IN ('waiting', 'open')
		RETURNING greatest(leased_until, '0001-01-01'::timestamptz)`, account, kind, now)
	if err != nil {
		return until, fmt.Errorf("drop operations: %w", err)
	}
	leases, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil {
		return until, fmt.Errorf("drop operations: %w", err)
	}
	for _, l := range leases {
		if l.After(now) && l.After(until) {
			until = l
		}
	}
	return until, nil
}

func (s *store) lease(ctx context.Context, id string, now, until time.Time) (*Operation, error) {
	o, err := one(s.db.Pool.Query(ctx, `
		UPDATE registration_operation SET leased_until = $3, tries = tries + 1
		WHERE id = $1 AND state = 'open' AND leased_until <= $2 RETURNING `+columns, id, now, until))
	if !errors.Is(err, ErrNone) {
		return o, err
	}
	if o, err := s.get(ctx, id); err == nil && o.State == Open {
		return nil, ErrLeased
	}
	return nil, ErrNone
}

func (s *store) mark(ctx context.Context, id, step string, now, until time.Time) error {
	tag, err := s.db.Pool.Exec(ctx, `
		UPDATE registration_operation SET done = array_append(done, $2), changed_at = $3, leased_until = $4
		WHERE id = $1 AND state = 'open' AND NOT done @> ARRAY[$2]`, id, step, now, until)
	if err != nil {
		return fmt.Errorf("mark step %s: %w", step, err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("mark step %s: %w", step, ErrNone)
	}
	return nil
}

func (s *store) release(ctx context.Context, id string, until time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `UPDATE registration_operation SET leased_until = $2 WHERE id = $1`, id, until); err != nil {
		return fmt.Errorf("release operation: %w", err)
	}
	return nil
}

func (s *store) due(ctx context.Context, now time.Time) ([]string, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT id::text FROM registration_operation WHERE state = 'open' AND leased_until <= $1 ORDER BY created_at, id LIMIT 1000`, now)
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	return ids, nil
}

func (s *store) drop(ctx context.Context, now time.Time) (int, error) {
	tag, err := s.db.Pool.Exec(ctx, `
		UPDATE registration_operation SET state = 'dropped', changed_at = $1 WHERE state = 'waiting' AND expires_at <= $1`, now)
	if err != nil {
		return 0, fmt.Errorf("drop operations: %w", err)
	}
	return int(tag.RowsAffected()), nil
}
