package enrolled

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// Store is the SQL over one database.
type Store struct{ DB *postgres.DB }

// AddCredential records a credential with a certificate, or a further certificate of one
// that is known, and makes it the account's only active one. What is recorded already
// stays as it is. ErrOther.
func (s *Store) AddCredential(ctx context.Context, tx postgres.Tx, c *Credential, cert *Certificate, e audit.Event) error {
	if _, err := tx.Exec(ctx, `UPDATE signer_resident SET state = 'retired', changed_at = $3 WHERE account = $1 AND id <> $2 AND state = 'active'`,
		c.Account, c.ID, e.At); err != nil {
		return fmt.Errorf("retire older credentials: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO signer_resident (id, account, profile, state, ticket, passkey, created_at, changed_at)
		VALUES ($1, $2, $3, 'active', $4, $5, $6, $6)
		ON CONFLICT (id) DO UPDATE SET id = excluded.id
		WHERE signer_resident.account = $2 AND signer_resident.profile = $3 AND signer_resident.state = 'active' AND signer_resident.ticket = $4`,
		c.ID, c.Account, c.Profile, c.Ticket, c.Passkey, e.At)
	if err == nil && tag.RowsAffected() != 1 {
		err = ErrOther
	}
	if err != nil {
		return fmt.Errorf("record credential: %w", err)
	}
	tag, err = tx.Exec(ctx, `
		INSERT INTO signer_resident_certificate (sha256, credential_id, certificate, chain, issued_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (sha256) DO NOTHING`, cert.SHA256, c.ID, cert.Certificate, cert.Chain, e.At)
	if err != nil {
		return fmt.Errorf("record certificate: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return audit.Record(ctx, tx, e)
}

// Retire ends a credential's use; one that is retired already stays so.
func (s *Store) Retire(ctx context.Context, tx postgres.Tx, id uuid.UUID, e audit.Event) error {
	tag, err := tx.Exec(ctx, `UPDATE signer_resident SET state = 'retired', changed_at = $2 WHERE id = $1 AND state = 'active'`, id, e.At)
	if err != nil {
		return fmt.Errorf("retire credential: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return audit.Record(ctx, tx, e)
}

const credentialColumns = `id, account, profile, state, ticket, passkey, created_at, changed_at`

// Credentials lists an account's credentials, the newest first.
func (s *Store) Credentials(ctx context.Context, account uuid.UUID) ([]*Credential, error) {
	return all[Credential](ctx, s.DB, `SELECT `+credentialColumns+` FROM signer_resident WHERE account = $1 ORDER BY created_at DESC, id DESC`, account)
}

// Certificates lists all certificates of credentials, the newest first.
func (s *Store) Certificates(ctx context.Context, credentials ...uuid.UUID) ([]*Certificate, error) {
	return all[Certificate](ctx, s.DB, `
		SELECT sha256, credential_id, certificate, chain, issued_at FROM signer_resident_certificate
		WHERE credential_id = ANY($1) ORDER BY issued_at DESC, sha256`, credentials)
}

// AllCredentials lists the credentials after an id, in the order of their ids.
func (s *Store) AllCredentials(ctx context.Context, after uuid.UUID, limit int) ([]*Credential, error) {
	return all[Credential](ctx, s.DB, `SELECT `+credentialColumns+` FROM signer_resident WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

func all[T any](ctx context.Context, db *postgres.DB, sql string, args ...any) ([]*T, error) {
	rows, err := db.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return list, nil
}
