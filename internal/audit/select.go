package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// Entry is an event as the log has it.
type Entry struct {
	ID      string
	At      time.Time
	Actor   string
	Action  string
	Subject string
	Detail  json.RawMessage // the exact text that is hashed
}

// Each hands every event of the given actions to visit, in the log's order and then those
// that have no place in it yet, as they are at this moment; and returns the log's head.
// An error of visit ends it and is returned.
func Each(ctx context.Context, db *postgres.DB, actions []string, visit func(Entry) error) (Head, error) {
	var head Head
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.Pool, snapshot, func(tx pgx.Tx) error {
		var err error
		if head, err = readHead(ctx, tx); err != nil {
			return err
		}
		rows, err := selectActions(ctx, tx, actions)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := pgx.RowToStructByNameLax[row](rows)
			if err != nil {
				return err
			}
			if err := visit(Entry{r.ID.String(), r.At, r.Actor, r.Action, r.Subject, json.RawMessage(r.Detail)}); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return Head{}, fmt.Errorf("read audit log: %w", err)
	}
	return head, nil
}
