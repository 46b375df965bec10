package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Tx is the transaction that InTx hands out, named here for those who pass it on
// and write no SQL themselves.
type Tx = pgx.Tx

// txTries is how often InTx runs a transaction that the server keeps refusing.
const txTries = 8

// InTx runs fn in a transaction and commits it if fn returns nil; otherwise,
// or if fn panics, nothing of it remains. When the server answers that the
// transaction lost against another one (SQLSTATE 40001, 40P01), all of it is
// run again, so fn must have no effect outside of tx.
//
// The isolation is READ COMMITTED: what must not change under a transaction is
// locked with SELECT … FOR UPDATE or guarded by a constraint. A transaction is
// never held open across a signature or a socket.
func (db *DB) InTx(ctx context.Context, fn func(Tx) error) error {
	return repeated(ctx, func() error { return pgx.BeginFunc(ctx, db.Pool, fn) })
}

// repeated runs a transaction again while the server asks for it.
func repeated(ctx context.Context, run func() error) error {
	var err error
	for try := range txTries {
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				return fmt.Errorf("wait to repeat transaction: %w", err)
			}
		}
		err = run()
		if !lostRace(err) {
			return err
		}
	}
	return fmt.Errorf("transaction refused %d times: %w", txTries, err)
}

// lostRace reports whether the server asks for the transaction to be repeated:
// serialization_failure or deadlock_detected.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// pause waits a random time that doubles with each try, from 2 ms on, so that
// two transactions that met do not meet again.
func pause(ctx context.Context, try int) error {
	limit := 2 * time.Millisecond << try
	t := time.NewTimer(limit/2 + rand.N(limit/2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
