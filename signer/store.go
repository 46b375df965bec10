package signer

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

type credentialRow struct {
	ID          uuid.UUID `db:"id"`
	Profile     string    `db:"profile"`
	Name        string    `db:"name"`
	KeySpec     string    `db:"key_spec"`
	Scheme      string    `db:"scheme"`
	WrappedKey  []byte    `db:"wrapped_key"`
	SPKI        []byte    `db:"spki"`
	State       string    `db:"state"`
	Certificate []byte    `db:"certificate"`
	Chain       [][]byte  `db:"chain"`
	CreatedAt   time.Time `db:"created_at"`
	Department  string    `db:"department"`
}

// inTx runs a change and records its audit event in one transaction.
func inTx(ctx context.Context, db *postgres.DB, e audit.Event, change func(pgx.Tx) error) error {
	return db.InTx(ctx, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, e)
	})
}

func recordEvent(ctx context.Context, db *postgres.DB, e audit.Event) error {
	return inTx(ctx, db, e, func(pgx.Tx) error { return nil })
}

func insertCredential(ctx context.Context, db *postgres.DB, r *credentialRow, e audit.Event) error {
	sum := sha256.Sum256(r.SPKI)
	return inTx(ctx, db, e, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO signer_credential
				(id, profile, name, key_spec, scheme, wrapped_key, spki, spki_sha256, state, created_at, changed_at, department)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)`,
			r.ID, r.Profile, r.Name, r.KeySpec, r.Scheme, r.WrappedKey, r.SPKI, sum[:], r.State, r.CreatedAt, r.Department)
		return err
	})
}

func activateCredential(ctx context.Context, db *postgres.DB, r *credentialRow, e audit.Event) error {
	return closed(one(ctx, db, e, `
		UPDATE signer_credential
		SET state = 'active', certificate = $2, chain = $3, changed_at = $4
		WHERE id = $1 AND state = 'requested'`,
		r.ID, r.Certificate, r.Chain, e.At))
}

const credentialColumns = `id, profile, name, key_spec, scheme, wrapped_key, spki, state, certificate, chain, created_at, department`

func selectCredential(ctx context.Context, db *postgres.DB, id uuid.UUID) (*credentialRow, error) {
	rows, err := db.Pool.Query(ctx, `SELECT `+credentialColumns+` FROM signer_credential WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[credentialRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("%w: %s", ErrCredentialNotFound, id)
	}
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	return r, nil
}

func selectCredentials(ctx context.Context, db *postgres.DB) ([]*credentialRow, error) {
	rows, err := db.Pool.Query(ctx, `SELECT `+credentialColumns+` FROM signer_credential ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[credentialRow])
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	return list, nil
}

// signatureRow is one signature's record.
type signatureRow struct {
	ID           uuid.UUID
	CredentialID uuid.UUID
	Policy       string
	Level        string
	Operator     string
	Field        string
	Hash         string
	Digest       []byte
	DTBSR        []byte
	PreparedAt   time.Time
}

// insertSignature records an intent, if the credential is active: the same statement
// looks and writes, so that disabling a credential stops every later signature.
func insertSignature(ctx context.Context, db *postgres.DB, r *signatureRow, e audit.Event) error {
	err := one(ctx, db, e, `
		INSERT INTO signer_signature
			(id, credential_id, policy, level, operator, field, hash, document_digest, dtbsr, state, prepared_at)
		SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, 'prepared', $10
		FROM signer_credential WHERE id = $2 AND state = 'active'`,
		r.ID, r.CredentialID, r.Policy, r.Level, r.Operator, r.Field, r.Hash, r.Digest, r.DTBSR, r.PreparedAt)
	if errors.Is(err, errNoRow) {
		return fmt.Errorf("%w: %s", ErrCredentialNotActive, r.CredentialID)
	}
	return err
}

func closeSigned(ctx context.Context, db *postgres.DB, id uuid.UUID, signature []byte, size int64, e audit.Event) error {
	return closed(one(ctx, db, e, `
		UPDATE signer_signature SET state = 'signed', signature = $2, size = $3, closed_at = $4
		WHERE id = $1 AND state = 'prepared'`, id, signature, size, e.At))
}

func closeFailed(ctx context.Context, db *postgres.DB, id uuid.UUID, e audit.Event) error {
	return closed(one(ctx, db, e, `
		UPDATE signer_signature SET state = 'failed', reason = $2, closed_at = $3
		WHERE id = $1 AND state = 'prepared'`, id, e.Reason, e.At))
}

// closed: a record is closed once; whoever comes second must not hand out anything.
func closed(err error) error {
	if errors.Is(err, errNoRow) {
		return ErrClosed
	}
	return err
}

// errNoRow: the statement found nothing to change.
var errNoRow = errors.New("no row changed")

// one runs a statement that changes exactly one row, or none at all, together with its audit event.
func one(ctx context.Context, db *postgres.DB, e audit.Event, sql string, arguments ...any) error {
	var b pgx.Batch
	b.Queue(sql, arguments...)
	if err := audit.Queue(&b, e); err != nil {
		return err
	}
	return db.InBatch(ctx, &b, func(tags []pgconn.CommandTag) error {
		if tags[0].RowsAffected() != 1 {
			return errNoRow
		}
		return nil
	})
}

// abandonOpen closes the signatures and the requests for certificates that have been
// open since before, each with its audit event, and returns how many there were.
func abandonOpen(ctx context.Context, db *postgres.DB, before, at time.Time) (int, error) {
	n := 0
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		n = 0
		for _, kind := range []struct{ name, query string }{
			{"signature", `
				UPDATE signer_signature SET state = 'abandoned', closed_at = $2
				WHERE state = 'prepared' AND prepared_at < $1
				RETURNING id`},
			{"credential", `
				UPDATE signer_credential SET state = 'abandoned', changed_at = $2
				WHERE state = 'requested' AND created_at < $1
				RETURNING id`},
		} {
			rows, err := tx.Query(ctx, kind.query, before, at)
			if err != nil {
				return err
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			if err != nil {
				return err
			}
			for _, id := range ids {
				err := audit.Record(ctx, tx, audit.Event{
					At: at, Actor: "system", Action: "signer.abandon", Subject: kind.name + ":" + id.String(),
				})
				if err != nil {
					return err
				}
			}
			n += len(ids)
		}
		return nil
	})
	return n, err
}
