package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
)

// record writes an audit event about what the command line itself did.
func (a *appliance) record(ctx context.Context, e audit.Event) error {
	e.At, e.Actor, e.Role = now(), localActor(), "operator"
	return a.db.InTx(ctx, func(tx pgx.Tx) error { return audit.Record(ctx, tx, e) })
}
