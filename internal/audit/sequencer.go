package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// maxBatch bounds the memory of one pass, and how long it holds the head.
const maxBatch = 2000

// Config of a Sequencer.
type Config struct {
	DB  *postgres.DB
	Log *slog.Logger     // told when sequencing fails, and when it works again; nil discards
	Now func() time.Time // when a batch is closed; nil means time.Now
	// Every is the time between two passes; 0 means 500 ms. It bounds how long
	// an event stays unprotected.
	Every time.Duration
}

// Sequencer gives committed events their places in the log. Any number of them
// may run, in one process or in several: the head's row lock lets one work.
type Sequencer struct{ cfg Config }

// NewSequencer checks the configuration; Run starts the work.
func NewSequencer(cfg Config) (*Sequencer, error) {
	if cfg.DB == nil {
		return nil, errors.New("audit sequencer: no database")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Every < 0 {
		return nil, fmt.Errorf("audit sequencer: Every is %v", cfg.Every)
	}
	if cfg.Every == 0 {
		cfg.Every = 500 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sequencer{cfg: cfg}, nil
}

// Run sequences until ctx ends, and then once more, so that a stop in good order
// leaves no unsequenced tail. A failure is logged once and tried again: the
// appliance goes on, and Verify reports the tail.
func (s *Sequencer) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	failing := false
	for {
		_, err := s.Drain(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			s.cfg.Log.Error("audit events cannot be sequenced", "err", err)
			failing = true
		case err == nil && failing:
			s.cfg.Log.Info("audit events are sequenced again")
			failing = false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_, err := s.Drain(last)
			return err
		}
	}
}

// Drain makes passes until one finds less than a full batch, and returns how
// many events got their places.
func (s *Sequencer) Drain(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := pass(ctx, s.cfg.DB, s.cfg.Now)
		total += n
		if err != nil || n < maxBatch {
			return total, err
		}
	}
}

// Sequence makes one pass, for a command that ends right after its work: what
// was committed before it has its place afterwards, unless over 2000 events
// waited. It returns how many events it gave a place.
func Sequence(ctx context.Context, db *postgres.DB) (int, error) {
	return pass(ctx, db, time.Now)
}

func pass(ctx context.Context, db *postgres.DB, now func() time.Time) (int, error) {
	n := 0
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		n = 0
		head, err := lockHead(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := selectPending(ctx, tx, maxBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		b := batch{
			Number: head.Batch + 1, First: head.Sequence + 1, Count: int64(len(rows)),
			At: now().UTC().Truncate(time.Microsecond),
		}
		var t tree
		leaves := make([]digest, len(rows))
		for i, r := range rows {
			leaves[i] = r.leaf()
			t.add(leaves[i])
		}
		b.Root = t.root()
		b.Hash = b.chain(head.Hash)
		if err := moveBatch(ctx, tx, b, rows, leaves); err != nil {
			return err
		}
		n = len(rows)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sequence audit events: %w", err)
	}
	return n, nil
}
