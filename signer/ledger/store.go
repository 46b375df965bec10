package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// Store is the SQL over one database.
type Store struct{ DB *postgres.DB }

const signingColumns = `id, account, credential_id, certificate, service_id, service_name, policy, level, reason, kind, return_url, place,
	state, failure, tx, code, not_after, data_key, evidence, approved_at, acknowledged, attempts, files_until, created_at, changed_at, closed_at,
	(SELECT count(*) FROM signer_signing_document AS d WHERE d.signing_id = signer_signing.id) AS documents`

const documentColumns = `signing_id, number, name, want_field, want_place, field, size, prepared_size, byte_range, digest, attributes, dtbsr,
	description, signature, timestamp_token, timestamp_at, signed_size, signed_sha256`

// Insert records the intent: a signing in state prepared with its documents and their
// sealed bytes, leased to the caller. ErrOpen.
func (s *Store) Insert(ctx context.Context, g *Signing, docs []*Document, files [][]byte, by string, lease time.Duration, e audit.Event) error {
	err := s.DB.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO signer_signing (id, account, credential_id, certificate, service_id, service_name, policy, level, reason, kind,
				return_url, place, state, failure, data_key, look_at, lease_by, lease_until, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'prepared', '', $13, $14, $15, clock_timestamp() + $16, $14, $14)`,
			g.ID, g.Account, g.CredentialID, g.Certificate, g.ServiceID, g.ServiceName, g.Policy, g.Level, g.Reason, g.Kind,
			g.ReturnURL, g.Place, g.DataKey, g.CreatedAt, by, lease)
		if err != nil {
			return err
		}
		return insertDocuments(ctx, tx, docs, files, e)
	})
	return opened(err, "record intent to sign")
}

func insertDocuments(ctx context.Context, tx pgx.Tx, docs []*Document, files [][]byte, e audit.Event) error {
	for i, d := range docs {
		_, err := tx.Exec(ctx, `
			INSERT INTO signer_signing_document (signing_id, number, name, want_field, want_place, field, size, prepared_size, byte_range,
				digest, attributes, dtbsr, description, prepared)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			d.SigningID, d.Number, d.Name, d.WantField, d.WantPlace, d.Field, d.Size, d.PreparedSize, d.ByteRange,
			d.Digest, d.Attributes, d.DTBSR, d.Description, files[i])
		if err != nil {
			return err
		}
	}
	return audit.Record(ctx, tx, e)
}

// Renew begins a closed signing anew with documents prepared anew. ErrOpen, ErrTransition.
func (s *Store) Renew(ctx context.Context, g *Signing, docs []*Document, files [][]byte, by string, lease time.Duration, e audit.Event) error {
	err := s.DB.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE signer_signing SET state = 'prepared', failure = '', certificate = $3, data_key = $4, tx = NULL, code = NULL, not_after = NULL,
				files_until = NULL, closed_at = NULL, changed_at = $5, look_at = $5, place = $6, lease_by = $7, lease_until = clock_timestamp() + $8
			WHERE id = $1 AND state = $2 AND data_key IS NOT NULL`,
			g.ID, g.State, g.Certificate, g.DataKey, e.At, g.Place, by, lease)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 || !May(g.State, Prepared) {
			return ErrTransition
		}
		if _, err := tx.Exec(ctx, `DELETE FROM signer_signing_document WHERE signing_id = $1`, g.ID); err != nil {
			return err
		}
		return insertDocuments(ctx, tx, docs, files, e)
	})
	return opened(err, "record renewed intent to sign")
}

func opened(err error, what string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "signer_signing_open" {
		return ErrOpen
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// A Change moves a signing from one state to another.
type Change struct {
	ID       uuid.UUID
	From, To State
	Failure  string
	// Lease, if not empty, must be held.
	Lease string
	Event audit.Event
	// LookAt is when housekeeping looks next, FilesUntil when the files go: for closed states.
	LookAt     time.Time
	FilesUntil time.Time
	// Tx, Code and NotAfter go with Waiting.
	Tx, Code string
	NotAfter time.Time
	// Evidence, Signatures and ApprovedAt go with Collected.
	Evidence   []byte
	Signatures [][]byte
	ApprovedAt time.Time
	// Then is run in the same transaction; nil: nothing.
	Then func(context.Context, postgres.Tx) error
}

// Apply makes a change with its audit event, and whatever goes with it, in one
// transaction. ErrTransition if the signing is not as the change supposes.
func (s *Store) Apply(ctx context.Context, c Change) error {
	if !May(c.From, c.To) {
		return fmt.Errorf("%w: from %s to %s", ErrTransition, c.From, c.To)
	}
	err := s.DB.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE signer_signing SET state = $3, failure = $4, changed_at = $5, look_at = $6, lease_by = NULL, lease_until = NULL,
				closed_at   = CASE WHEN $3 IN ('prepared', 'waiting', 'collected') THEN NULL ELSE $5::timestamptz END,
				files_until = CASE WHEN $3 IN ('prepared', 'waiting', 'collected') THEN NULL ELSE $7::timestamptz END,
				tx = coalesce(nullif($8, ''), tx), code = coalesce(nullif($9, ''), code),
				not_after = CASE WHEN $3 = 'waiting' THEN $10 ELSE not_after END,
				evidence = coalesce($11, evidence), approved_at = CASE WHEN $3 = 'collected' THEN $12 ELSE approved_at END
			WHERE id = $1 AND state = $2 AND ($13 = '' OR (lease_by = $13 AND lease_until > clock_timestamp()))`,
			c.ID, c.From, c.To, c.Failure, c.Event.At, c.LookAt, c.FilesUntil, c.Tx, c.Code, c.NotAfter, c.Evidence, c.ApprovedAt, c.Lease)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return ErrTransition
		}
		for i, sig := range c.Signatures {
			tag, err := tx.Exec(ctx, `UPDATE signer_signing_document SET signature = $3 WHERE signing_id = $1 AND number = $2 AND signature IS NULL`, c.ID, i, sig)
			if err != nil || tag.RowsAffected() != 1 {
				return errors.Join(err, ErrTransition)
			}
		}
		if err := dropFiles(ctx, tx, c.ID, c.To); err != nil {
			return err
		}
		if c.Then != nil {
			if err := c.Then(ctx, tx); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, c.Event)
	})
	if err != nil {
		return fmt.Errorf("record signing as %s: %w", c.To, err)
	}
	return nil
}

// dropFiles deletes what nobody needs in the new state.
func dropFiles(ctx context.Context, tx pgx.Tx, id uuid.UUID, to State) error {
	var err error
	switch to {
	case Signed:
		_, err = tx.Exec(ctx, `UPDATE signer_signing_document SET prepared = NULL WHERE signing_id = $1`, id)
	case Failed:
		_, err = tx.Exec(ctx, `UPDATE signer_signing_document SET prepared = NULL, signed = NULL WHERE signing_id = $1`, id)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE signer_signing SET data_key = NULL, files_until = NULL WHERE id = $1`, id)
		}
	}
	return err
}

// Lease takes a signing for a while, if it is open and nobody else has it.
func (s *Store) Lease(ctx context.Context, id uuid.UUID, by string, d time.Duration) (bool, error) {
	tag, err := s.DB.Pool.Exec(ctx, `
		UPDATE signer_signing SET lease_by = $2, lease_until = clock_timestamp() + $3
		WHERE id = $1 AND state IN ('prepared', 'waiting', 'collected')
		  AND (lease_until IS NULL OR lease_until <= clock_timestamp() OR lease_by = $2)`, id, by, d)
	if err != nil {
		return false, fmt.Errorf("lease signing: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// Extend keeps a lease for longer, if it is held still.
func (s *Store) Extend(ctx context.Context, id uuid.UUID, by string, d time.Duration) error {
	_, err := s.DB.Pool.Exec(ctx, `UPDATE signer_signing SET lease_until = clock_timestamp() + $3 WHERE id = $1 AND lease_by = $2`, id, by, d)
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	return nil
}

// Release gives a lease back, and says when housekeeping looks next. attempt counts one.
func (s *Store) Release(ctx context.Context, id uuid.UUID, by string, lookAt time.Time, attempt bool) error {
	_, err := s.DB.Pool.Exec(ctx, `
		UPDATE signer_signing SET lease_by = NULL, lease_until = NULL, look_at = $3, attempts = attempts + CASE WHEN $4 THEN 1 ELSE 0 END
		WHERE id = $1 AND lease_by = $2`, id, by, lookAt, attempt)
	if err != nil {
		return fmt.Errorf("release signing: %w", err)
	}
	return nil
}

// LookLater says when housekeeping looks next at a signing that waits.
func (s *Store) LookLater(ctx context.Context, id uuid.UUID, at time.Time) error {
	if _, err := s.DB.Pool.Exec(ctx, `UPDATE signer_signing SET look_at = $2 WHERE id = $1 AND state = 'waiting'`, id, at); err != nil {
		return fmt.Errorf("put off signing: %w", err)
	}
	return nil
}

// Acknowledged records that the activation process was told to forget its copy.
func (s *Store) Acknowledged(ctx context.Context, id uuid.UUID) error {
	_, err := s.DB.Pool.Exec(ctx, `UPDATE signer_signing SET acknowledged = true WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("record acknowledgement: %w", err)
	}
	return nil
}

// StoreFinished keeps a finished and checked file, sealed. It is not handed out before
// the signing is signed.
func (s *Store) StoreFinished(ctx context.Context, d *Document, sealed []byte, by string) error {
	tag, err := s.DB.Pool.Exec(ctx, `
		UPDATE signer_signing_document AS d
		SET signed = $3, signed_size = $4, signed_sha256 = $5, timestamp_token = $6, timestamp_at = $7
		FROM signer_signing AS g
		WHERE d.signing_id = $1 AND d.number = $2 AND d.signed IS NULL
		  AND g.id = d.signing_id AND g.state = 'collected' AND g.lease_by = $8`,
		d.SigningID, d.Number, sealed, d.SignedSize, d.SignedSHA256, d.TimestampToken, d.TimestampAt, by)
	if err == nil && tag.RowsAffected() != 1 {
		err = ErrTransition
	}
	if err != nil {
		return fmt.Errorf("keep finished file: %w", err)
	}
	return nil
}

// Due lists the open signings that somebody must look at, the longest due first.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error) {
	rows, err := s.DB.Pool.Query(ctx, `
		SELECT id FROM signer_signing
		WHERE state IN ('prepared', 'waiting', 'collected') AND look_at <= $1
		  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
		ORDER BY look_at LIMIT $2`, now, limit)
	if err != nil {
		return nil, fmt.Errorf("list due signings: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list due signings: %w", err)
	}
	return ids, nil
}

// DropFiles deletes the bytes of files whose time is over, and returns of how many signings.
func (s *Store) DropFiles(ctx context.Context, now time.Time, limit int) (n int, err error) {
	err = s.DB.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE signer_signing SET data_key = NULL
			WHERE id IN (SELECT id FROM signer_signing WHERE data_key IS NOT NULL AND files_until <= $1 ORDER BY files_until LIMIT $2 FOR UPDATE SKIP LOCKED)
			RETURNING id`, now, limit)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		if n = len(ids); n == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, `UPDATE signer_signing_document SET prepared = NULL, signed = NULL WHERE signing_id = ANY($1)`, ids)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete old files: %w", err)
	}
	return n, nil
}

// Find returns a signing by its id.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (*Signing, error) {
	return one[Signing](ctx, s.DB, `SELECT `+signingColumns+` FROM signer_signing WHERE id = $1`, id)
}

// FindTx returns the signing that a question belongs to.
func (s *Store) FindTx(ctx context.Context, tx string) (*Signing, error) {
	return one[Signing](ctx, s.DB, `SELECT `+signingColumns+` FROM signer_signing WHERE tx = $1`, tx)
}

// FindOpen returns the signing for which a credential's device is asked, or will be. ErrNotFound.
func (s *Store) FindOpen(ctx context.Context, credential uuid.UUID) (*Signing, error) {
	return one[Signing](ctx, s.DB, `SELECT `+signingColumns+` FROM signer_signing WHERE credential_id = $1 AND state IN ('prepared', 'waiting')`, credential)
}

// History lists an account's signings before an id, the newest first.
func (s *Store) History(ctx context.Context, account, before uuid.UUID, limit int) ([]*Signing, error) {
	return all[Signing](ctx, s.DB, `SELECT `+signingColumns+` FROM signer_signing WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, account, before, limit)
}

// Documents lists the documents of signings, in their order.
func (s *Store) Documents(ctx context.Context, signings ...uuid.UUID) ([]*Document, error) {
	return all[Document](ctx, s.DB, `SELECT `+documentColumns+` FROM signer_signing_document WHERE signing_id = ANY($1) ORDER BY signing_id, number`, signings)
}

// File returns the sealed bytes of one document; nil if they were deleted.
func (s *Store) File(ctx context.Context, signing uuid.UUID, number int, f File) ([]byte, error) {
	column := "prepared"
	if f == SignedFile {
		column = "signed"
	}
	var b []byte
	err := s.DB.Pool.QueryRow(ctx, `SELECT `+column+` FROM signer_signing_document WHERE signing_id = $1 AND number = $2`, signing, number).Scan(&b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return b, nil
}

func one[T any](ctx context.Context, db *postgres.DB, sql string, args ...any) (*T, error) {
	list, err := all[T](ctx, db, sql, args...)
	if err == nil && len(list) != 1 { // by a key: one or none
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func all[T any](ctx context.Context, db *postgres.DB, sql string, args ...any) ([]*T, error) {
	rows, err := db.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return list, nil
}

// Approved counts the signings that were approved with a credential.
func (s *Store) Approved(ctx context.Context, credential uuid.UUID) (n int, err error) {
	if err = s.DB.Pool.QueryRow(ctx, `SELECT count(*) FROM signer_signing WHERE credential_id = $1 AND evidence IS NOT NULL`, credential).Scan(&n); err != nil {
		return 0, fmt.Errorf("count approvals: %w", err)
	}
	return n, nil
}

// Proven lists the signings that are signed or have evidence, after an id, the oldest first.
func (s *Store) Proven(ctx context.Context, after uuid.UUID, limit int) ([]*Signing, error) {
	return all[Signing](ctx, s.DB, `SELECT `+signingColumns+` FROM signer_signing
		WHERE (evidence IS NOT NULL OR state IN ('collected', 'signed')) AND id > $1 ORDER BY id LIMIT $2`, after, limit)
}
