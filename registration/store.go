package registration

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

// store is the SQL of this package.
type store struct{ db *postgres.DB }

type accountRow struct {
	ID         string       `db:"id"`
	Kind       Kind         `db:"kind"`
	State      AccountState `db:"state"`
	SRN        string       `db:"srn"`
	UserHandle []byte       `db:"user_handle"`
	Language   string       `db:"language"`
	Place      string       `db:"place"`
	Credential *string      `db:"credential"`
	Serial     []byte       `db:"serial"`
	Agreement  *string      `db:"agreement"`
	AgreedAt   *time.Time   `db:"agreed_at"`
	OpenedAt   time.Time    `db:"opened_at"`
	ActiveAt   *time.Time   `db:"active_at"`
	ChangedAt  time.Time    `db:"changed_at"`
	StoppedAt  *time.Time   `db:"stopped_at"`
}

const accountColumns = `id::text, kind, state, srn, user_handle, language, place, credential, serial, agreement, agreed_at, opened_at, active_at, changed_at, stopped_at`

type caseRow struct {
	ID           string     `db:"id"`
	Account      *string    `db:"account"`
	Kind         Kind       `db:"kind"`
	State        CaseState  `db:"state"`
	Place        string     `db:"place"`
	Source       string     `db:"source"`
	Officer      string     `db:"officer"`
	Second       *string    `db:"second"`
	Nonce        []byte     `db:"nonce"`
	CardDigest   []byte     `db:"card_digest"`
	Confirmation *string    `db:"confirmation"`
	Waiting      string     `db:"waiting"`
	Outcome      string     `db:"outcome"`
	Token        []byte     `db:"token"`
	TokenUntil   *time.Time `db:"token_until"`
	Desk         []byte     `db:"desk"`
	Number       string     `db:"number"`
	Phone        []byte     `db:"phone"`
	Agreement    *string    `db:"agreement"`
	AgreedAt     *time.Time `db:"agreed_at"`
	Enrolment    *string    `db:"enrolment"`
	Ticket       []byte     `db:"ticket"`
	Envelope     []byte     `db:"envelope"`
	Credential   *string    `db:"credential"`
	Serial       []byte     `db:"serial"`
	OpenedAt     time.Time  `db:"opened_at"`
	ChangedAt    time.Time  `db:"changed_at"`
	ExpiresAt    time.Time  `db:"expires_at"`
	Purpose      Purpose    `db:"purpose"`
	Replaces     *string    `db:"replaces"`
	DeviceActive bool       `db:"device_active"`
	Passkey      []byte     `db:"passkey"`
}

const caseColumns = `id::text, account::text, kind, state, place, source, officer, second, nonce, card_digest, confirmation::text, waiting, outcome, token, token_until,
	desk, number, phone, agreement, agreed_at, enrolment, ticket, envelope, credential, serial, opened_at, changed_at, expires_at, purpose, replaces, device_active, passkey`

func collect[T any](what string, none error, rows pgx.Rows, err error) (*T, error) {
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, none
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return v, nil
}

func list[T any](what string, rows pgx.Rows, err error) ([]*T, error) {
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	v, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return v, nil
}

// violates names the unique constraint that a statement met, or "".
func violates(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return pg.ConstraintName
	}
	return ""
}

// record runs a change and its audit events in one transaction.
func (s *store) record(ctx context.Context, change func(tx postgres.Tx) ([]audit.Event, error)) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		events, err := change(tx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := audit.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *store) account(ctx context.Context, id string) (*accountRow, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoAccount
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT `+accountColumns+` FROM registration_account WHERE id = $1`, id)
	return collect[accountRow]("account", ErrNoAccount, rows, err)
}

func (s *store) accountByHandle(ctx context.Context, handle []byte) (*accountRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+accountColumns+` FROM registration_account WHERE user_handle = $1`, handle)
	return collect[accountRow]("account", ErrNoAccount, rows, err)
}

func lockAccount(ctx context.Context, tx pgx.Tx, id string) (*accountRow, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoAccount
	}
	rows, err := tx.Query(ctx, `SELECT `+accountColumns+` FROM registration_account WHERE id = $1 FOR UPDATE`, id)
	return collect[accountRow]("account", ErrNoAccount, rows, err)
}

// insertAccount: errSRN if the reference number is somebody's.
func insertAccount(ctx context.Context, tx pgx.Tx, a *accountRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO registration_account (id, kind, state, srn, user_handle, language, place, opened_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		a.ID, a.Kind, a.State, a.SRN, a.UserHandle, a.Language, a.Place, a.OpenedAt)
	if violates(err) == "registration_account_srn_key" {
		return errSRN
	}
	return err
}

// errSRN: a subscriber reference number was drawn that exists.
var errSRN = errors.New("reference number exists")

func updateAccount(ctx context.Context, tx pgx.Tx, a *accountRow) error {
	_, err := tx.Exec(ctx, `
		UPDATE registration_account SET kind = $2, state = $3, language = $4, credential = $5, serial = $6, agreement = $7, agreed_at = $8,
			active_at = $9, changed_at = $10, stopped_at = $11
		WHERE id = $1`,
		a.ID, a.Kind, a.State, a.Language, a.Credential, a.Serial, a.Agreement, a.AgreedAt, a.ActiveAt, a.ChangedAt, a.StoppedAt)
	return err
}

// deleteAccount deletes one that was never active, with its passkeys and what was
// noted of it, for a case that ends in the state to.
func deleteAccount(ctx context.Context, tx pgx.Tx, id, caseID string, to CaseState) error {
	if _, err := tx.Exec(ctx, `UPDATE registration_case SET account = NULL, state = $2 WHERE id = $1`, caseID, to); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registration_activity WHERE account = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM registration_account WHERE id = $1 AND state = 'pending'`, id)
	return err
}

// insertCase: ErrRegistered if the account has an open case, or there is one with that id.
func insertCase(ctx context.Context, tx pgx.Tx, c *caseRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO registration_case (id, account, kind, state, place, source, officer, nonce, card_digest, opened_at, changed_at, expires_at, purpose)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12)`,
		c.ID, c.Account, c.Kind, c.State, c.Place, c.Source, c.Officer, c.Nonce, c.CardDigest, c.OpenedAt, c.ExpiresAt, c.Purpose)
	if v := violates(err); v == "registration_case_open" || v == "registration_case_pkey" {
		return ErrRegistered
	}
	return err
}

func (s *store) getCase(ctx context.Context, id string) (*caseRow, error) {
	if uuid.Validate(id) != nil {
		return nil, ErrNoCase
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT `+caseColumns+` FROM registration_case WHERE id = $1`, id)
	return collect[caseRow]("case", ErrNoCase, rows, err)
}

// caseBy finds a case by the digest of a token or of a phone's secret.
func (s *store) caseBy(ctx context.Context, column string, digest []byte) (*caseRow, error) {
	query := `SELECT ` + caseColumns + ` FROM registration_case WHERE token = $1`
	if column == "phone" {
		query = `SELECT ` + caseColumns + ` FROM registration_case WHERE phone = $1`
	}
	rows, err := s.db.Pool.Query(ctx, query, digest)
	return collect[caseRow]("case", ErrToken, rows, err)
}

// changeCase is change for a case. ErrRegistered if its account has another one that is open.
func (s *store) changeCase(ctx context.Context, id string, fn func(tx postgres.Tx, c *caseRow) ([]audit.Event, error)) error {
	return change(ctx, s, cases, caseColumns, id, func(tx postgres.Tx, c *caseRow) error {
		_, err := tx.Exec(ctx, `
			UPDATE registration_case SET account = $2, state = $3, second = $4, card_digest = $5, confirmation = $6::text::json, waiting = $7, outcome = $8,
				token = $9, token_until = $10, desk = $11, number = $12, phone = $13, agreement = $14, agreed_at = $15, enrolment = $16, ticket = $17,
				envelope = $18, credential = $19, serial = $20, changed_at = $21, expires_at = $22, replaces = $23, device_active = $24, passkey = $25
			WHERE id = $1`,
			c.ID, c.Account, c.State, c.Second, c.CardDigest, c.Confirmation, c.Waiting, c.Outcome,
			c.Token, c.TokenUntil, c.Desk, c.Number, c.Phone, c.Agreement, c.AgreedAt, c.Enrolment, c.Ticket,
			c.Envelope, c.Credential, c.Serial, c.ChangedAt, c.ExpiresAt, c.Replaces, c.DeviceActive, c.Passkey)
		if violates(err) == "registration_case_open" {
			return ErrRegistered
		}
		return err
	}, fn)
}

func (s *store) openCases(ctx context.Context, place string) ([]*caseRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+caseColumns+` FROM registration_case WHERE place = $1 AND state NOT IN ('done', 'refused', 'ended') ORDER BY opened_at DESC, id LIMIT 200`, place)
	return list[caseRow]("cases", rows, err)
}

// kioskCases lists those that a kiosk opened and no phone is bound to.
func (s *store) kioskCases(ctx context.Context) ([]*caseRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+caseColumns+` FROM registration_case
		WHERE state IN ('confirmed', 'verified', 'scanned') AND officer LIKE 'kiosk:%' ORDER BY opened_at, id LIMIT 500`)
	return list[caseRow]("cases of kiosks", rows, err)
}

func (s *store) casesOf(ctx context.Context, account string) ([]*caseRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+caseColumns+` FROM registration_case WHERE account = $1 ORDER BY opened_at DESC, id LIMIT 200`, account)
	return list[caseRow]("cases", rows, err)
}

// dueCases lists those that housekeeping has something to do with: to be driven on, or over.
func (s *store) dueCases(ctx context.Context, now time.Time) ([]*caseRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+caseColumns+` FROM registration_case
		WHERE state NOT IN ('done', 'refused', 'ended') AND leased_until <= $1
			AND (state IN ('enrolling', 'ticketed', 'made', 'issued') OR expires_at <= $1)
		ORDER BY opened_at, id LIMIT 500`, now)
	return list[caseRow]("cases", rows, err)
}

type passkeyRow struct {
	ID      []byte     `db:"id"`
	Account string     `db:"account"`
	Record  []byte     `db:"record"`
	Name    string     `db:"name"`
	AddedAt time.Time  `db:"added_at"`
	UsedAt  *time.Time `db:"used_at"`
}

const passkeyColumns = `id, account::text, record, name, added_at, used_at`

func (s *store) passkeys(ctx context.Context, account string) ([]*passkeyRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+passkeyColumns+` FROM registration_passkey WHERE account = $1 ORDER BY added_at, id`, account)
	return list[passkeyRow]("passkeys", rows, err)
}

func (s *store) passkey(ctx context.Context, id []byte) (*passkeyRow, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+passkeyColumns+` FROM registration_passkey WHERE id = $1`, id)
	return collect[passkeyRow]("passkey", ErrNoAccount, rows, err)
}

// putPasskey: ErrPasskey if it is another account's. added says that it is new.
func putPasskey(ctx context.Context, tx pgx.Tx, account string, p Passkey, now time.Time) (added bool, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO registration_passkey AS p (id, account, record, name, added_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET record = $3, name = $4 WHERE p.account = $2
		RETURNING xmax = 0`, p.ID, account, p.Record, p.Name, now).Scan(&added)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, ErrPasskey
	}
	return added, err
}

// removePasskeys removes one, or all but one: keep, or all with a nil keep and id. It returns how many are left.
func removePasskeys(ctx context.Context, tx pgx.Tx, account string, id, keep []byte) (removed, left int, err error) {
	tag, err := tx.Exec(ctx, `
		DELETE FROM registration_passkey WHERE account = $1 AND ($2::bytea IS NULL OR id = $2) AND ($3::bytea IS NULL OR id <> $3)`, account, id, keep)
	if err != nil {
		return 0, 0, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM registration_passkey WHERE account = $1`, account).Scan(&left)
	return int(tag.RowsAffected()), left, err
}

func (s *store) passkeyUsed(ctx context.Context, account string, id, record []byte, now time.Time) error {
	tag, err := s.db.Pool.Exec(ctx, `UPDATE registration_passkey SET record = $3, used_at = $4 WHERE id = $2 AND account = $1`, account, id, record, now)
	if err != nil {
		return fmt.Errorf("note passkey's use: %w", err)
	}
	if tag.RowsAffected() != 1 {
		return ErrNoAccount
	}
	return nil
}

func addActivity(ctx context.Context, tx pgx.Tx, account string, a Activity) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make activity id: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration_activity (id, account, at, who, place, what) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, account, a.At, a.Who, a.Place, a.What)
	return err
}

func (s *store) activity(ctx context.Context, account string, limit int) ([]*Activity, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT at, who, place, what FROM registration_activity WHERE account = $1 ORDER BY at DESC, id DESC LIMIT $2`, account, limit)
	return list[Activity]("activity", rows, err)
}

func insertProved(ctx context.Context, tx pgx.Tx, token []byte, account, officer string, until time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO registration_proved (token, account, officer, until) VALUES ($1, $2, $3, $4)`, token, account, officer, until)
	return err
}

// takeProved uses a verified caller's token up. ErrProof.
func takeProved(ctx context.Context, tx pgx.Tx, token []byte, account, officer string, now time.Time) error {
	tag, err := tx.Exec(ctx, `DELETE FROM registration_proved WHERE token = $1 AND account = $2 AND officer = $3 AND until > $4`, token, account, officer, now)
	if err == nil && tag.RowsAffected() != 1 {
		return ErrProof
	}
	return err
}

// takeStop uses a notice's link up. ErrToken.
func takeStop(ctx context.Context, tx pgx.Tx, notice, account string, now time.Time) error {
	tag, err := tx.Exec(ctx, `INSERT INTO registration_stop (notice, account, used_at) VALUES ($1, $2, $3) ON CONFLICT (notice) DO NOTHING`, notice, account, now)
	if err == nil && tag.RowsAffected() != 1 {
		return ErrToken
	}
	return err
}

// sweepStops forgets links that were used before a time.
func (s *store) sweepStops(ctx context.Context, before time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `DELETE FROM registration_stop WHERE used_at < $1`, before); err != nil {
		return fmt.Errorf("sweep links: %w", err)
	}
	return nil
}

func (s *store) sweepProved(ctx context.Context, now time.Time) error {
	if _, err := s.db.Pool.Exec(ctx, `DELETE FROM registration_proved WHERE until <= $1`, now); err != nil {
		return fmt.Errorf("sweep verified callers: %w", err)
	}
	return nil
}
