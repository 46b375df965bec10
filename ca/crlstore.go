package ca

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
)

// change is one row of a certificate's history.
type change struct {
	CertificateID uuid.UUID
	Version       int
}

// newestCRL returns the newest signed list of a kind, and whether a status has
// changed that it does not carry. A delta older than the newest full list is
// behind too: it could not be combined with it.
func (s *store) newestCRL(ctx context.Context, issuer []byte, shard int, delta bool) (storedCRL, bool, error) {
	type row struct {
		storedCRL
		Behind bool
	}
	r, err := one[row](ctx, s.db.Pool, `
		SELECT l.number, l.this_update, l.next_update, l.crl,
		       EXISTS (SELECT FROM ca_status s JOIN ca_certificate c ON c.id = s.certificate_id
		               WHERE s.version > 1 AND (s.crl_number IS NULL OR s.crl_number > l.number)
		                 AND c.issuer = l.issuer AND c.shard = l.shard)
		       OR ($3 AND EXISTS (SELECT FROM ca_crl b WHERE b.issuer = l.issuer AND b.shard = l.shard
		               AND b.base_number IS NULL AND b.crl IS NOT NULL AND b.number > l.number)) AS behind
		FROM ca_crl l
		WHERE l.issuer = $1 AND l.shard = $2 AND (l.base_number IS NOT NULL) = $3 AND l.crl IS NOT NULL
		ORDER BY l.number DESC LIMIT 1`, issuer, shard, delta)
	return r.storedCRL, r.Behind, err
}

// draftCRL reserves the next number and reads, in one snapshot, what the list
// must hold and which changes it is the first to carry.
func (s *store) draftCRL(ctx context.Context, issuer []byte, shard int, delta bool, now, next time.Time) (*draftCRL, error) {
	var d *draftCRL
	err := s.db.InTx(ctx, func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`); err != nil {
			return err
		}
		d = &draftCRL{Issuer: issuer, Shard: shard, ThisUpdate: now, NextUpdate: next}
		if d.ID, err = uuid.NewV7(); err != nil {
			return err
		}
		if delta {
			// From the oldest full list that somebody may still rely upon.
			if err := tx.QueryRow(ctx, `
				SELECT number FROM ca_crl WHERE issuer = $1 AND shard = $2 AND base_number IS NULL AND crl IS NOT NULL
				ORDER BY next_update > $3 DESC, CASE WHEN next_update > $3 THEN number ELSE -number END LIMIT 1`,
				issuer, shard, now).Scan(&d.BaseNumber); err != nil {
				return err
			}
		}
		if d.Entries, err = listedIn(ctx, tx, d); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			SELECT s.certificate_id, s.version FROM ca_status s JOIN ca_certificate c ON c.id = s.certificate_id
			WHERE s.version > 1 AND s.crl_number IS NULL AND c.issuer = $1 AND c.shard = $2`, issuer, shard)
		if err != nil {
			return err
		}
		if d.carried, err = pgx.CollectRows(rows, pgx.RowToStructByPos[change]); err != nil {
			return err
		}
		// Two processes that draw the same number collide here, and one repeats.
		return tx.QueryRow(ctx, `
			INSERT INTO ca_crl (id, issuer, shard, number, base_number, this_update, next_update)
			SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6 FROM ca_crl WHERE issuer = $2 AND shard = $3
			RETURNING number`, d.ID, issuer, shard, d.BaseNumber, now, next).Scan(&d.Number)
	})
	if isViolation(err, "23505") {
		return s.draftCRL(ctx, issuer, shard, delta, now, next)
	}
	if err != nil {
		return nil, fmt.Errorf("draft CRL: %w", err)
	}
	return d, nil
}

// listedIn reads a draft's entries: for a full list all that are suspended or
// revoked; for a delta all that changed since its base, where one that is good
// again is named with removeFromCRL. A full list simply has it no more.
func listedIn(ctx context.Context, tx pgx.Tx, d *draftCRL) ([]listed, error) {
	sql, args := `
		SELECT c.serial, s.since, s.reason
		FROM ca_certificate c JOIN ca_status s ON s.certificate_id = c.id AND s.version = c.version
		WHERE c.issuer = $1 AND c.shard = $2 AND c.status IN ('suspended', 'revoked')
		ORDER BY c.serial`, []any{d.Issuer, d.Shard}
	if d.BaseNumber != nil {
		sql, args = `
		SELECT c.serial, s.since, CASE WHEN c.status = 'good' THEN $4 ELSE s.reason END AS reason
		FROM ca_certificate c JOIN ca_status s ON s.certificate_id = c.id AND s.version = c.version
		WHERE c.issuer = $1 AND c.shard = $2 AND c.id IN (
		    SELECT certificate_id FROM ca_status WHERE version > 1 AND (crl_number IS NULL OR crl_number > $3))
		ORDER BY c.serial`, append(args, *d.BaseNumber, removeFromCRL)
	}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[listed])
}

// storeCRL stores the signed list and stamps the changes that it carries.
func (s *store) storeCRL(ctx context.Context, d *draftCRL, der []byte, e audit.Event) error {
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE ca_crl SET crl = $2 WHERE id = $1 AND crl IS NULL`, d.ID, der)
		if err != nil || tag.RowsAffected() != 1 {
			return errors.Join(err, fmt.Errorf("%d rows", tag.RowsAffected()))
		}
		ids, versions := make([]uuid.UUID, len(d.carried)), make([]int, len(d.carried))
		for i, c := range d.carried {
			ids[i], versions[i] = c.CertificateID, c.Version
		}
		if _, err := tx.Exec(ctx, `
			UPDATE ca_status SET crl_number = $3
			FROM unnest($1::uuid[], $2::int[]) AS carried (id, version)
			WHERE certificate_id = carried.id AND ca_status.version = carried.version AND crl_number IS NULL`,
			ids, versions, d.Number); err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("store CRL %d: %w", d.Number, err)
	}
	return nil
}
