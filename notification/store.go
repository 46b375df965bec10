package notification

import (
	"context"
	"encoding/json"
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
	ID        string     `db:"id"`
	Account   string     `db:"account"`
	Kind      Kind       `db:"kind"`
	Params    string     `db:"params"`
	CreatedAt time.Time  `db:"created_at"`
	ReadAt    *time.Time `db:"read_at"`
}

const columns = `id::text, account::text, kind, params::text, created_at, read_at`

func (r row) message() (Message, error) {
	m := Message{ID: r.ID, Kind: r.Kind, At: r.CreatedAt}
	if r.ReadAt != nil {
		m.ReadAt = *r.ReadAt
	}
	if err := json.Unmarshal([]byte(r.Params), &m.Params); err != nil {
		return m, fmt.Errorf("read notice: %w", err)
	}
	return m, nil
}

func insert(ctx context.Context, tx pgx.Tx, n Notice, params map[string]string, now time.Time) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make notice id: %w", err)
	}
	b, err := json.Marshal(params)
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `INSERT INTO notification_notice (id, account, kind, params, created_at) VALUES ($1, $2, $3, $4::text::json, $5)`,
		id, n.Account, n.Kind, string(b), now)
	return id.String(), err
}

func (s *store) notice(ctx context.Context, id string) (account string, m Message, err error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+columns+` FROM notification_notice WHERE id = $1`, id)
	if err != nil {
		return "", m, fmt.Errorf("read notice: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return "", m, ErrNoMessage
	}
	if err != nil {
		return "", m, fmt.Errorf("read notice: %w", err)
	}
	m, err = r.message()
	return r.Account, m, err
}

func (s *store) inbox(ctx context.Context, account string, limit int) ([]Message, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+columns+` FROM notification_notice WHERE account = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, account, limit)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	out := make([]Message, len(found))
	for i, r := range found {
		if out[i], err = r.message(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *store) unread(ctx context.Context, account string) (n int, err error) {
	err = s.db.Pool.QueryRow(ctx, `SELECT count(*) FROM notification_notice WHERE account = $1 AND read_at IS NULL`, account).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count notices: %w", err)
	}
	return n, nil
}

func (s *store) markRead(ctx context.Context, account, id string, now time.Time) error {
	if id != "" && uuid.Validate(id) != nil {
		return ErrNoMessage
	}
	tag, err := s.db.Pool.Exec(ctx, `
		UPDATE notification_notice SET read_at = coalesce(read_at, $3) WHERE account = $1 AND ($2 = '' OR id::text = $2)`, account, id, now)
	if err != nil {
		return fmt.Errorf("mark notices: %w", err)
	}
	if id != "" && tag.RowsAffected() != 1 {
		return ErrNoMessage
	}
	return nil
}

func forget(ctx context.Context, tx pgx.Tx, account string) error {
	_, err := tx.Exec(ctx, `DELETE FROM notification_notice WHERE account = $1`, account)
	return err
}

func (s *store) record(ctx context.Context, e audit.Event) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error { return audit.Record(ctx, tx, e) })
}
