package registration

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// remoteRow is a case on a phone.
type remoteRow struct {
	ID        string      `db:"id"`
	Account   *string     `db:"account"`
	State     RemoteState `db:"state"`
	Browser   []byte      `db:"browser"`
	Notice    string      `db:"notice"`
	NoticedAt time.Time   `db:"noticed_at"`
	Tries     int         `db:"tries"`
	Photos    bool        `db:"photos"`
	Holder    *string     `db:"holder"`
	Reasons   []string    `db:"reasons"`
	Waiting   string      `db:"waiting"`
	Outcome   string      `db:"outcome"`
	Officer   *string     `db:"officer"`
	Decision  *string     `db:"decision"`
	DecidedAt *time.Time  `db:"decided_at"`
	OpenedAt  time.Time   `db:"opened_at"`
	ChangedAt time.Time   `db:"changed_at"`
	ExpiresAt time.Time   `db:"expires_at"`
}

const remoteColumns = `id::text, account::text, state, browser, notice, noticed_at, tries, photos, holder, reasons, waiting, outcome, officer, decision, decided_at,
	opened_at, changed_at, expires_at`

// insertRemote: errBegun if the browser has a case.
func insertRemote(ctx context.Context, tx postgres.Tx, c *remoteRow) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO registration_remote (id, account, state, browser, notice, noticed_at, opened_at, changed_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $7)
		ON CONFLICT (browser) DO NOTHING`, c.ID, c.Account, c.State, c.Browser, c.Notice, c.NoticedAt, c.ExpiresAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = errBegun
	}
	return err
}

func (s *store) remote(ctx context.Context, id string) (*remoteRow, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoCase
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT `+remoteColumns+` FROM registration_remote WHERE id = $1`, id)
	return collect[remoteRow]("case", ErrNoCase, rows, err)
}

func (s *store) remoteBy(ctx context.Context, browser []byte) (*remoteRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+remoteColumns+` FROM registration_remote WHERE browser = $1`, browser)
	return collect[remoteRow]("case", ErrNoCase, rows, err)
}

// changeRemote is change for a case on a phone.
func (s *store) changeRemote(ctx context.Context, id string, fn func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error)) error {
	return change(ctx, s, remoteCases, remoteColumns, id, func(tx postgres.Tx, c *remoteRow) error {
		_, err := tx.Exec(ctx, `
			UPDATE registration_remote SET account = $2, state = $3, browser = $4, tries = $5, photos = $6, reasons = $7, waiting = $8, outcome = $9,
				officer = $10, decision = $11, decided_at = $12, changed_at = $13, expires_at = $14, holder = $15
			WHERE id = $1`,
			c.ID, c.Account, c.State, c.Browser, c.Tries, c.Photos, append([]string{}, c.Reasons...), c.Waiting, c.Outcome,
			c.Officer, c.Decision, c.DecidedAt, c.ChangedAt, c.ExpiresAt, c.Holder)
		return err
	}, fn)
}

// dueRemote lists what a holder's housekeeping has something to do with: its photos to be erased or missed, Immigration to be
// asked about them; and time that is up, whoever has the photos.
func (s *store) dueRemote(ctx context.Context, now time.Time, holder string) ([]*remoteRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		WITH due AS (
			SELECT *, holder IS NULL OR holder = $2 AS mine FROM registration_remote
			WHERE state NOT IN ('done', 'refused', 'ended') OR photos OR browser IS NOT NULL)
		SELECT `+remoteColumns+` FROM due
		WHERE mine AND (state = 'faced' AND leased_until <= $1 OR state = 'referred')
			OR (mine OR changed_at <= $3) AND photos AND state IN ('verified', 'done', 'refused', 'ended')
			OR expires_at <= $1 AND (state NOT IN ('done', 'refused', 'ended') OR browser IS NOT NULL)
		ORDER BY opened_at, id LIMIT 500`, now, holder, now.Add(-photosLongest))
	return list[remoteRow]("cases", rows, err)
}

// needPhotos says which of the cases still need the photos that a holder has.
func (s *store) needPhotos(ctx context.Context, ids []string, holder string) ([]string, error) {
	var needed []string
	err := s.db.Pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(id::text), '{}') FROM registration_remote
		WHERE id = ANY ($1::uuid[]) AND photos AND holder = $2 AND state IN ('noticed', 'pictured', 'entered', 'faced', 'referred')`, ids, holder).Scan(&needed)
	if err != nil {
		return nil, fmt.Errorf("list cases with photos: %w", err)
	}
	return needed, nil
}

// referred lists the cases that wait for an officer, the longest first.
func (s *store) referred(ctx context.Context) ([]*remoteRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+remoteColumns+` FROM registration_remote WHERE state = 'referred' ORDER BY changed_at, id LIMIT 200`)
	return list[remoteRow]("cases", rows, err)
}

// dropPending deletes an account that was never active, with what was noted of it, for a case that is ending.
func dropPending(ctx context.Context, tx postgres.Tx, account, caseID string) error {
	if _, err := tx.Exec(ctx, `UPDATE registration_remote SET account = NULL, state = 'ended' WHERE id = $1`, caseID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registration_activity WHERE account = $1`, account); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM registration_account WHERE id = $1 AND state = 'pending'`, account)
	return err
}
