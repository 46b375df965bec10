package registration

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// Cases of both machines are moved in the same two ways: by a change under the row's lock, and, where others are asked
// meanwhile, under a lease that runs out by itself.

// table is one of cases: with id and leased_until.
type table string

const (
	cases       table = "registration_case"
	remoteCases table = "registration_remote"
)

// change runs fn on a locked row, and writes what may change of it, with fn's events. ErrNoCase.
func change[T any](ctx context.Context, s *store, t table, columns, id string, write func(tx postgres.Tx, c *T) error, fn func(tx postgres.Tx, c *T) ([]audit.Event, error)) error {
	return s.record(ctx, func(tx postgres.Tx) ([]audit.Event, error) {
		if uuid.Validate(id) != nil {
			return nil, ErrNoCase
		}
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM `+string(t)+` WHERE id = $1 FOR UPDATE`, id)
		c, err := collect[T]("case", ErrNoCase, rows, err)
		if err != nil {
			return nil, err
		}
		events, err := fn(tx, c)
		if err != nil {
			return nil, err
		}
		if err := write(tx, c); err != nil {
			return nil, fmt.Errorf("write case: %w", err)
		}
		return events, nil
	})
}

// lease takes a case to drive it on; false if somebody else does.
func (s *store) lease(ctx context.Context, t table, id string, now, until time.Time) (bool, error) {
	tag, err := s.db.Pool.Exec(ctx, `UPDATE `+string(t)+` SET leased_until = $3 WHERE id = $1 AND leased_until <= $2`, id, now, until)
	if err != nil {
		return false, fmt.Errorf("lease case: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// release gives it back, to be taken again from then on.
func (s *store) release(ctx context.Context, t table, id string, until time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `UPDATE `+string(t)+` SET leased_until = $2 WHERE id = $1`, id, until); err != nil {
		return fmt.Errorf("release case: %w", err)
	}
	return nil
}
