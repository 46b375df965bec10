// Package attempts counts what may be tried only so often (guesses at the
// hotline, look-ups by an officer, scans of a code), refuses beyond that, and
// reports to supervisors when it first does.
//
// A count belongs to a window that begins with its first attempt. It is kept in
// the database, so that all processes count together, and it is taken before the
// attempt is judged: whoever tries twice at the same moment is counted twice.
package attempts

import (
	"context"
	"errors"
	"time"

	"chop/internal/postgres"
)

// ErrTooMany says that the limit is reached; the window's end makes room again.
var ErrTooMany = errors.New("too many attempts")

// Config is what a Book needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Book keeps the counts. It is safe for concurrent use.
type Book struct {
	cfg   Config
	store *store
}

// New checks the configuration.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil {
		return nil, errors.New("new book of attempts: DB is wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Book{cfg, &store{cfg.DB}}, nil
}

// Limit is how many attempts of a kind a key has in a window.
type Limit struct {
	Kind   string // "find", "proof-account"
	Most   int
	Window time.Duration
	// Alarm is after how many attempts it is reported though they still go on; 0: not before Most.
	Alarm int
}

// Who is noted with an alarm.
type Who struct{ Actor, Role, Place string }

// Take counts one attempt. Key is an officer, an account or a digest, never a
// personal datum. ErrTooMany beyond the limit; the first attempt beyond it is an
// alarm, and an audit event.
func (b *Book) Take(ctx context.Context, l Limit, key string, who Who) error {
	return b.store.take(ctx, l, key, who, b.cfg.Now())
}

// Blocked says, without counting, whether the limit is reached.
func (b *Book) Blocked(ctx context.Context, l Limit, key string) error {
	n, err := b.store.count(ctx, l, key, b.cfg.Now())
	if err != nil {
		return err
	}
	if n >= l.Most {
		return ErrTooMany
	}
	return nil
}

// Left says, without counting, how many attempts there are still.
func (b *Book) Left(ctx context.Context, l Limit, key string) (int, error) {
	n, err := b.store.count(ctx, l, key, b.cfg.Now())
	return max(0, l.Most-n), err
}

// Forget ends a count: what was guessed at is known.
func (b *Book) Forget(ctx context.Context, kind, key string) error {
	return b.store.forget(ctx, kind, key)
}

// Sweep deletes counts whose window ended a day ago.
func (b *Book) Sweep(ctx context.Context) error {
	return b.store.sweep(ctx, b.cfg.Now().Add(-24*time.Hour))
}

// Alarm is one report.
type Alarm struct {
	ID    string    `db:"id"`
	At    time.Time `db:"at"`
	Kind  string    `db:"kind"`
	Key   string    `db:"key"`
	Actor string    `db:"actor"`
	Place string    `db:"place"`
}

// Raise reports something to supervisors that no count knows of.
func (b *Book) Raise(ctx context.Context, tx postgres.Tx, kind, key string, who Who) error {
	return raise(ctx, tx, kind, key, who, b.cfg.Now())
}

// Alarms lists the newest, at most limit.
func (b *Book) Alarms(ctx context.Context, limit int) ([]Alarm, error) {
	return b.store.alarms(ctx, limit)
}
