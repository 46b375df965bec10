package signer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
}

func insertCredential(ctx context.Context, tx pgx.Tx, r *credentialRow) error {
	sum := sha256.Sum256(r.SPKI)
	_, err := tx.Exec(ctx, `
		INSERT INTO signer_credential
			(id, profile, name, key_spec, scheme, wrapped_key, spki, spki_sha256, state, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		r.ID, r.Profile, r.Name, r.KeySpec, r.Scheme, r.WrappedKey, r.SPKI, sum[:], r.State, r.CreatedAt)
	return err
}

func activateCredential(ctx context.Context, tx pgx.Tx, r *credentialRow, at time.Time) error {
	tag, err := tx.Exec(ctx, `
		UPDATE signer_credential
		SET state = 'active', certificate = $2, chain = $3, changed_at = $4
		WHERE id = $1 AND state = 'requested'`,
		r.ID, r.Certificate, r.Chain, at)
	if err == nil && tag.RowsAffected() != 1 {
		return fmt.Errorf("%w: credential %s", ErrClosed, r.ID)
	}
	return err
}

const credentialColumns = `id, profile, name, key_spec, scheme, wrapped_key, spki, state, certificate, chain, created_at`

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
func insertSignature(ctx context.Context, tx pgx.Tx, r *signatureRow) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO signer_signature
			(id, credential_id, policy, level, operator, field, hash, document_digest, dtbsr, state, prepared_at)
		SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, 'prepared', $10
		FROM signer_credential WHERE id = $2 AND state = 'active'`,
		r.ID, r.CredentialID, r.Policy, r.Level, r.Operator, r.Field, r.Hash, r.Digest, r.DTBSR, r.PreparedAt)
	if err == nil && tag.RowsAffected() != 1 {
		return fmt.Errorf("%w: %s", ErrCredentialNotActive, r.CredentialID)
	}
	return err
}

func closeSigned(ctx context.Context, tx pgx.Tx, id uuid.UUID, signature []byte, size int64, at time.Time) error {
	return closeOne(tx.Exec(ctx, `
		UPDATE signer_signature SET state = 'signed', signature = $2, size = $3, closed_at = $4
		WHERE id = $1 AND state = 'prepared'`, id, signature, size, at))
}

func closeFailed(ctx context.Context, tx pgx.Tx, id uuid.UUID, reason string, at time.Time) error {
	return closeOne(tx.Exec(ctx, `
		UPDATE signer_signature SET state = 'failed', reason = $2, closed_at = $3
		WHERE id = $1 AND state = 'prepared'`, id, reason, at))
}

// closeOne: a record is closed once; whoever comes second must not hand out anything.
func closeOne(tag interface{ RowsAffected() int64 }, err error) error {
	if err == nil && tag.RowsAffected() != 1 {
		return ErrClosed
	}
	return err
}

// abandonSignatures closes what has been open since before, and returns the ids.
func abandonSignatures(ctx context.Context, tx pgx.Tx, before, at time.Time) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		UPDATE signer_signature SET state = 'abandoned', closed_at = $2
		WHERE state = 'prepared' AND prepared_at < $1
		RETURNING id`, before, at)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// abandonCredentials closes the requests for certificates that have been open since
// before, and returns the ids.
func abandonCredentials(ctx context.Context, tx pgx.Tx, before, at time.Time) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		UPDATE signer_credential SET state = 'abandoned', changed_at = $2
		WHERE state = 'requested' AND created_at < $1
		RETURNING id`, before, at)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
