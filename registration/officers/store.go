package officers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// store is the SQL of this package.
type store struct{ db *postgres.DB }

const officerColumns = `id, name, roles, places, state, certificate, passkey_id, passkey_key, approved_by`

func oneOf[T any](what string, rows pgx.Rows, err error) (*T, error) {
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read %s: %w", what, ErrUnknown)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return v, nil
}

func (s *store) officer(ctx context.Context, id string) (*Officer, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+officerColumns+` FROM registration_officer WHERE id = $1`, id)
	return oneOf[Officer]("officer", rows, err)
}

func (s *store) byCertificate(ctx context.Context, spki []byte) (*Officer, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+officerColumns+` FROM registration_officer WHERE certificate = $1`, spki)
	return oneOf[Officer]("officer", rows, err)
}

func (s *store) officers(ctx context.Context) ([]*Officer, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+officerColumns+` FROM registration_officer ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list officers: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[Officer])
	if err != nil {
		return nil, fmt.Errorf("list officers: %w", err)
	}
	return list, nil
}

func (s *store) hasCard(ctx context.Context, id string, digest []byte) (bool, error) {
	var same bool
	err := s.db.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM registration_officer WHERE id = $1 AND card_digest = $2)`, id, digest).Scan(&same)
	if err != nil {
		return false, fmt.Errorf("compare card: %w", err)
	}
	return same, nil
}

// exec runs a statement that changes one row, with its audit event. ErrUnknown if it changes none.
func (s *store) exec(ctx context.Context, e *audit.Event, sql string, arguments ...any) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, arguments...)
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && pg.Code == "23505":
			return ErrTaken
		case err != nil:
			return fmt.Errorf("write officer: %w", err)
		case tag.RowsAffected() != 1:
			return ErrUnknown
		case e == nil:
			return nil
		}
		return audit.Record(ctx, tx, *e)
	})
}

func (s *store) insert(ctx context.Context, o Officer, card []byte, by string, e audit.Event) error {
	return s.exec(ctx, &e, `
		INSERT INTO registration_officer (id, name, roles, places, state, card_digest, certificate, proposed_by, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
		o.ID, o.Name, o.Roles, o.Places, o.State, card, o.Certificate, by, e.At)
}

func (s *store) setPasskeyChallenge(ctx context.Context, id string, challenge []byte, until time.Time) error {
	return s.exec(ctx, nil, `
		UPDATE registration_officer SET challenge = $2, until = $3 WHERE id = $1 AND state IN ('proposed', 'enrolled')`, id, challenge, until)
}

// take reads a challenge and destroys it: it is answered once, rightly or wrongly.
func (s *store) take(ctx context.Context, read, destroy, id string, now time.Time) ([]byte, error) {
	var challenge []byte
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, read, id, now).Scan(&challenge); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, destroy, id)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && len(challenge) != 32 {
		return nil, fmt.Errorf("%w: no challenge, or too late", ErrAssertion)
	}
	if err != nil {
		return nil, fmt.Errorf("read challenge: %w", err)
	}
	return challenge, nil
}

func (s *store) takePasskeyChallenge(ctx context.Context, id string, now time.Time) ([]byte, error) {
	return s.take(ctx, `SELECT challenge FROM registration_officer WHERE id = $1 AND until > $2 FOR UPDATE`,
		`UPDATE registration_officer SET challenge = NULL, until = NULL WHERE id = $1`, id, now)
}

func (s *store) takeShiftChallenge(ctx context.Context, id string, now time.Time) ([]byte, error) {
	return s.take(ctx, `SELECT challenge FROM registration_shift WHERE id = $1 AND until > $2 FOR UPDATE`,
		`UPDATE registration_shift SET challenge = NULL, until = NULL WHERE id = $1`, id, now)
}

func (s *store) setPasskey(ctx context.Context, id string, passkey, key []byte, e audit.Event) error {
	return s.exec(ctx, &e, `
		UPDATE registration_officer SET passkey_id = $2, passkey_key = $3, state = 'enrolled', approved_by = '{}', changed_at = $4
		WHERE id = $1 AND state IN ('proposed', 'enrolled')`, id, passkey, key, e.At)
}

// change runs fn on a locked officer, and writes state and approvals with fn's event.
func (s *store) change(ctx context.Context, id string, fn func(*Officer) (audit.Event, error)) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+officerColumns+` FROM registration_officer WHERE id = $1 FOR UPDATE`, id)
		o, err := oneOf[Officer]("officer", rows, err)
		if err != nil {
			return err
		}
		e, err := fn(o)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE registration_officer SET state = $2, approved_by = $3, changed_at = $4 WHERE id = $1`,
			id, o.State, o.ApprovedBy, e.At)
		if err != nil {
			return fmt.Errorf("change officer: %w", err)
		}
		return audit.Record(ctx, tx, e)
	})
}

const shiftColumns = `id::text, officer, role, place, begins, ends`

func (s *store) shift(ctx context.Context, id string) (*Shift, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrUnknown
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT `+shiftColumns+` FROM registration_shift WHERE id = $1`, id)
	return oneOf[Shift]("shift", rows, err)
}

func (s *store) shifts(ctx context.Context, officer string, now time.Time) ([]Shift, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+shiftColumns+` FROM registration_shift WHERE officer = $1 AND ends > $2 ORDER BY begins, id`, officer, now)
	if err != nil {
		return nil, fmt.Errorf("list shifts: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Shift])
	if err != nil {
		return nil, fmt.Errorf("list shifts: %w", err)
	}
	return list, nil
}

func (s *store) insertShift(ctx context.Context, sh Shift, by string, e audit.Event) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make shift id: %w", err)
	}
	return id.String(), s.exec(ctx, &e, `
		INSERT INTO registration_shift (id, officer, role, place, begins, ends, planned_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, sh.Officer, sh.Role, sh.Place, sh.Begins, sh.Ends, by)
}

func (s *store) setShiftChallenge(ctx context.Context, id string, challenge []byte, until time.Time) error {
	return s.exec(ctx, nil, `UPDATE registration_shift SET challenge = $2, until = $3 WHERE id = $1`, id, challenge, until)
}

func (s *store) signedOn(ctx context.Context, id string, e audit.Event) error {
	return s.exec(ctx, &e, `UPDATE registration_shift SET signed_on = $2 WHERE id = $1`, id, e.At)
}
