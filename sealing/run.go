package sealing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"chop/policies"
)

// A Signer puts a seal on a document. An error that wraps ErrUnauthorized or ErrRefused is about this document, and is
// final; any other is tried again.
type Signer interface {
	Seal(ctx context.Context, j Job) ([]byte, error)
}

// ErrRefused: the document cannot be sealed in its format.
var ErrRefused = errors.New("the document cannot be sealed")

// Job is one document that operators had sealed.
type Job struct {
	Batch, Seal, Level, Reason string
	Operator                   string // who asked
	Number                     int
	Name, Format               string
	Content                    []byte
}

const (
	// lease is how long a document belongs to who works at it, unless they say that they still do.
	lease = 30 * time.Second
	// idle is how long nothing to do is believed.
	idle = time.Second
	// retry is how long a failure that is not the document's is slept on.
	retry = 5 * time.Second
	// atOnce is how many documents one process works at.
	atOnce = 2
)

// Run seals what is approved, deletes what is kept no longer, and ends with ctx. Several may run at the same time: a
// document that one of them died at belongs to another when its lease is over.
func (b *Book) Run(ctx context.Context, s Signer, log *slog.Logger) error {
	worker, err := uuid.NewV7()
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		b.every(ctx, lease/3, log, "keep documents", func() error { return extendLeases(ctx, b.c.DB, worker, b.c.Now().Add(lease)) })
	})
	group.Go(func() {
		b.every(ctx, 10*time.Minute, log, "delete what is kept no longer", func() error { return b.Expire(ctx) })
	})
	for range atOnce {
		group.Go(func() {
			for ctx.Err() == nil {
				more, err := b.step(ctx, worker, s)
				if err != nil && ctx.Err() == nil {
					log.Error("a document could not be sealed; it is tried again", "error", err)
				}
				switch {
				case err != nil:
					wait(ctx, retry)
				case !more:
					wait(ctx, idle)
				}
			}
		})
	}
	<-ctx.Done()
	return nil
}

func (b *Book) every(ctx context.Context, period time.Duration, log *slog.Logger, what string, do func() error) {
	for ctx.Err() == nil {
		if err := do(); err != nil && ctx.Err() == nil {
			log.Error("sealing: could not "+what+"; it is tried again", "error", err)
		}
		wait(ctx, period)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// step takes one document that waits, or that somebody died at, and seals it: the intent is recorded first, the result last.
func (b *Book) step(ctx context.Context, worker uuid.UUID, s Signer) (more bool, err error) {
	now := b.c.Now()
	j, err := claim(ctx, b.c.DB, worker, now, now.Add(lease))
	if err != nil || j == nil {
		return false, err
	}
	at := fmt.Sprintf("batch:%s/%d", j.Batch, j.Number)
	sealed, err := s.Seal(ctx, *j)
	switch {
	case err == nil:
		err = finish(ctx, b.c.DB, worker, j, sealed, "", b.event("system:sealing", "seal", at, "", map[string]any{"bytes": len(sealed)}))
	case errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrRefused):
		why := plain(err.Error())
		err = finish(ctx, b.c.DB, worker, j, nil, why, b.event("system:sealing", "refuse", at, why, nil))
	default:
		// Whoever told us to end told also the database: then the lease ends by itself.
		return false, errors.Join(fmt.Errorf("%s: %w", at, err), release(context.WithoutCancel(ctx), b.c.DB, worker, j))
	}
	return true, err
}

// plain makes an error's text fit for a page and the record: some of it may come from a file.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "")
	}
	return text
}

// Expire ends batches with which nobody went on, and deletes sealed files whose time is over.
func (b *Book) Expire(ctx context.Context) error {
	now := b.c.Now()
	before := func(p policies.Period) time.Time { return now.AddDate(-p.Years, -p.Months, -p.Days) }
	return expire(ctx, b.c.DB, before(b.keep.upload), before(b.keep.sealed), b.event("system:sealing", "expire", "", "", nil))
}
