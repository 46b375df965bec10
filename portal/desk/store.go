package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
	"chop/registration"
)

func insertSession(ctx context.Context, db *postgres.DB, digest []byte, c registration.Caller, now, ends time.Time) error {
	_, err := db.Pool.Exec(ctx, `
		INSERT INTO desk_session (digest, actor, role, place, shift, created_at, used_at, ends_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7)`, digest, c.Actor, c.Role, c.Place, c.Shift, now, ends)
	if err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	return nil
}

// useSession returns the caller of a session that was used since the given time, and notes the use.
func useSession(ctx context.Context, db *postgres.DB, digest []byte, now, since time.Time) (*registration.Caller, error) {
	return scanSession(db.Pool.QueryRow(ctx, `
		UPDATE desk_session SET used_at = $2
		WHERE digest = $1 AND ends_at > $2 AND used_at > $3
		RETURNING actor, role, place, shift`, digest, now, since))
}

// lookAtSession returns the same, and notes nothing.
func lookAtSession(ctx context.Context, db *postgres.DB, digest []byte, now, since time.Time) (*registration.Caller, error) {
	return scanSession(db.Pool.QueryRow(ctx, `
		SELECT actor, role, place, shift FROM desk_session
		WHERE digest = $1 AND ends_at > $2 AND used_at > $3`, digest, now, since))
}

func scanSession(row pgx.Row) (*registration.Caller, error) {
	var c registration.Caller
	err := row.Scan(&c.Actor, &c.Role, &c.Place, &c.Shift)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	return &c, nil
}

func deleteSession(ctx context.Context, db *postgres.DB, digest []byte) error {
	if _, err := db.Pool.Exec(ctx, `DELETE FROM desk_session WHERE digest = $1`, digest); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

func deleteSessions(ctx context.Context, db *postgres.DB, now time.Time) error {
	if _, err := db.Pool.Exec(ctx, `DELETE FROM desk_session WHERE ends_at <= $1`, now); err != nil {
		return fmt.Errorf("delete old sessions: %w", err)
	}
	return nil
}
