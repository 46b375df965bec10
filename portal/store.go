package portal

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

// store is the portal's tables.
type store struct{ db *postgres.DB }

// signOutAll marks all sessions of an account that were signed in until at as void.
func (s *store) signOutAll(ctx context.Context, account string, at time.Time) error {
	_, err := s.db.Pool.Exec(ctx, `INSERT INTO portal_signed_out (account_id, at) VALUES ($1, $2)
		ON CONFLICT (account_id) DO UPDATE SET at = GREATEST(portal_signed_out.at, EXCLUDED.at)`, account, at)
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// signedOutAt is when that was last done; zero if never.
func (s *store) signedOutAt(ctx context.Context, account string) (at time.Time, err error) {
	err = s.db.Pool.QueryRow(ctx, `SELECT at FROM portal_signed_out WHERE account_id = $1`, account).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("look up ended sessions: %w", err)
	}
	return at, nil
}

// link is a computer that waits for a phone.
type link struct {
	ID        uuid.UUID
	Number    string
	Browser   string
	System    string
	State     string // shown, scanned, confirmed, refused, used
	Scanner   []byte
	AccountID *uuid.UUID
	CreatedAt time.Time
	ExpiresAt time.Time
}

const linkColumns = `id, number, browser, system, state, scanner, account_id, created_at, expires_at`

func (s *store) addLink(ctx context.Context, l link, tokenSHA256 []byte) error {
	_, err := s.db.Pool.Exec(ctx, `INSERT INTO portal_link (id, token_sha256, number, browser, system, state, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, 'shown', $6, $7)`, l.ID, tokenSHA256, l.Number, l.Browser, l.System, l.CreatedAt, l.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keep link: %w", err)
	}
	return nil
}

// linkByID is for the computer. It returns nil if there is none.
func (s *store) linkByID(ctx context.Context, id uuid.UUID) (*link, error) {
	return one[link](ctx, s.db.Pool, `SELECT `+linkColumns+` FROM portal_link WHERE id = $1`, id)
}

// linkByToken is for the phone.
func (s *store) linkByToken(ctx context.Context, tokenSHA256 []byte) (*link, error) {
	return one[link](ctx, s.db.Pool, `SELECT `+linkColumns+` FROM portal_link WHERE token_sha256 = $1`, tokenSHA256)
}

// scanLink gives a link to the first phone that comes: to every other one it is gone.
func (s *store) scanLink(ctx context.Context, id uuid.UUID, scanner []byte, now time.Time) (bool, error) {
	tag, err := s.db.Pool.Exec(ctx, `UPDATE portal_link SET state = 'scanned', scanner = $2
		WHERE id = $1 AND state = 'shown' AND expires_at > $3`, id, scanner, now)
	if err != nil {
		return false, fmt.Errorf("scan link: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// answerLink records the phone's yes or no, once, with its audit event.
func (s *store) answerLink(ctx context.Context, id uuid.UUID, scanner []byte, account, state string, now time.Time) (done bool, err error) {
	err = s.db.InTx(ctx, func(tx postgres.Tx) error {
		var confirmed *string
		if state == "confirmed" {
			confirmed = &account
		}
		tag, err := tx.Exec(ctx, `UPDATE portal_link SET state = $3, account_id = $4
			WHERE id = $1 AND scanner = $2 AND state = 'scanned' AND expires_at > $5`, id, scanner, state, confirmed, now)
		if err != nil {
			return err
		}
		if done = tag.RowsAffected() == 1; !done {
			return nil
		}
		return audit.Record(ctx, tx, audit.Event{
			At: now, Actor: "account:" + account, Role: "resident", Place: "portal",
			Action: "portal.link." + state, Subject: "link:" + id.String(),
		})
	})
	if err != nil {
		return false, fmt.Errorf("answer link: %w", err)
	}
	return done, nil
}

// useLink takes a confirmed link, once; the answer says whose it is.
func (s *store) useLink(ctx context.Context, id uuid.UUID, now time.Time) (account string, err error) {
	err = s.db.Pool.QueryRow(ctx, `UPDATE portal_link SET state = 'used' WHERE id = $1 AND state = 'confirmed' AND expires_at > $2
		RETURNING account_id::text`, id, now).Scan(&account)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("use link: %w", err)
	}
	return account, nil
}

// draft is a document that is to be signed, sealed.
type draft struct {
	ID          uuid.UUID
	AccountID   uuid.UUID
	About, File []byte
	Size        int64
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// addDraft keeps a draft unless the account has too much already. Two at once may both
// find room: the signer counts again.
func (s *store) addDraft(ctx context.Context, d draft, most int, mostBytes int64) (kept bool, err error) {
	tag, err := s.db.Pool.Exec(ctx, `INSERT INTO portal_draft (id, account_id, about, file, size, created_at, expires_at)
		SELECT $1, $2, $3, $4, $5::bigint, $6, $7 WHERE (SELECT count(*) < $8 AND COALESCE(sum(size), 0) + $5::bigint <= $9
		FROM portal_draft WHERE account_id = $2 AND expires_at > $6)`,
		d.ID, d.AccountID, d.About, d.File, d.Size, d.CreatedAt, d.ExpiresAt, most, mostBytes)
	if err != nil {
		return false, fmt.Errorf("keep draft: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// changeDraft replaces what a draft says.
func (s *store) changeDraft(ctx context.Context, account string, id uuid.UUID, about []byte) error {
	_, err := s.db.Pool.Exec(ctx, `UPDATE portal_draft SET about = $3 WHERE id = $1 AND account_id = $2`, id, account, about)
	if err != nil {
		return fmt.Errorf("change draft: %w", err)
	}
	return nil
}

// drafts lists an account's in the order in which they were put together, without files.
func (s *store) drafts(ctx context.Context, account string, now time.Time) ([]draft, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT id, account_id, about, NULL::bytea AS file, size, created_at, expires_at
		FROM portal_draft WHERE account_id = $1 AND expires_at > $2 ORDER BY id`, account, now)
	if err != nil {
		return nil, fmt.Errorf("list drafts: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[draft])
	if err != nil {
		return nil, fmt.Errorf("list drafts: %w", err)
	}
	return list, nil
}

// draft returns one with its file, or nil.
func (s *store) draft(ctx context.Context, account string, id uuid.UUID, now time.Time) (*draft, error) {
	return one[draft](ctx, s.db.Pool, `SELECT id, account_id, about, file, size, created_at, expires_at
		FROM portal_draft WHERE id = $1 AND account_id = $2 AND expires_at > $3`, id, account, now)
}

// dropDrafts deletes some of an account's.
func (s *store) dropDrafts(ctx context.Context, account string, ids []uuid.UUID) error {
	_, err := s.db.Pool.Exec(ctx, `DELETE FROM portal_draft WHERE account_id = $1 AND id = ANY($2)`, account, ids)
	if err != nil {
		return fmt.Errorf("delete drafts: %w", err)
	}
	return nil
}

// sweep deletes what is over.
func (s *store) sweep(ctx context.Context, now time.Time) error {
	for _, q := range []string{
		`DELETE FROM sessions WHERE expiry < $1`,
		`DELETE FROM portal_link WHERE expires_at < $1::timestamptz - interval '1 day'`,
		`DELETE FROM portal_draft WHERE expires_at < $1`,
		// No session is older than its lifetime.
		`DELETE FROM portal_signed_out WHERE at < $1::timestamptz - interval '2 days'`,
	} {
		if _, err := s.db.Pool.Exec(ctx, q, now); err != nil {
			return fmt.Errorf("delete what is over: %w", err)
		}
	}
	return nil
}

// one returns the row that q finds, or nil.
func one[T any](ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, q string, args ...any) (*T, error) {
	rows, err := db.Query(ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("look up %T: %w", *new(T), err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up %T: %w", *new(T), err)
	}
	return found, nil
}
