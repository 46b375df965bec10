package activation

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema to this program's version, as its own role, and lets
// the appliance's role take events out of audit_pending, and nothing else.
func Migrate(ctx context.Context, db *postgres.DB, appliance string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read activation's migrations: %w", err)
	}
	if err := db.MigrateFiles(ctx, files, "activation.goose_db_version"); err != nil {
		return err
	}
	who := pgx.Identifier{appliance}.Sanitize()
	for _, grant := range []string{
		`GRANT USAGE ON SCHEMA activation TO ` + who,
		`GRANT SELECT, DELETE ON activation.audit_pending TO ` + who,
	} {
		if _, err := db.Pool.Exec(ctx, grant); err != nil {
			return fmt.Errorf("let %s take activation's events: %w", appliance, err)
		}
	}
	return nil
}

// MoveEvents takes activation's events into the appliance's log: run by the
// appliance, as its own role, every half second or so. It returns how many.
func MoveEvents(ctx context.Context, db *postgres.DB) (int64, error) {
	const columns = `id, at, actor, role, place, action, subject, reason, detail`
	tag, err := db.Pool.Exec(ctx, `
		WITH moved AS (
			DELETE FROM activation.audit_pending
			WHERE id IN (SELECT id FROM activation.audit_pending ORDER BY id LIMIT 1000)
			RETURNING `+columns+`)
		INSERT INTO public.audit_pending (`+columns+`) SELECT `+columns+` FROM moved`)
	if err != nil {
		return 0, fmt.Errorf("move activation's events: %w", err)
	}
	return tag.RowsAffected(), nil
}

// store is the package's SQL. Each write takes its event along.
type store struct{ db *postgres.DB }

// credentialRow is a credential as it is stored: nothing of it is believed yet.
type credentialRow struct {
	ID          string
	Account     string
	Binding     []byte
	Sealed      []byte
	Record      []byte
	Tag         []byte
	Version     int64
	State       string
	Stopped     bool
	Certificate []byte
	Statement   []byte
	SignCount   int64
	Approvals   int64

	spki []byte // SHA-256; of a new one
}

// credential reads a credential. ErrNotFound.
func (s *store) credential(ctx context.Context, id string) (*credentialRow, error) {
	var c credentialRow
	if _, err := uuid.Parse(id); err != nil {
		return nil, fmt.Errorf("credential: %w", ErrNotFound)
	}
	err := s.db.Pool.QueryRow(ctx, `
		SELECT id::text, account::text, binding, sealed, record, tag, version, state, stopped, certificate, statement, sign_count, approvals
		FROM activation.credential WHERE id = $1`, id).Scan(&c.ID, &c.Account, &c.Binding, &c.Sealed, &c.Record, &c.Tag,
		&c.Version, &c.State, &c.Stopped, &c.Certificate, &c.Statement, &c.SignCount, &c.Approvals)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("credential: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	return &c, nil
}

// batch runs statements with their events in one transaction, which other callers
// may share. Each statement must change as many rows as rows says (-1: any
// number); otherwise nothing counts, and the error is the one given.
func (s *store) batch(ctx context.Context, b *pgx.Batch, what string, otherwise error, rows []int64, events ...audit.Event) error {
	for _, e := range events {
		if err := audit.Queue(b, e); err != nil {
			return err
		}
	}
	err := s.db.InBatch(ctx, b, func(tags []pgconn.CommandTag) error {
		for i, n := range rows {
			if n >= 0 && tags[i].RowsAffected() != n {
				return otherwise
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// mint records a transaction. ErrBusy if one is open for the credential.
func (s *store) mint(ctx context.Context, t *transaction, e audit.Event) error {
	var b pgx.Batch
	b.Queue(`INSERT INTO activation.transaction (id, credential, service, documents, state, minted_at, not_after)
		VALUES ($1, $2, $3, $4, 'open', $5, $6)`, t.id, t.credential, t.service.ID, len(t.documents), t.minted, t.notAfter)
	err := s.batch(ctx, &b, "record transaction", nil, nil, e)
	if isViolation(err, "23505") {
		return fmt.Errorf("record transaction: %w", ErrBusy)
	}
	return err
}

// expire closes a credential's transaction whose time is over.
func (s *store) expire(ctx context.Context, credential string, now time.Time) error {
	_, err := s.db.Pool.Exec(ctx, `UPDATE activation.transaction SET state = 'expired', closed_at = $2
		WHERE credential = $1 AND state = 'open' AND not_after <= $2`, credential, now)
	if err != nil {
		return fmt.Errorf("close expired transaction: %w", err)
	}
	return nil
}

// expireAll closes every transaction and enrolment whose time is over.
func (s *store) expireAll(ctx context.Context, now, enrolBefore time.Time) error {
	var b pgx.Batch
	b.Queue(`UPDATE activation.transaction SET state = 'expired', closed_at = $1 WHERE state = 'open' AND not_after <= $1`, now)
	b.Queue(`UPDATE activation.enrolment SET state = 'expired', changed_at = $1
		WHERE state IN ('passkey', 'ticket', 'seal', 'sealing') AND begun_at < $2`, now, enrolBefore)
	b.Queue(`UPDATE activation.transaction SET signatures = NULL WHERE signatures IS NOT NULL AND closed_at < $1`, now.Add(-collectWithin))
	return s.batch(ctx, &b, "close what has expired", nil, nil)
}

// transactionRow is what is known of a transaction that is closed.
type transactionRow struct {
	Credential, State, Reason string
	Closed                    *time.Time
	Signatures                [][]byte
}

func (s *store) transaction(ctx context.Context, id string) (*transactionRow, error) {
	var t transactionRow
	err := s.db.Pool.QueryRow(ctx, `
		SELECT credential::text, state, reason, closed_at, signatures FROM activation.transaction WHERE id = $1`, id).
		Scan(&t.Credential, &t.State, &t.Reason, &t.Closed, &t.Signatures)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("transaction: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read transaction: %w", err)
	}
	return &t, nil
}

// intend records that the key is about to be used: once a transaction, and only
// while the credential is as it was judged. ErrUsed.
func (s *store) intend(ctx context.Context, t *transaction, version uint64) error {
	var b pgx.Batch
	b.Queue(`UPDATE activation.transaction SET state = 'approving'
		WHERE id = $1 AND state = 'open' AND credential = $2 AND EXISTS (
			SELECT FROM activation.credential WHERE id = $2 AND version = $3 AND state = 'active' AND NOT stopped)`,
		t.id, t.credential, int64(version))
	return s.batch(ctx, &b, "record the intent to sign", ErrUsed, []int64{1})
}

// signed records the signatures and their evidence, if the credential is still
// as it was before the key was used. ErrSuspended if not.
func (s *store) signed(ctx context.Context, t *transaction, version uint64, count uint32, signatures [][]byte, a *solecontrol.Approval, at time.Time, e audit.Event) error {
	var b pgx.Batch
	b.Queue(`UPDATE activation.credential SET approvals = approvals + 1, sign_count = $3
		WHERE id = $1 AND version = $2 AND state = 'active' AND NOT stopped`, t.credential, int64(version), int64(count))
	b.Queue(`UPDATE activation.transaction SET state = 'approved', closed_at = $2, signatures = $3
		WHERE id = $1 AND state = 'approving'`, t.id, at, signatures)
	b.Queue(`INSERT INTO activation.evidence (transaction, request, authenticator_data, client_data, assertion, device_signature, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, t.id, []byte(a.Request), []byte(a.Assertion.AuthenticatorData),
		[]byte(a.Assertion.ClientDataJSON), []byte(a.Assertion.Signature), orNull(a.DeviceSignature), at)
	return s.batch(ctx, &b, "record the signatures", ErrSuspended, []int64{1, 1, 1}, e)
}

func orNull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// closeTransaction closes one that is open, or that was about to sign; any other
// stays as it is. It says whether it did.
func (s *store) closeTransaction(ctx context.Context, id, state, reason string, at time.Time, e audit.Event) (bool, error) {
	var b pgx.Batch
	b.Queue(`UPDATE activation.transaction SET state = $2, reason = $3, closed_at = $4
		WHERE id = $1 AND state IN ('open', 'approving')`, id, state, reason, at)
	err := s.batch(ctx, &b, "close transaction", ErrUsed, []int64{1}, e)
	if errors.Is(err, ErrUsed) {
		return false, nil
	}
	return err == nil, err
}

// closeLeft closes what a former process left: its keys are gone with it.
func (s *store) closeLeft(ctx context.Context, at time.Time) (int64, error) {
	tag, err := s.db.Pool.Exec(ctx, `
		UPDATE activation.transaction SET state = CASE state WHEN 'open' THEN 'expired' ELSE 'failed' END,
		       reason = 'restarted', closed_at = $1
		WHERE state IN ('open', 'approving')`, at)
	if err != nil {
		return 0, fmt.Errorf("close what was left open: %w", err)
	}
	n := tag.RowsAffected()
	if tag, err = s.db.Pool.Exec(ctx, `
		UPDATE activation.enrolment SET state = 'failed', reason = 'restarted', changed_at = $1
		WHERE state IN ('passkey', 'ticket', 'seal', 'sealing')`, at); err != nil {
		return 0, fmt.Errorf("close what was left open: %w", err)
	}
	return n + tag.RowsAffected(), nil
}

// forget destroys the signatures of a transaction, or of all that closed before.
func (s *store) forget(ctx context.Context, id string, before time.Time) error {
	_, err := s.db.Pool.Exec(ctx, `UPDATE activation.transaction SET signatures = NULL
		WHERE signatures IS NOT NULL AND (id = $1 OR closed_at < $2)`, id, before)
	if err != nil {
		return fmt.Errorf("destroy collected signatures: %w", err)
	}
	return nil
}

// evidence reads what an approval left.
func (s *store) evidence(ctx context.Context, id string) (e Evidence, at time.Time, err error) {
	err = s.db.Pool.QueryRow(ctx, `
		SELECT request, authenticator_data, client_data, assertion, device_signature, at
		FROM activation.evidence WHERE transaction = $1`, id).
		Scan((*[]byte)(&e.Request), (*[]byte)(&e.AuthenticatorData), (*[]byte)(&e.ClientDataJSON), (*[]byte)(&e.Signature), (*[]byte)(&e.DeviceSignature), &at)
	if err != nil {
		return e, at, fmt.Errorf("read evidence: %w", err)
	}
	return e, at, nil
}

// change stores a credential's next record, if the one before is still there:
// false if another came between. What waits for an approval is cancelled, where
// the new record does not allow it; where there is no sealed key any more it is
// deleted. used, if any, is presented with it.
func (s *store) change(ctx context.Context, c *stored, next *solecontrol.Record, record, tag []byte, used *presented, at time.Time, e audit.Event) (bool, error) {
	var b pgx.Batch
	b.Queue(`UPDATE activation.credential SET record = $3, tag = $4, version = $5, state = $6, stopped = false, certificate = $7,
		       sealed = CASE WHEN $6 = 'destroyed' THEN NULL ELSE sealed END, changed_at = $8
		WHERE id = $1 AND version = $2`,
		c.row.ID, int64(c.record.Version), record, tag, int64(next.Version), string(next.State), c.row.Certificate, at)
	rows := []int64{1}
	if next.State != solecontrol.Active {
		b.Queue(`UPDATE activation.transaction SET state = 'cancelled', reason = $2, closed_at = $3
			WHERE credential = $1 AND state IN ('open', 'approving')`, c.row.ID, string(next.State), at)
	}
	if c.record.State == solecontrol.Made && next.State == solecontrol.Active {
		b.Queue(`UPDATE activation.enrolment SET state = 'issued', changed_at = $2 WHERE credential = $1`, c.row.ID, at)
	}
	if used != nil {
		used.queue(&b, at)
	}
	err := s.batch(ctx, &b, "store record", errRaced, rows, e)
	switch {
	case errors.Is(err, errRaced):
		return false, nil
	case isViolation(err, "23505"):
		return false, fmt.Errorf("present %s: %w", used.kind, ErrUsed)
	}
	return err == nil, err
}

var errRaced = errors.New("another change came between")

// stop refuses a credential without a record: the token did not answer.
func (s *store) stop(ctx context.Context, id string, at time.Time, e audit.Event) error {
	var b pgx.Batch
	b.Queue(`UPDATE activation.credential SET stopped = true, changed_at = $2 WHERE id = $1`, id, at)
	b.Queue(`UPDATE activation.transaction SET state = 'cancelled', reason = 'suspended', closed_at = $2
		WHERE credential = $1 AND state IN ('open', 'approving')`, id, at)
	return s.batch(ctx, &b, "stop credential", ErrNotFound, []int64{1, -1}, e)
}

// presented is a ticket or an order that may not come again.
type presented struct {
	digest solecontrol.Digest
	kind   string
	signed []byte
}

func (p *presented) queue(b *pgx.Batch, at time.Time) {
	b.Queue(`INSERT INTO activation.presented (digest, kind, signed, at) VALUES ($1, $2, $3, $4)`, p.digest[:], p.kind, p.signed, at)
}

// beginEnrolment records an enrolment.
func (s *store) beginEnrolment(ctx context.Context, e *enrolment, event audit.Event) error {
	var b pgx.Batch
	b.Queue(`INSERT INTO activation.enrolment (id, account, case_id, state, begun_at, changed_at)
		VALUES ($1, $2, $3, 'passkey', $4, $4)`, e.id, e.account, e.caseID, e.begun)
	return s.batch(ctx, &b, "record enrolment", nil, nil, event)
}

// moveEnrolment goes from one state to another, with what is presented. ErrUsed
// if it is not in that state, or if what is presented was presented before.
func (s *store) moveEnrolment(ctx context.Context, id, from, to, reason string, used *presented, at time.Time, events ...audit.Event) error {
	var b pgx.Batch
	b.Queue(`UPDATE activation.enrolment SET state = $3, reason = $4, changed_at = $5 WHERE id = $1 AND state = $2`, id, from, to, reason, at)
	if used != nil {
		used.queue(&b, at)
	}
	err := s.batch(ctx, &b, "move enrolment", ErrUsed, []int64{1}, events...)
	if isViolation(err, "23505") {
		return fmt.Errorf("present %s: %w", used.kind, ErrUsed)
	}
	return err
}

// made stores a new credential and closes its enrolment.
func (s *store) made(ctx context.Context, enrolment string, c *credentialRow, csr, attestation []byte, at time.Time, e audit.Event) error {
	var b pgx.Batch
	b.Queue(`INSERT INTO activation.credential (id, account, spki_sha256, binding, sealed, record, tag, version, state, statement, csr, attestation, sign_count, made_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`,
		c.ID, c.Account, c.spki, c.Binding, c.Sealed, c.Record, c.Tag, c.Version, c.State, c.Statement, csr, orNull(attestation), c.SignCount, at)
	b.Queue(`UPDATE activation.enrolment SET state = 'made', credential = $2, changed_at = $3 WHERE id = $1 AND state = 'sealing'`, enrolment, c.ID, at)
	return s.batch(ctx, &b, "store credential", ErrUsed, []int64{1, 1}, e)
}

// enrolmentRow is what is known of an enrolment, with the CSR and the statement
// once there is a key.
type enrolmentRow struct {
	State, Reason  string
	Credential     *string
	CSR, Statement []byte
}

func (s *store) enrolment(ctx context.Context, id string) (*enrolmentRow, error) {
	var e enrolmentRow
	err := s.db.Pool.QueryRow(ctx, `
		SELECT e.state, e.reason, e.credential::text, c.csr, c.statement
		FROM activation.enrolment e LEFT JOIN activation.credential c ON c.id = e.credential WHERE e.id = $1`, id).
		Scan(&e.State, &e.Reason, &e.Credential, &e.CSR, &e.Statement)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("enrolment: %w", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read enrolment: %w", err)
	}
	return &e, nil
}

// event writes an event that has nothing else with it.
func (s *store) event(ctx context.Context, e audit.Event) error {
	var b pgx.Batch
	return s.batch(ctx, &b, "record event", nil, nil, e)
}

func isViolation(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

// raised gives the versions of the credentials that were ever suspended.
func (s *store) raised(ctx context.Context, each func(id string, version uint64)) error {
	rows, err := s.db.Pool.Query(ctx, `SELECT id::text, version FROM activation.credential WHERE version > 2`)
	if err != nil {
		return fmt.Errorf("read versions: %w", err)
	}
	var id string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error { each(id, uint64(version)); return nil })
	if err != nil {
		return fmt.Errorf("read versions: %w", err)
	}
	return nil
}
