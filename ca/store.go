package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/audit"
	"chop/internal/postgres"
)

// store is the package's SQL. The rules that must hold whatever a program does
// are constraints in the schema; their violations come back as our errors.
type store struct {
	db   *postgres.DB
	open *questions
}

func newStore(db *postgres.DB) *store {
	s := &store{db: db}
	s.open = &questions{all: s.findAll, one: s.findOne}
	return s
}

// reservation is a certificate before it is signed.
type reservation struct {
	ID           uuid.UUID
	Issuer       []byte
	Serial       []byte
	Profile      string
	Shard        int
	SPKI         []byte // SHA-256
	Credential   string
	Subject      string
	NotBefore    time.Time
	NotAfter     time.Time
	TBS          []byte // SHA-256
	At           time.Time
	IssuerParent []byte // the issuing CA's own record: issuer and serial; nil for a root
	IssuerSerial []byte

	Statement, StatementDigest []byte // nil where the profile needs none
}

// reserve records a certificate in state 'wait', in one statement: the switch,
// the issuer's own status, the key's owner, what became of the key and the serial
// are judged together.
func (s *store) reserve(ctx context.Context, r *reservation) error {
	tag, err := s.db.Pool.Exec(ctx, `
		WITH may AS (
			SELECT 1
			WHERE NOT EXISTS (SELECT FROM ca_stop WHERE profile IN ($4, '*'))
			  AND ($13::bytea IS NULL OR EXISTS (
			      SELECT FROM ca_certificate WHERE issuer = $13 AND serial = $14 AND status = 'good'))
			  AND NOT EXISTS (`+compromised+`$6)
		), key AS (
			INSERT INTO ca_key (spki_sha256, credential) SELECT $6, $7 FROM may
			ON CONFLICT (spki_sha256) DO NOTHING
		)
		INSERT INTO ca_certificate (id, issuer, serial, profile, shard, spki_sha256, credential, subject,
		                            not_before, not_after, tbs_sha256, reserved_at, status, statement, statement_sha256)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'wait', $15, $16 FROM may`,
		r.ID, r.Issuer, r.Serial, r.Profile, r.Shard, r.SPKI, r.Credential, r.Subject,
		r.NotBefore, r.NotAfter, r.TBS, r.At, r.IssuerParent, r.IssuerSerial, r.Statement, r.StatementDigest)
	switch {
	case isViolation(err, "23505", "ca_certificate_statement"):
		return fmt.Errorf("%w: it was used already", ErrStatement)
	case isViolation(err, "23503"): // foreign key: the pair of key and credential
		return ErrKeyTaken
	case err != nil:
		return fmt.Errorf("record certificate before signing: %w", err)
	case tag.RowsAffected() == 0:
		return s.whyNot(ctx, r.Profile, r.SPKI)
	}
	return nil
}

// compromised finds the certificates that were revoked because somebody else had
// the key: nobody may have another for it (keyCompromise, cACompromise).
const compromised = `SELECT FROM ca_certificate k JOIN ca_status s ON s.certificate_id = k.id AND s.version = k.version
	WHERE s.status = 'revoked' AND s.reason IN (1, 2) AND k.spki_sha256 = `

func (s *store) whyNot(ctx context.Context, profile string, spki []byte) error {
	var lost bool
	if err := s.db.Pool.QueryRow(ctx, `SELECT EXISTS (`+compromised+`$1)`, spki).Scan(&lost); err != nil {
		return fmt.Errorf("ask why issuance is refused: %w", err)
	}
	if lost {
		return ErrCompromised
	}
	var reason string
	err := s.db.Pool.QueryRow(ctx, `SELECT reason FROM ca_stop WHERE profile IN ($1, '*') ORDER BY profile DESC LIMIT 1`, profile).Scan(&reason)
	switch {
	case err == nil:
		return fmt.Errorf("%w under profile %q: %s", ErrStopped, profile, reason)
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%w: its certificate is not recorded as good", ErrIssuer)
	}
	return fmt.Errorf("ask why issuance is refused: %w", err)
}

func isViolation(err error, code string, constraint ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code && (constraint == nil || constraint[0] == pg.ConstraintName)
}

// finish stores the signed certificate: from here on it is good.
func (s *store) finish(ctx context.Context, id uuid.UUID, der []byte, at time.Time, e audit.Event) error {
	return s.close(ctx, id, "good", der, at, e)
}

// abandon closes a record whose certificate is never released.
func (s *store) abandon(ctx context.Context, id uuid.UUID, at time.Time, e audit.Event) error {
	return s.close(ctx, id, "abandoned", nil, at, e)
}

func (s *store) close(ctx context.Context, id uuid.UUID, status string, der []byte, at time.Time, e audit.Event) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		b := new(pgx.Batch)
		b.Queue(`INSERT INTO ca_status (certificate_id, version, status, reason, at, since) VALUES ($1, 1, $2, 0, $3, $3)`, id, status, at)
		b.Queue(`UPDATE ca_certificate SET status = $2, version = 1, certificate = $3 WHERE id = $1 AND status = 'wait'`, id, status, der)
		res := tx.SendBatch(ctx, b)
		_, err := res.Exec()
		if err == nil {
			_, err = res.Exec()
		}
		if cerr := res.Close(); err == nil {
			err = cerr
		}
		if isViolation(err, "23505") { // it has a status already
			return ErrAbandoned
		}
		if err != nil {
			return fmt.Errorf("store certificate as %s: %w", status, err)
		}
		return audit.Record(ctx, tx, e)
	})
}

// waiting lists the records in state 'wait' that are older than before.
func (s *store) waiting(ctx context.Context, issuer []byte, before time.Time) ([]reservation, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT id, serial, profile, reserved_at AS at FROM ca_certificate
		WHERE status = 'wait' AND issuer = $1 AND reserved_at < $2 ORDER BY reserved_at LIMIT 1000`, issuer, before)
	if err != nil {
		return nil, fmt.Errorf("list unfinished issuances: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[reservation])
	if err != nil {
		return nil, fmt.Errorf("list unfinished issuances: %w", err)
	}
	return list, nil
}

// record is what is known of a certificate.
type record struct {
	ID       uuid.UUID
	Serial   []byte
	Profile  string
	Status   string
	Version  int
	Reason   ReasonCode
	At       time.Time // of the last change
	Since    time.Time
	NotAfter time.Time
	Reserved time.Time
}

const recordColumns = `c.id, c.serial, c.profile, c.status, s.version, s.reason, s.at, s.since, c.not_after, c.reserved_at AS reserved
	FROM ca_certificate c JOIN ca_status s ON s.certificate_id = c.id AND s.version = c.version `

// find looks a certificate up, together with whoever else asks now.
func (s *store) find(ctx context.Context, issuer []byte, serial *big.Int) (record, error) {
	return s.open.find(ctx, issuerSerial{string(issuer), string(serial.Bytes())})
}

func (s *store) findOne(ctx context.Context, n issuerSerial) (record, error) {
	return one[record](ctx, s.db.Pool, `SELECT `+recordColumns+`WHERE c.issuer = $1 AND c.serial = $2`, []byte(n.issuer), []byte(n.serial))
}

func (s *store) findAll(ctx context.Context, names []issuerSerial) (map[issuerSerial]record, error) {
	issuers, serials := make([][]byte, len(names)), make([][]byte, len(names))
	for i, n := range names {
		issuers[i], serials[i] = []byte(n.issuer), []byte(n.serial)
	}
	rows, err := s.db.Pool.Query(ctx, `SELECT c.issuer, `+recordColumns+`
		WHERE (c.issuer, c.serial) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[]))`, issuers, serials)
	if err != nil {
		return nil, fmt.Errorf("look up certificates: %w", err)
	}
	type own struct {
		Issuer []byte
		record
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[own])
	if err != nil {
		return nil, fmt.Errorf("look up certificates: %w", err)
	}
	known := make(map[issuerSerial]record, len(list))
	for _, r := range list {
		known[issuerSerial{string(r.Issuer), string(r.Serial)}] = r.record
	}
	return known, nil
}

// one collects a single row; none is ErrUnknownSerial.
func one[T any](ctx context.Context, q interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, sql string, args ...any) (T, error) {
	var zero T
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return zero, fmt.Errorf("look up certificate: %w", err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return zero, ErrUnknownSerial
	case err != nil:
		return zero, fmt.Errorf("look up certificate: %w", err)
	}
	return v, nil
}

// change moves a certificate to the status that decide returns for its present
// one, with the audit event in the same transaction.
func (s *store) change(ctx context.Context, issuer []byte, serial *big.Int, decide func(record) (record, error), event func(before, after record) audit.Event) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		// The lock is a statement of its own: one that also read the status would, after waiting for another change, join
		// the certificate's new row with the history as it was before, and find nothing.
		if _, err := tx.Exec(ctx, `SELECT FROM ca_certificate WHERE issuer = $1 AND serial = $2 FOR UPDATE`, issuer, serial.Bytes()); err != nil {
			return fmt.Errorf("lock certificate: %w", err)
		}
		before, err := one[record](ctx, tx, `SELECT `+recordColumns+`WHERE c.issuer = $1 AND c.serial = $2`, issuer, serial.Bytes())
		if err != nil {
			return err
		}
		after, err := decide(before)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO ca_status (certificate_id, version, status, previous_version, previous_status, reason, at, since)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			before.ID, before.Version+1, after.Status, before.Version, before.Status, int(after.Reason), after.At, after.Since); err != nil {
			return fmt.Errorf("record status: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE ca_certificate SET status = $2, version = $3 WHERE id = $1`, before.ID, after.Status, before.Version+1); err != nil {
			return fmt.Errorf("set status: %w", err)
		}
		return audit.Record(ctx, tx, event(before, after))
	})
}

type storedCertificate struct{ Certificate []byte }

func (s *store) certificate(ctx context.Context, issuer []byte, serial *big.Int) (*x509.Certificate, error) {
	c, err := one[storedCertificate](ctx, s.db.Pool, `SELECT certificate FROM ca_certificate
		WHERE issuer = $1 AND serial = $2 AND certificate IS NOT NULL`, issuer, serial.Bytes())
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(c.Certificate)
}

// newest returns the good certificate of the profile and key, or with no key of any, that ends last.
func (s *store) newest(ctx context.Context, issuer []byte, profile string, spki []byte) (*x509.Certificate, error) {
	c, err := one[storedCertificate](ctx, s.db.Pool, `SELECT certificate FROM ca_certificate
		WHERE issuer = $1 AND profile = $2 AND ($3::bytea IS NULL OR spki_sha256 = $3) AND status = 'good'
		ORDER BY not_after DESC, reserved_at DESC LIMIT 1`, issuer, profile, spki)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(c.Certificate)
}

// issuedBetween lists certificates reserved after one time and until another,
// oldest first, for probing.
func (s *store) issuedBetween(ctx context.Context, issuer []byte, after, until time.Time, limit int) ([]record, error) {
	rows, err := s.db.Pool.Query(ctx, `SELECT `+recordColumns+`
		WHERE c.issuer = $1 AND c.reserved_at > $2 AND c.reserved_at <= $3 AND c.status = 'good' AND s.version = 1
		ORDER BY c.reserved_at LIMIT $4`, issuer, after, until, limit)
	if err != nil {
		return nil, fmt.Errorf("list new certificates: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[record])
	if err != nil {
		return nil, fmt.Errorf("list new certificates: %w", err)
	}
	return list, nil
}

// setStop throws the switch of a profile.
func (s *store) setStop(ctx context.Context, profile string, stop bool, e audit.Event) error {
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		sql, args := `DELETE FROM ca_stop WHERE profile = $1`, []any{profile}
		if stop {
			sql = `INSERT INTO ca_stop (profile, at, actor, reason) VALUES ($1, $2, $3, $4)
				ON CONFLICT (profile) DO UPDATE SET at = excluded.at, actor = excluded.actor, reason = excluded.reason`
			args = append(args, e.At, e.Actor, e.Reason)
		}
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return fmt.Errorf("set issuance switch: %w", err)
		}
		return audit.Record(ctx, tx, e)
	})
}
