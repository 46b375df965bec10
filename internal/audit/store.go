package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const insertPendingSQL = `
	INSERT INTO audit_pending (id, at, actor, role, place, action, subject, reason, detail)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

func (r row) arguments() []any {
	return []any{r.ID, r.At, r.Actor, r.Role, r.Place, r.Action, r.Subject, r.Reason, r.Detail}
}

func insertPending(ctx context.Context, tx pgx.Tx, r row) error {
	_, err := tx.Exec(ctx, insertPendingSQL, r.arguments()...)
	return err
}

// lockHead returns the end of the log, and makes this transaction the only
// sequencer: others wait for it.
func lockHead(ctx context.Context, tx pgx.Tx) (Head, error) {
	return queryHead(ctx, tx, `SELECT batch, sequence, hash FROM audit_head FOR UPDATE`)
}

func readHead(ctx context.Context, tx pgx.Tx) (Head, error) {
	return queryHead(ctx, tx, `SELECT batch, sequence, hash FROM audit_head`)
}

func queryHead(ctx context.Context, tx pgx.Tx, query string) (Head, error) {
	var h Head
	var hash []byte
	if err := tx.QueryRow(ctx, query).Scan(&h.Batch, &h.Sequence, &hash); err != nil {
		return Head{}, fmt.Errorf("read the log's head: %w", err)
	}
	copy(h.Hash[:], hash)
	return h, nil
}

// selectPending takes whatever is committed, oldest first. The order has no
// weight: an event that is committed later than a younger one comes later.
func selectPending(ctx context.Context, tx pgx.Tx, limit int) ([]row, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, at, actor, role, place, action, subject, reason, detail::text AS detail
		FROM audit_pending ORDER BY id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read pending events: %w", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("read pending events: %w", err)
	}
	return events, nil
}

// moveBatch gives the rows their places, from b.First on, and moves the head.
func moveBatch(ctx context.Context, tx pgx.Tx, b batch, rows []row, leaves []digest) error {
	columns := []string{"sequence", "id", "at", "actor", "role", "place", "action", "subject", "reason", "detail", "leaf"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_event"}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		r := rows[i]
		return []any{b.First + int64(i), r.ID, r.At, r.Actor, r.Role, r.Place, r.Action, r.Subject, r.Reason, r.Detail, leaves[i][:]}, nil
	}))
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO audit_batch (number, first, count, at, root, hash)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		b.Number, b.First, b.Count, b.At, b.Root[:], b.Hash[:]); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	tag, err := tx.Exec(ctx, `DELETE FROM audit_pending WHERE id = ANY($1)`, ids)
	if err != nil {
		return fmt.Errorf("clear pending events: %w", err)
	}
	if tag.RowsAffected() != int64(len(rows)) {
		return fmt.Errorf("clear pending events: %d of %d were there", tag.RowsAffected(), len(rows))
	}
	if _, err := tx.Exec(ctx, `UPDATE audit_head SET batch = $1, sequence = $2, hash = $3`,
		b.Number, b.First+b.Count-1, b.Hash[:]); err != nil {
		return fmt.Errorf("move the log's head: %w", err)
	}
	return nil
}

// eventCursor reads the log in order. Both cursors see what was committed when
// their transaction began, and hold a page at a time.
func eventCursor(ctx context.Context, tx pgx.Tx) (*cursor[storedEvent], error) {
	return openCursor[storedEvent](ctx, tx, "audit_events", `
		SELECT sequence, id, at, actor, role, place, action, subject, reason, detail::text AS detail, leaf
		FROM audit_event ORDER BY sequence`)
}

func batchCursor(ctx context.Context, tx pgx.Tx) (*cursor[storedBatch], error) {
	return openCursor[storedBatch](ctx, tx, "audit_batches", `
		SELECT number, first, count, at, root, hash
		FROM audit_batch ORDER BY number`)
}

// pending counts the events without a place; oldest is the time of the first of
// them, and replayed how many have a place already.
type pending struct {
	Count, Replayed int
	Oldest          *time.Time
}

func readPending(ctx context.Context, tx pgx.Tx) (pending, error) {
	var p pending
	err := tx.QueryRow(ctx, `
		SELECT count(*), count(e.id), min(p.at)
		FROM audit_pending AS p LEFT JOIN audit_event AS e ON e.id = p.id`).Scan(&p.Count, &p.Replayed, &p.Oldest)
	if err != nil {
		return pending{}, fmt.Errorf("count pending events: %w", err)
	}
	return p, nil
}

// selectActions reads the events of some actions, those without a place last.
func selectActions(ctx context.Context, tx pgx.Tx, actions []string) (pgx.Rows, error) {
	return tx.Query(ctx, `
		SELECT id, at, actor, action, subject, detail FROM (
			SELECT sequence, id, at, actor, action, subject, detail::text AS detail FROM audit_event WHERE action = ANY($1)
			UNION ALL
			SELECT NULL, id, at, actor, action, subject, detail::text FROM audit_pending WHERE action = ANY($1)
		) AS e ORDER BY sequence NULLS LAST, id`, actions)
}

// countPending counts the events about a subject that have no place yet.
func countPending(ctx context.Context, tx pgx.Tx, subject string) (n int, err error) {
	if err = tx.QueryRow(ctx, `SELECT count(*) FROM audit_pending WHERE subject = $1`, subject).Scan(&n); err != nil {
		return 0, fmt.Errorf("count pending events: %w", err)
	}
	return n, nil
}

// selectSubject reads the events about one subject, in their order.
func selectSubject(ctx context.Context, tx pgx.Tx, subject string) ([]storedEvent, error) {
	rows, err := tx.Query(ctx, `
		SELECT sequence, id, at, actor, role, place, action, subject, reason, detail::text AS detail, leaf
		FROM audit_event WHERE subject = $1 ORDER BY sequence LIMIT $2`, subject, maxProved)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByName[storedEvent])
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// selectBatches reads the batches from the one with this event on.
func selectBatches(ctx context.Context, tx pgx.Tx, sequence int64) ([]storedBatch, error) {
	rows, err := tx.Query(ctx, `
		SELECT number, first, count, at, root, hash FROM audit_batch
		WHERE first >= (SELECT max(first) FROM audit_batch WHERE first <= $1) ORDER BY number`, sequence)
	if err != nil {
		return nil, fmt.Errorf("read batches: %w", err)
	}
	batches, err := pgx.CollectRows(rows, pgx.RowToStructByName[storedBatch])
	if err != nil {
		return nil, fmt.Errorf("read batches: %w", err)
	}
	return batches, nil
}

// hashOfBatch is the chain's hash after a batch; zero bytes after none.
func hashOfBatch(ctx context.Context, tx pgx.Tx, number int64) (h hash32, err error) {
	if number == 0 {
		return h, nil
	}
	var b []byte
	if err := tx.QueryRow(ctx, `SELECT hash FROM audit_batch WHERE number = $1`, number).Scan(&b); err != nil {
		return h, fmt.Errorf("read batch %d: %w", number, err)
	}
	return hash32(padded(b)), nil
}

// selectLeaves reads the leaves of the events from first up to end.
func selectLeaves(ctx context.Context, tx pgx.Tx, first, end int64) ([]digest, error) {
	rows, err := tx.Query(ctx, `SELECT leaf FROM audit_event WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence`, first, end)
	if err != nil {
		return nil, fmt.Errorf("read leaves: %w", err)
	}
	raw, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, fmt.Errorf("read leaves: %w", err)
	}
	leaves := make([]digest, len(raw))
	for i, b := range raw {
		leaves[i] = digest(padded(b))
	}
	return leaves, nil
}
