package archive

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

type documentRow struct {
	ID             uuid.UUID
	Department     string
	Name           string
	Format         string
	OriginalSHA256 []byte `db:"original_sha256"`
	Size           int64
	DataKey        []byte
	State          string
	Generations    int
	NewestSHA256   []byte `db:"newest_sha256"`
	StampedAt      *time.Time
	EndsAt         *time.Time
	Algorithms     []string
	FadesAt        *time.Time
	FadesBy        string
	Attempts       int
	RetryAt        *time.Time
	Failure        string
	CreatedAt      time.Time
	ChangedAt      time.Time
}

const documentColumns = `id, department, name, format, original_sha256, size, data_key, state, generations, newest_sha256,
	stamped_at, ends_at, algorithms, fades_at, fades_by, attempts, retry_at, failure, created_at, changed_at`

type generationRow struct {
	Number    int
	SHA256    []byte `db:"sha256"`
	Size      int64
	Hash      string
	StampedAt time.Time
	Dropped   bool
	MadeAt    time.Time
}

type coveredRow struct {
	Number int
	Name   string
	SHA256 []byte `db:"sha256"`
	Size   int64
}

// inTx runs a change and records its audit event in one transaction.
func (s *Store) inTx(ctx context.Context, e audit.Event, change func(pgx.Tx) error) error {
	return s.c.DB.InTx(ctx, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}

// errOther: another process changed the row meanwhile.
var errOther = errors.New("the document's record was changed meanwhile")

func one(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = errOther
	}
	return err
}

// insertDocument records that a file came; false if that department has it already.
func (s *Store) insertDocument(ctx context.Context, r *documentRow, covered []coveredRow, e audit.Event) (fresh bool, err error) {
	err = s.c.DB.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO archive_document (id, department, name, format, original_sha256, size, data_key, state, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 'adding', $8, $8)
			ON CONFLICT (department, original_sha256) WHERE state <> 'removed' DO NOTHING`,
			r.ID, r.Department, r.Name, r.Format, r.OriginalSHA256, r.Size, r.DataKey, r.CreatedAt)
		if err != nil {
			return err
		}
		if fresh = tag.RowsAffected() == 1; !fresh {
			return nil
		}
		for _, c := range covered {
			if _, err := tx.Exec(ctx, `INSERT INTO archive_covered (document, number, name, sha256, size) VALUES ($1, $2, $3, $4, $5)`,
				r.ID, c.Number, c.Name, c.SHA256, c.Size); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, e)
	})
	return fresh, err
}

// findOriginal is the document of a department with that digest.
func (s *Store) findOriginal(ctx context.Context, department string, sum Digest) (*documentRow, error) {
	return s.oneDocument(ctx, `department = $1 AND original_sha256 = $2 AND state <> 'removed'`, department, []byte(sum))
}

func (s *Store) findDocument(ctx context.Context, id uuid.UUID) (*documentRow, error) {
	return s.oneDocument(ctx, `id = $1`, id)
}

func (s *Store) oneDocument(ctx context.Context, where string, args ...any) (*documentRow, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT `+documentColumns+` FROM archive_document WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[documentRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return r, nil
}

func (s *Store) generations(ctx context.Context, id uuid.UUID) ([]generationRow, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `
		SELECT number, sha256, size, hash, stamped_at, dropped, made_at FROM archive_generation WHERE document = $1 ORDER BY number`, id)
	if err != nil {
		return nil, fmt.Errorf("read generations: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[generationRow])
	if err != nil {
		return nil, fmt.Errorf("read generations: %w", err)
	}
	return list, nil
}

func (s *Store) coveredFiles(ctx context.Context, id uuid.UUID) ([]coveredRow, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT number, name, sha256, size FROM archive_covered WHERE document = $1 ORDER BY number`, id)
	if err != nil {
		return nil, fmt.Errorf("read covered files: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[coveredRow])
	if err != nil {
		return nil, fmt.Errorf("read covered files: %w", err)
	}
	return list, nil
}

// recordRenewing records the intent to renew.
func (s *Store) recordRenewing(ctx context.Context, id uuid.UUID, e audit.Event) error {
	return s.inTx(ctx, e, func(tx pgx.Tx) error {
		return one(ctx, tx, `UPDATE archive_document SET state = 'renewing', changed_at = $2 WHERE id = $1 AND state IN ('kept', 'renewing')`, id, e.At)
	})
}

// recordGeneration records a generation whose bytes are on the disk, and which older ones go.
func (s *Store) recordGeneration(ctx context.Context, r *documentRow, g generationRow, p *proof, dropped []generationRow, e audit.Event) error {
	at, by := fades(s.c.Policy, p.ends, p.algorithms)
	var retry *time.Time
	failure := ""
	if s.c.Policy.Due(at, e.At) { // another one would fade as soon
		later := e.At.Add(notBetter)
		retry, failure = &later, errNotBetter.Error()
	}
	return s.inTx(ctx, e, func(tx pgx.Tx) error {
		if err := one(ctx, tx, `
			UPDATE archive_document SET state = 'kept', generations = $2, newest_sha256 = $3, stamped_at = $4, ends_at = $5, algorithms = $6,
				fades_at = $7, fades_by = $8, attempts = 0, retry_at = $10, failure = $11, changed_at = $9
			WHERE id = $1 AND generations = $2 - 1 AND state IN ('adding', 'renewing')`,
			r.ID, g.Number, g.SHA256, p.stamped, p.ends, p.algorithms, at, by, e.At, retry, failure); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO archive_generation (document, number, sha256, size, hash, stamped_at, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			r.ID, g.Number, g.SHA256, g.Size, g.Hash, g.StampedAt, e.At); err != nil {
			return err
		}
		for _, d := range dropped {
			if _, err := tx.Exec(ctx, `UPDATE archive_generation SET dropped = true WHERE document = $1 AND number = $2`, r.ID, d.Number); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteRefused undoes an addition that came to nothing; nobody was told that it is kept.
func (s *Store) deleteRefused(ctx context.Context, id uuid.UUID, e audit.Event) error {
	return s.inTx(ctx, e, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM archive_covered WHERE document = $1`, id); err != nil {
			return err
		}
		return one(ctx, tx, `DELETE FROM archive_document WHERE id = $1 AND state = 'adding'`, id)
	})
}

// recordFailure notes a renewal that failed, and when it is tried again. It is in the audit log once a row of failures.
func (s *Store) recordFailure(ctx context.Context, id uuid.UUID, retry time.Time, why string, e audit.Event) error {
	return s.c.DB.InTx(ctx, func(tx pgx.Tx) error {
		var attempts int
		err := tx.QueryRow(ctx, `
			UPDATE archive_document SET state = CASE WHEN state = 'renewing' THEN 'kept' ELSE state END,
				attempts = attempts + 1, retry_at = $2, failure = $3, changed_at = $4
			WHERE id = $1 AND state IN ('adding', 'kept', 'renewing') RETURNING attempts`, id, retry, why, e.At).Scan(&attempts)
		if errors.Is(err, pgx.ErrNoRows) {
			return errOther
		}
		if err != nil || attempts > 1 {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}

// recordRemoved ends a document: without its key, its bytes are gone from every backup that is younger.
func (s *Store) recordRemoved(ctx context.Context, id uuid.UUID, e audit.Event) error {
	return s.inTx(ctx, e, func(tx pgx.Tx) error {
		return one(ctx, tx, `UPDATE archive_document SET state = 'removed', data_key = NULL, changed_at = $2 WHERE id = $1 AND state IN ('kept', 'renewing', 'adding')`, id, e.At)
	})
}

func (s *Store) recordEvent(ctx context.Context, e audit.Event) error {
	return s.inTx(ctx, e, func(pgx.Tx) error { return nil })
}

// page lists documents by id, newest first.
func (s *Store) page(ctx context.Context, f Filter, margin time.Time) ([]documentRow, error) {
	var after *uuid.UUID
	if f.After != "" {
		id, err := uuid.Parse(f.After)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no document's id", ErrRequest, f.After)
		}
		after = &id
	}
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT `+documentColumns+` FROM archive_document
		WHERE ($1 = '' OR department = $1) AND ($2::uuid IS NULL OR id < $2) AND ($3 OR state <> 'removed')
			AND (NOT $4 OR (state IN ('kept', 'renewing') AND fades_at <= $5) OR (state <> 'removed' AND attempts > 0))
		ORDER BY CASE WHEN $4 THEN fades_at END NULLS FIRST, id DESC LIMIT $6`,
		f.Department, after, f.Removed, f.Fading, margin, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[documentRow])
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return list, nil
}

// unfinished lists the documents that somebody left in the middle, and those that fade before a moment, in the order
// of their need; those whose next attempt is later are left out unless all are wanted.
func (s *Store) unfinished(ctx context.Context, before, now time.Time, all bool) ([]documentRow, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT `+documentColumns+` FROM archive_document
		WHERE (state IN ('adding', 'renewing') OR (state = 'kept' AND fades_at <= $1)) AND ($3 OR retry_at IS NULL OR retry_at <= $2)
		ORDER BY fades_at NULLS FIRST, id`, before, now, all)
	if err != nil {
		return nil, fmt.Errorf("list what fades: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[documentRow])
	if err != nil {
		return nil, fmt.Errorf("list what fades: %w", err)
	}
	return list, nil
}

// lately lists the documents that were removed since a moment: a killed process may have left their bytes.
func (s *Store) lately(ctx context.Context, since time.Time) ([]uuid.UUID, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT id FROM archive_document WHERE state = 'removed' AND changed_at >= $1`, since)
	if err != nil {
		return nil, fmt.Errorf("list what was removed: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list what was removed: %w", err)
	}
	return list, nil
}

// algorithmSets are the different sets of algorithms that proofs rest on.
func (s *Store) algorithmSets(ctx context.Context) ([][]string, error) {
	rows, err := s.c.DB.Pool.Query(ctx, `SELECT DISTINCT algorithms FROM archive_document WHERE state IN ('kept', 'renewing')`)
	if err != nil {
		return nil, fmt.Errorf("list algorithms: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		return nil, fmt.Errorf("list algorithms: %w", err)
	}
	return list, nil
}

// setEnd notes when the proofs that rest on a set of algorithms fade, under the policy as it is now.
func (s *Store) setEnd(ctx context.Context, algorithms []string, end *time.Time, first string) error {
	_, err := s.c.DB.Pool.Exec(ctx, `
		UPDATE archive_document SET fades_at = least(ends_at, $2), fades_by = CASE WHEN $2 < ends_at THEN $3 ELSE 'certificate' END
		WHERE algorithms = $1 AND state IN ('kept', 'renewing') AND fades_at <> least(ends_at, $2)`, algorithms, end, first)
	if err != nil {
		return fmt.Errorf("note when proofs fade: %w", err)
	}
	return nil
}

// counts of documents by need.
func (s *Store) counts(ctx context.Context, margin time.Time) (c Counts, err error) {
	err = s.c.DB.Pool.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE fades_at <= $1), count(*) FILTER (WHERE attempts > 0), min(fades_at)
		FROM archive_document WHERE state <> 'removed'`, margin).Scan(&c.Documents, &c.Due, &c.Failing, &c.Next)
	if err != nil {
		return c, fmt.Errorf("count documents: %w", err)
	}
	return c, nil
}

// subject is how the audit log names a document.
func subject(id uuid.UUID) string { return "stored:" + id.String() }

// proofOfEvents is the audit log's proof about a document; what is on its way there is given its place first.
func proofOfEvents(ctx context.Context, db *postgres.DB, id uuid.UUID) (*audit.Proof, error) {
	for {
		p, err := audit.Prove(ctx, db, subject(id))
		if !errors.Is(err, audit.ErrUnsequenced) {
			return p, err
		}
		if _, err := audit.Sequence(ctx, db); err != nil {
			return nil, err
		}
	}
}
