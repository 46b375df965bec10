package personal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/postgres"
)

// store is the SQL of this package.
type store struct{ db *postgres.DB }

type keyRow struct {
	Generation int32  `db:"generation"`
	Sealed     []byte `db:"sealed"`
}

type fieldRow struct {
	Name       string `db:"name"`
	Generation int32  `db:"generation"`
	Sealed     []byte `db:"sealed"`
}

type lookupRow struct {
	Owner      uuid.UUID `db:"owner"`
	Kind       string    `db:"kind"`
	Generation int32     `db:"generation"`
	Digest     []byte    `db:"digest"`
	Proof      []byte    `db:"proof"`
}

func oneKey(rows pgx.Rows, err error) (keyRow, error) {
	if err != nil {
		return keyRow{}, err
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[keyRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return r, ErrNoOwner
	}
	return r, err
}

func (s *store) dataKey(ctx context.Context, owner uuid.UUID) (keyRow, error) {
	return oneKey(s.db.Pool.Query(ctx, `SELECT generation, sealed FROM registration_data_key WHERE owner = $1`, owner))
}

func (s *store) digestKey(ctx context.Context) (keyRow, error) {
	return oneKey(s.db.Pool.Query(ctx, `SELECT generation, sealed FROM registration_digest_key ORDER BY generation DESC LIMIT 1`))
}

// insertDigestKey stores the key unless another process was first, and returns the one that is there.
func (s *store) insertDigestKey(ctx context.Context, r keyRow, now time.Time) (keyRow, error) {
	_, err := s.db.Pool.Exec(ctx, `
		INSERT INTO registration_digest_key (generation, sealed, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (generation) DO NOTHING`, r.Generation, r.Sealed, now)
	if err != nil {
		return keyRow{}, err
	}
	return s.digestKey(ctx)
}

func (s *store) fields(ctx context.Context, owner uuid.UUID, names []string) ([]fieldRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT name, generation, sealed FROM registration_field
		WHERE owner = $1 AND (cardinality($2::text[]) = 0 OR name = ANY ($2)) ORDER BY name`, owner, append([]string{}, names...))
	if err != nil {
		return nil, fmt.Errorf("read fields: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[fieldRow])
	if err != nil {
		return nil, fmt.Errorf("read fields: %w", err)
	}
	return list, nil
}

func (s *store) find(ctx context.Context, r lookupRow) ([]lookupRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT owner, kind, generation, digest, proof FROM registration_lookup
		WHERE kind = $1 AND digest = $2 ORDER BY owner LIMIT 20`, r.Kind, r.Digest)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[lookupRow])
}

func putPrepared(ctx context.Context, tx pgx.Tx, p *Prepared, now time.Time) error {
	k := p.key
	if k.isNew {
		_, err := tx.Exec(ctx, `
			INSERT INTO registration_data_key (owner, generation, sealed, created_at) VALUES ($1, $2, $3, $4)`,
			k.owner, k.generation, k.sealed, now)
		if taken(err) {
			return ErrStale
		}
		if err != nil {
			return err
		}
	} else if err := lockKey(ctx, tx, k); err != nil {
		return err
	}
	for _, f := range p.fields {
		if err := putField(ctx, tx, k.owner, f, now); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registration_field WHERE owner = $1 AND name = ANY ($2)`, k.owner, p.removed); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registration_lookup WHERE owner = $1 AND kind = ANY ($2)`, k.owner, p.dropped); err != nil {
		return err
	}
	for _, l := range p.lookups {
		_, err := tx.Exec(ctx, `
			INSERT INTO registration_lookup (owner, kind, generation, digest, proof) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (owner, kind) DO UPDATE SET generation = $3, digest = $4, proof = $5`,
			l.Owner, l.Kind, l.Generation, l.Digest, l.Proof)
		if taken(err) {
			return fmt.Errorf("%w: %s", ErrTaken, l.Kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func putField(ctx context.Context, tx pgx.Tx, owner uuid.UUID, f fieldRow, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO registration_field (owner, name, generation, sealed, changed_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (owner, name) DO UPDATE SET generation = $3, sealed = $4, changed_at = $5`,
		owner, f.Name, f.Generation, f.Sealed, now)
	return err
}

// lockKey keeps the data key that was used for sealing until the transaction ends. ErrStale if it is another now.
func lockKey(ctx context.Context, tx pgx.Tx, k *dataKey) error {
	var generation int32
	err := tx.QueryRow(ctx, `SELECT generation FROM registration_data_key WHERE owner = $1 FOR UPDATE`, k.owner).Scan(&generation)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && generation != k.generation {
		return ErrStale
	}
	return err
}

func (s *store) rotate(ctx context.Context, old, k *dataKey, now time.Time) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		if err := lockKey(ctx, tx, old); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT name, generation, sealed FROM registration_field WHERE owner = $1 ORDER BY name`, k.owner)
		if err != nil {
			return err
		}
		fields, err := pgx.CollectRows(rows, pgx.RowToStructByName[fieldRow])
		if err != nil {
			return err
		}
		for _, f := range fields {
			value, err := old.open(f)
			if err != nil {
				return err
			}
			if f, err = k.seal(f.Name, value); err != nil {
				return err
			}
			if err := putField(ctx, tx, k.owner, f, now); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `UPDATE registration_data_key SET generation = $2, sealed = $3, created_at = $4 WHERE owner = $1`,
			k.owner, k.generation, k.sealed, now)
		return err
	})
}

// ForgetFields deletes fields of owners, by name, and counts the owners that had any. It opens nothing.
func ForgetFields(ctx context.Context, tx postgres.Tx, owners, names []string) (n int, err error) {
	err = tx.QueryRow(ctx, `
		WITH gone AS (DELETE FROM registration_field WHERE owner = ANY ($1::uuid[]) AND name = ANY ($2) RETURNING owner)
		SELECT count(DISTINCT owner) FROM gone`, owners, names).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("forget fields: %w", err)
	}
	return n, nil
}

// ForgetOwners deletes the data keys, fields and look-ups of owners, and counts those that had any.
func ForgetOwners(ctx context.Context, tx postgres.Tx, owners []string) (int, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM registration_lookup WHERE owner = ANY ($1::uuid[])`, owners); err != nil {
		return 0, fmt.Errorf("forget owners: %w", err)
	}
	tag, err := tx.Exec(ctx, `DELETE FROM registration_data_key WHERE owner = ANY ($1::uuid[])`, owners)
	if err != nil {
		return 0, fmt.Errorf("forget owners: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// taken: unique_violation.
func taken(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
