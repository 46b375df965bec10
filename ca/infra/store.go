package infra

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/internal/postgres"
)

func selectRoot(ctx context.Context, db *postgres.DB, digest []byte) ([]byte, error) {
	var der []byte
	err := db.Pool.QueryRow(ctx, `SELECT certificate FROM infra_root WHERE spki_sha256 = $1`, digest).Scan(&der)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return der, err
}

// insertRoot stores a root unless there is one for the key, and returns the one that is stored.
func insertRoot(ctx context.Context, db *postgres.DB, digest, der []byte, at time.Time, e audit.Event) ([]byte, error) {
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO infra_root (spki_sha256, certificate, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (spki_sha256) DO NOTHING`, digest, der, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
	if err != nil {
		return nil, err
	}
	return selectRoot(ctx, db, digest)
}

func insertCertificate(ctx context.Context, db *postgres.DB, serial []byte, kind, id string, digest []byte, notAfter, at time.Time, e audit.Event) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO infra_certificate (serial, kind, holder, spki_sha256, not_after, created_at)
			VALUES ($1, $2, $3, $4, $5, $6)`, serial, kind, id, digest, notAfter, at)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}

func selectHolder(ctx context.Context, db *postgres.DB, serial, digest []byte) (*Holder, error) {
	var h Holder
	err := db.Pool.QueryRow(ctx, `
		SELECT kind, holder FROM infra_certificate
		WHERE serial = $1 AND spki_sha256 = $2 AND withdrawn_at IS NULL`, serial, digest).Scan(&h.Kind, &h.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &h, err
}

func withdraw(ctx context.Context, db *postgres.DB, h Holder, at time.Time, e audit.Event) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE infra_certificate SET withdrawn_at = $3
			WHERE kind = $1 AND holder = $2 AND withdrawn_at IS NULL`, h.Kind, h.ID, at)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}
