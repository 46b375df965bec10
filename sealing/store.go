package sealing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// taken tells a key that is there already from other failures.
func taken(err error) error {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "23505" {
		return ErrTaken
	}
	return err
}

// exec runs a statement that changes one row, with its audit event. none: what it means that it changed none.
func exec(ctx context.Context, db *postgres.DB, none error, e *audit.Event, sql string, arguments ...any) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, arguments...)
		if err != nil {
			return taken(err)
		}
		if tag.RowsAffected() != 1 {
			return none
		}
		if e == nil {
			return nil
		}
		return audit.Record(ctx, tx, *e)
	})
}

const operatorColumns = `id, department, name, roles, state, passkey_id, passkey_key`

func insertOperator(ctx context.Context, db *postgres.DB, o Operator, e audit.Event) error {
	return exec(ctx, db, ErrState, &e, `
		INSERT INTO sealing_operator (id, department, name, roles, state, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		o.ID, o.Department, o.Name, o.Roles, o.State, e.At)
}

func selectOperator(ctx context.Context, db *postgres.DB, id string) (*Operator, error) {
	rows, err := db.Pool.Query(ctx, `SELECT `+operatorColumns+` FROM sealing_operator WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read operator: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Operator])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrUnknown
	}
	return o, err
}

func selectOperators(ctx context.Context, db *postgres.DB) ([]*Operator, error) {
	rows, err := db.Pool.Query(ctx, `SELECT `+operatorColumns+` FROM sealing_operator ORDER BY department, id`)
	if err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[Operator])
}

func setChallenge(ctx context.Context, db *postgres.DB, id string, challenge []byte, until time.Time) error {
	return exec(ctx, db, ErrState, nil, `UPDATE sealing_operator SET challenge = $2, until = $3 WHERE id = $1 AND state IN ('proposed', 'enrolled')`, id, challenge, until)
}

// takeChallenge reads a challenge and destroys it: it is answered once, rightly or wrongly.
func takeChallenge(ctx context.Context, db *postgres.DB, id string, now time.Time) (challenge []byte, err error) {
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT challenge FROM sealing_operator WHERE id = $1 AND until > $2 FOR UPDATE`, id, now).Scan(&challenge); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE sealing_operator SET challenge = NULL, until = NULL WHERE id = $1`, id)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) || err == nil && len(challenge) != sha256.Size {
		return nil, fmt.Errorf("%w: no challenge, or too late", ErrAssertion)
	}
	return challenge, err
}

func setPasskey(ctx context.Context, db *postgres.DB, id string, passkey, key []byte, e audit.Event) error {
	return exec(ctx, db, ErrState, &e, `
		UPDATE sealing_operator SET passkey_id = $2, passkey_key = $3, state = 'enrolled', changed_at = $4
		WHERE id = $1 AND state IN ('proposed', 'enrolled')`, id, passkey, key, e.At)
}

func moveOperator(ctx context.Context, db *postgres.DB, id, from, to string, e audit.Event) error {
	return exec(ctx, db, ErrState, &e, `UPDATE sealing_operator SET state = $3, changed_at = $4 WHERE id = $1 AND state = $2`, id, from, to, e.At)
}

func insertBatch(ctx context.Context, db *postgres.DB, b *Batch, e audit.Event) error {
	return exec(ctx, db, fmt.Errorf("%w: %d batches are open", ErrLimit, maxOpen), &e, `
		INSERT INTO sealing_batch (id, department, seal, level, reason, nonce, state, made_by, made_at, changed_at)
		SELECT $1, $2, $3, $4, $5, $6, 'draft', $7, $8, $8
		WHERE (SELECT count(*) FROM sealing_batch WHERE department = $2 AND state IN ('draft', 'asked', 'approved')) < $9`,
		b.ID, b.Department, b.Seal, b.Level, b.Reason, b.nonce, b.MadeBy, b.MadeAt, maxOpen)
}

const batchQuery = `
	SELECT b.id::text, b.department, b.seal::text, b.level, b.reason, b.state, b.made_by, b.made_at, b.changed_at, b.nonce,
		count(d.number), count(*) FILTER (WHERE d.state = 'sealed'), count(*) FILTER (WHERE d.state = 'refused'), coalesce(sum(d.size), 0)::bigint,
		coalesce((SELECT operator FROM sealing_word w WHERE w.batch = b.id AND act = 'ask'), ''),
		coalesce((SELECT operator FROM sealing_word w WHERE w.batch = b.id AND act = 'approve'), '')
	FROM sealing_batch b LEFT JOIN sealing_document d ON d.batch = b.id`

func scanBatch(row pgx.CollectableRow) (*Batch, error) {
	var b Batch
	return &b, row.Scan(&b.ID, &b.Department, &b.Seal, &b.Level, &b.Reason, &b.State, &b.MadeBy, &b.MadeAt, &b.ChangedAt, &b.nonce,
		&b.Documents, &b.Sealed, &b.Refused, &b.Bytes, &b.AskedBy, &b.ApprovedBy)
}

func selectBatch(ctx context.Context, db *postgres.DB, department, id string) (*Batch, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrUnknown
	}
	rows, err := db.Pool.Query(ctx, batchQuery+` WHERE b.id = $1 AND b.department = $2 GROUP BY b.id`, id, department)
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBatch)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrUnknown
	}
	return b, err
}

func selectBatches(ctx context.Context, db *postgres.DB, department string, n int) ([]*Batch, error) {
	rows, err := db.Pool.Query(ctx, batchQuery+` WHERE b.department = $1 GROUP BY b.id ORDER BY b.made_at DESC, b.id DESC LIMIT $2`, department, n)
	if err != nil {
		return nil, fmt.Errorf("list batches: %w", err)
	}
	return pgx.CollectRows(rows, scanBatch)
}

// word is an operator's, as it is kept.
type word struct {
	act, operator string
	assertion     []byte
	event         audit.Event // of its saying
}

func selectWords(ctx context.Context, db *postgres.DB, batch string) ([]word, error) {
	rows, err := db.Pool.Query(ctx, `SELECT act, operator, assertion FROM sealing_word WHERE batch = $1`, batch)
	if err != nil {
		return nil, fmt.Errorf("read operators' words: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w word, err error) {
		return w, row.Scan(&w.act, &w.operator, &w.assertion)
	})
}

// lockBatch holds a department's batch, in a state, until the end of the transaction.
func lockBatch(ctx context.Context, tx pgx.Tx, department, id, state string) error {
	if uuid.Validate(id) != nil {
		return ErrUnknown
	}
	var is string
	err := tx.QueryRow(ctx, `SELECT state FROM sealing_batch WHERE id = $1 AND department = $2 FOR UPDATE`, id, department).Scan(&is)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrUnknown
	}
	if err == nil && is != state {
		return fmt.Errorf("%w: the batch is %s", ErrState, is)
	}
	return err
}

// inBatch moves a batch from one state to another on a word, which judge gives with the batch held.
func inBatch(ctx context.Context, db *postgres.DB, department, id, from, to string, now time.Time, judge func(*Batch, []*Document) (*word, error)) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		if err := lockBatch(ctx, tx, department, id, from); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, batchQuery+` WHERE b.id = $1 GROUP BY b.id`, id)
		if err != nil {
			return err
		}
		b, err := pgx.CollectExactlyOneRow(rows, scanBatch)
		if err != nil {
			return err
		}
		documents, err := documentsOf(ctx, tx, id)
		if err != nil {
			return err
		}
		w, err := judge(b, documents)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sealing_word (batch, act, operator, assertion, at) VALUES ($1, $2, $3, $4, $5)`, id, w.act, w.operator, w.assertion, now); err != nil {
			return taken(err)
		}
		if _, err := tx.Exec(ctx, `UPDATE sealing_batch SET state = $2, changed_at = $3 WHERE id = $1`, id, to, now); err != nil {
			return err
		}
		return audit.Record(ctx, tx, w.event)
	})
}

// endBatch ends one that was not approved, and deletes its bytes.
func endBatch(ctx context.Context, db *postgres.DB, department, id, from, to string, e audit.Event) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		if err := lockBatch(ctx, tx, department, id, from); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE sealing_batch SET state = $2, changed_at = $3 WHERE id = $1`, id, to, e.At); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE sealing_document SET content = NULL WHERE batch = $1`, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

func documentsOf(ctx context.Context, q querier, batch string) ([]*Document, error) {
	rows, err := q.Query(ctx, `
		SELECT number, name, format, sha256, size, state, reason, result_sha256, result_size, content IS NOT NULL, result IS NOT NULL
		FROM sealing_document WHERE batch = $1 ORDER BY number`, batch)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[Document])
}

func selectDocuments(ctx context.Context, db *postgres.DB, batch string) ([]*Document, error) {
	if uuid.Validate(batch) != nil {
		return nil, ErrUnknown
	}
	return documentsOf(ctx, db.Pool, batch)
}

// insertDocument adds one to a draft; the same bytes under the same name and format change nothing.
func insertDocument(ctx context.Context, db *postgres.DB, department, batch string, d *Document, content []byte, now time.Time) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		if err := lockBatch(ctx, tx, department, batch, Draft); err != nil {
			return err
		}
		var same, other bool
		var count int
		var size int64
		err := tx.QueryRow(ctx, `
			SELECT coalesce(bool_or(name = $2 AND sha256 = $3 AND format = $4), false), coalesce(bool_or(name = $2), false), count(*), coalesce(sum(size), 0)::bigint
			FROM sealing_document WHERE batch = $1`, batch, d.Name, d.SHA256, d.Format).Scan(&same, &other, &count, &size)
		switch {
		case err != nil:
			return err
		case same:
			return nil
		case other:
			return fmt.Errorf("%w: another file has that name", ErrTaken)
		case count >= MaxDocuments || size+d.Size > maxBatch:
			return fmt.Errorf("%w: %d files, %d bytes", ErrLimit, count, size)
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO sealing_document (batch, number, name, format, sha256, size, content) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			batch, count+1, d.Name, d.Format, d.SHA256, d.Size, content); err != nil {
			return taken(err)
		}
		_, err = tx.Exec(ctx, `UPDATE sealing_batch SET changed_at = $2 WHERE id = $1`, batch, now)
		return err
	})
}

func selectContent(ctx context.Context, db *postgres.DB, batch string, number int, sealed bool) ([]byte, error) {
	if uuid.Validate(batch) != nil {
		return nil, ErrUnknown
	}
	var content, result []byte
	err := db.Pool.QueryRow(ctx, `
		SELECT CASE WHEN $3 THEN NULL ELSE content END, CASE WHEN $3 THEN result END
		FROM sealing_document WHERE batch = $1 AND number = $2`, batch, number, sealed).Scan(&content, &result)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrUnknown
	}
	if sealed {
		content = result
	}
	if err == nil && content == nil {
		return nil, ErrGone
	}
	return content, err
}

// claim takes one document of an approved batch: one that waits, or one whose worker's lease is over.
func claim(ctx context.Context, db *postgres.DB, worker uuid.UUID, now, until time.Time) (*Job, error) {
	var j Job
	err := db.Pool.QueryRow(ctx, `
		UPDATE sealing_document d SET state = 'sealing', worker = $1, lease = $3
		FROM (
			SELECT d.batch, d.number, b.seal, b.level, b.reason,
				(SELECT operator FROM sealing_word w WHERE w.batch = b.id AND act = 'ask') AS operator
			FROM sealing_document d JOIN sealing_batch b ON b.id = d.batch
			WHERE b.state = 'approved' AND (d.state = 'waiting' OR d.state = 'sealing' AND d.lease < $2)
			ORDER BY d.batch, d.number LIMIT 1 FOR UPDATE OF d SKIP LOCKED
		) next
		WHERE d.batch = next.batch AND d.number = next.number
		RETURNING d.batch::text, next.seal::text, next.level, next.reason, coalesce(next.operator, ''), d.number, d.name, d.format, d.content`,
		worker, now, until).Scan(&j.Batch, &j.Seal, &j.Level, &j.Reason, &j.Operator, &j.Number, &j.Name, &j.Format, &j.Content)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &j, err
}

func extendLeases(ctx context.Context, db *postgres.DB, worker uuid.UUID, until time.Time) error {
	_, err := db.Pool.Exec(ctx, `UPDATE sealing_document SET lease = $2 WHERE worker = $1`, worker, until)
	return err
}

func release(ctx context.Context, db *postgres.DB, worker uuid.UUID, j *Job) error {
	_, err := db.Pool.Exec(ctx, `
		UPDATE sealing_document SET state = 'waiting', worker = NULL, lease = NULL WHERE batch = $1 AND number = $2 AND worker = $3`, j.Batch, j.Number, worker)
	return err
}

// finish records a result, or a refusal, and ends the batch with its last document. The original goes: it is in the result.
// Somebody else's document, because the lease was over, is left alone.
func finish(ctx context.Context, db *postgres.DB, worker uuid.UUID, j *Job, result []byte, why string, e audit.Event) error {
	state, digest, size := Refusing, []byte(nil), (*int64)(nil)
	if result != nil {
		sum, n := sha256.Sum256(result), int64(len(result))
		state, digest, size = Sealed, sum[:], &n
	}
	return db.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM sealing_batch WHERE id = $1 FOR UPDATE`, j.Batch); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE sealing_document
			SET state = $4, worker = NULL, lease = NULL, content = NULL, reason = $5, result = $6, result_sha256 = $7, result_size = $8
			WHERE batch = $1 AND number = $2 AND worker = $3`, j.Batch, j.Number, worker, state, why, result, digest, size)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := audit.Record(ctx, tx, e); err != nil {
			return err
		}
		tag, err = tx.Exec(ctx, `
			UPDATE sealing_batch SET state = 'done', changed_at = $2
			WHERE id = $1 AND NOT EXISTS (SELECT FROM sealing_document WHERE batch = $1 AND state IN ('waiting', 'sealing'))`, j.Batch, e.At)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		e.Action, e.Subject, e.Reason, e.Detail = "sealing.done", "batch:"+j.Batch, "", nil
		return audit.Record(ctx, tx, e)
	})
}

// expire ends what nobody went on with since stale, and deletes files that were sealed before old.
func expire(ctx context.Context, db *postgres.DB, stale, old time.Time, e audit.Event) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE sealing_batch SET state = 'expired', changed_at = $2 WHERE state IN ('draft', 'asked') AND changed_at < $1 RETURNING id::text`, stale, e.At)
		if err != nil {
			return err
		}
		ended, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, id := range ended {
			if _, err := tx.Exec(ctx, `UPDATE sealing_document SET content = NULL WHERE batch = $1`, id); err != nil {
				return err
			}
			e.Subject = "batch:" + id
			if err := audit.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE sealing_document d SET result = NULL
			FROM sealing_batch b WHERE b.id = d.batch AND b.state = 'done' AND b.changed_at < $1 AND d.result IS NOT NULL`, old)
		return err
	})
}
