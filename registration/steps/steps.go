// Package steps is the journal of acts that need several parties: the
// activation process, the portal's sessions, the issuing CA. The whole act is
// recorded as intended in the transaction that decides it; each step is done and
// then marked; whoever finds an act that is not finished, after a crash or while
// a party does not answer, goes on with the first step that is not marked.
//
// Every step must bear being done twice. One process at a time works on an act,
// by a lease that runs out by itself.
package steps

import (
	"context"
	"errors"
	"time"

	"chop/internal/postgres"
)

var (
	// ErrNone says that there is no such operation, or not in the state that was asked for.
	ErrNone = errors.New("no such operation")
	// ErrLeased says that another process works on it now.
	ErrLeased = errors.New("operation is being worked on")
)

// State of an operation.
type State string

// The states.
const (
	Waiting State = "waiting" // for signatures; nothing has been decided
	Open    State = "open"    // decided; steps are to be done
	Done    State = "done"
	Dropped State = "dropped" // ran out while it waited
)

// Operation is one act.
type Operation struct {
	ID        string     `db:"id"` // UUIDv7
	Account   string     `db:"account"`
	Kind      string     `db:"kind"` // suspend, resume, replace, upgrade, close
	State     State      `db:"state"`
	Actor     string     `db:"actor"`
	Role      string     `db:"role"`
	Place     string     `db:"place"`
	Reason    string     `db:"reason"`
	Payload   []byte     `db:"payload"`
	Done      []string   `db:"done"` // steps, in order
	Tries     int        `db:"tries"`
	CreatedAt time.Time  `db:"created_at"`
	ExpiresAt *time.Time `db:"expires_at"` // of one that waits
}

// Config is what a Book needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Book is the journal. It is safe for concurrent use.
type Book struct {
	cfg   Config
	store *store
}

// leaseTime is longer than any step takes: parties answer within 30 seconds or not at all.
const leaseTime = time.Minute

// New checks the configuration.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil {
		return nil, errors.New("new journal of operations: DB is wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Book{cfg, &store{cfg.DB}}, nil
}

// Begin records an operation in the caller's transaction, with a new id where it has none.
func (b *Book) Begin(ctx context.Context, tx postgres.Tx, o *Operation) error {
	o.CreatedAt = b.cfg.Now()
	return insert(ctx, tx, o)
}

// Get returns one.
func (b *Book) Get(ctx context.Context, id string) (*Operation, error) { return b.store.get(ctx, id) }

// OpenOf lists the operations of an account that are open, oldest first.
func (b *Book) OpenOf(ctx context.Context, account string) ([]*Operation, error) {
	return b.store.openOf(ctx, account)
}

// Lock reads an operation for the caller's transaction. ErrNone if it is not in the state.
func (b *Book) Lock(ctx context.Context, tx postgres.Tx, id string, s State) (*Operation, error) {
	return lock(ctx, tx, id, s)
}

// Update writes state and payload in the caller's transaction.
func (b *Book) Update(ctx context.Context, tx postgres.Tx, o *Operation) error {
	return update(ctx, tx, o, b.cfg.Now())
}

// DropOthers ends the operations of a kind that wait or are open, because another
// act decides otherwise. It returns until when one of them may still be worked on
// by a process that has not seen it; zero if there is none.
func (b *Book) DropOthers(ctx context.Context, tx postgres.Tx, account, kind string) (until time.Time, err error) {
	return dropOthers(ctx, tx, account, kind, b.cfg.Now())
}

// Lease takes one operation to work on. ErrLeased, ErrNone.
func (b *Book) Lease(ctx context.Context, id string) (*Operation, error) {
	now := b.cfg.Now()
	return b.store.lease(ctx, id, now, now.Add(leaseTime))
}

// Mark records that a step is done.
func (b *Book) Mark(ctx context.Context, o *Operation, step string) error {
	now := b.cfg.Now()
	if err := b.store.mark(ctx, o.ID, step, now, now.Add(leaseTime)); err != nil {
		return err
	}
	o.Done = append(o.Done, step)
	return nil
}

// Release gives an operation back that could not be finished, to be tried again: after 2 s, then 4, at most 5 minutes.
func (b *Book) Release(ctx context.Context, o *Operation) error {
	pause := min(2*time.Second<<min(o.Tries, 10), 5*time.Minute)
	return b.store.release(ctx, o.ID, b.cfg.Now().Add(pause))
}

// Due lists the ids of open operations that nobody works on, oldest first.
func (b *Book) Due(ctx context.Context) ([]string, error) { return b.store.due(ctx, b.cfg.Now()) }

// Drop ends those that waited for too long.
func (b *Book) Drop(ctx context.Context) (int, error) { return b.store.drop(ctx, b.cfg.Now()) }
