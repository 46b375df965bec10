package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// maxGroup is how many batches share a transaction at most, and maxLeaders how many such transactions run at once:
// while one waits for the disk, the next one gathers.
const (
	maxGroup   = 64
	maxLeaders = 2
)

// group gathers batches of callers that come at the same time, as PostgreSQL gathers their commits: under load, one
// BEGIN, one COMMIT and one round trip serve many.
type group struct {
	mu      sync.Mutex
	waiting []*member
	leaders int
}

// member is one caller's batch.
type member struct {
	batch *pgx.Batch
	check func([]pgconn.CommandTag) error
	done  chan error
}

// InBatch runs the statements of a batch in one transaction: all of them count, or none. check, if not nil, sees how
// many rows each statement changed, and what it returns instead of nil undoes them. All that has to be known before
// the first statement is sent must be in the batch, whose own callbacks (QueuedQuery.Exec and so on) are not used.
//
// Callers that come at the same time may share a transaction. If anything is wrong with one of them it is rolled
// back, and each gets one of its own: nobody fails for another's fault. A context that ends before the statements are
// sent takes them back; afterwards their outcome is waited for, so that the caller never has to guess.
func (db *DB) InBatch(ctx context.Context, b *pgx.Batch, check func([]pgconn.CommandTag) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{b, check, make(chan error, 1)}
	g := &db.group
	g.mu.Lock()
	g.waiting = append(g.waiting, m)
	leads := g.leaders < maxLeaders
	if leads {
		g.leaders++
	}
	g.mu.Unlock()
	if leads {
		go db.lead(context.WithoutCancel(ctx))
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		if g.leave(m) {
			return fmt.Errorf("wait for the transaction: %w", ctx.Err())
		}
		return <-m.done
	}
}

// leave takes a member out that no transaction has taken up yet.
func (g *group) leave(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, m)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(slices.Clone(g.waiting), i, i+1)
	return true
}

// lead runs what waits until nothing does.
func (db *DB) lead(ctx context.Context) {
	g := &db.group
	for {
		g.mu.Lock()
		n := min(len(g.waiting), maxGroup)
		if n == 0 {
			g.leaders--
			g.mu.Unlock()
			return
		}
		members := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.mu.Unlock()

		if len(members) > 1 && db.transact(ctx, members) == nil {
			for _, m := range members {
				m.done <- nil
			}
			continue
		}
		for _, m := range members {
			m.done <- repeated(ctx, func() error { return db.transact(ctx, []*member{m}) })
		}
	}
}

// transact runs the members' statements in one transaction.
func (db *DB) transact(ctx context.Context, members []*member) error {
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection that is still in a transaction is closed by the pool
	if err := send(ctx, conn.Conn(), members); err != nil {
		_, failed := conn.Exec(ctx, "ROLLBACK")
		return errors.Join(err, failed)
	}
	tag, err := conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// send sends BEGIN and all statements together, and has each member check its own.
func send(ctx context.Context, conn *pgx.Conn, members []*member) error {
	var all pgx.Batch
	all.Queue("BEGIN")
	for _, m := range members {
		for _, q := range m.batch.QueuedQueries { // queued anew: pgx notes in them what one connection knows
			all.Queue(q.SQL, q.Arguments...)
		}
	}
	results := conn.SendBatch(ctx, &all)
	tags := make([]pgconn.CommandTag, len(all.QueuedQueries))
	for i := range tags {
		var err error
		if tags[i], err = results.Exec(); err != nil {
			_ = results.Close() // repeats what is known
			return err
		}
	}
	if err := results.Close(); err != nil {
		return fmt.Errorf("end batch: %w", err)
	}
	tags = tags[1:]
	for _, m := range members {
		own := tags[:len(m.batch.QueuedQueries)]
		tags = tags[len(own):]
		if m.check == nil {
			continue
		}
		if err := m.check(own); err != nil {
			return err
		}
	}
	return nil
}
