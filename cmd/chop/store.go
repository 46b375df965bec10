package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/signer/activation"
)

// record writes an audit event about what the command line itself did.
func (a *appliance) record(ctx context.Context, e audit.Event) error {
	e.At, e.Actor, e.Role = now(), localActor(), "operator"
	return a.db.InTx(ctx, func(tx pgx.Tx) error { return audit.Record(ctx, tx, e) })
}

// settleEvents brings the activation process's events that are on their way into the log, if it was ever started.
func (a *appliance) settleEvents(ctx context.Context) error {
	var there bool
	// Before its first start the schema is empty, and not ours to look into.
	if err := a.db.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid
			WHERE n.nspname = 'activation' AND c.relname = 'audit_pending' AND has_schema_privilege(n.oid, 'USAGE'))`).Scan(&there); err != nil {
		return fmt.Errorf("look for the activation process's events: %w", err)
	}
	if !there {
		return nil
	}
	_, err := activation.MoveEvents(ctx, a.db)
	return err
}
