package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// InBatch runs the statements of a batch in one transaction, as InTx would, but with two round trips instead of one
// a statement: all that has to be known before the first is sent is in the batch. check, if not nil, sees how many
// rows each statement changed, and what it returns instead of nil undoes them all. The batch's own callbacks
// (QueuedQuery.Exec and so on) are not used.
func (db *DB) InBatch(ctx context.Context, b *pgx.Batch, check func([]pgconn.CommandTag) error) error {
	return repeated(ctx, func() error {
		conn, err := db.Pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release() // a connection that is still in a transaction is closed by the pool
		tags, err := begin(ctx, conn.Conn(), b)
		if err == nil && check != nil {
			err = check(tags)
		}
		if err != nil {
			_, failed := conn.Exec(ctx, "ROLLBACK")
			return errors.Join(err, failed)
		}
		tag, err := conn.Exec(ctx, "COMMIT")
		if err == nil && tag.String() == "ROLLBACK" {
			err = pgx.ErrTxCommitRollback
		}
		return err
	})
}

// begin sends BEGIN and the batch together.
func begin(ctx context.Context, conn *pgx.Conn, b *pgx.Batch) (tags []pgconn.CommandTag, err error) {
	all := &pgx.Batch{QueuedQueries: append([]*pgx.QueuedQuery{{SQL: "BEGIN"}}, b.QueuedQueries...)}
	results := conn.SendBatch(ctx, all)
	for range all.QueuedQueries {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // repeats what is known
			return nil, err
		}
		tags = append(tags, tag)
	}
	if err := results.Close(); err != nil {
		return nil, fmt.Errorf("end batch: %w", err)
	}
	return tags[1:], nil
}
