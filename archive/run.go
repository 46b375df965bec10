package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Job is who renews by itself, in the audit log.
const Job = "system:archive"

// Counts say how the store is.
type Counts struct {
	Documents int        `json:"documents"`
	Due       int        `json:"due"`     // fade within the margin
	Failing   int        `json:"failing"` // could not be extended, and are tried again
	Next      *time.Time `json:"next"`    // the first to fade; nil: none
}

// Counts of what is there.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	return s.counts(ctx, s.c.Policy.Margin.End(s.c.Now()))
}

// A Pass is what one look did.
type Pass struct {
	Renewed int `json:"renewed"` // or added
	Failed  int `json:"failed"`
	Busy    int `json:"busy"` // somebody else works on them
}

// Run renews, until ctx ends, what fades within the policy's margin, and goes on with what was left in the middle.
// Any number of processes may run it: each document is held by one.
func (s *Store) Run(ctx context.Context) error {
	failing := false
	for {
		p, err := s.Pass(ctx, Job, time.Time{}, false)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failing:
			s.c.Log.Error("the store could not look for what fades; it is tried again", "err", err)
		case p.Failed > 0:
			s.c.Log.Error("documents of the store could not be renewed; chop store list --fading shows them", "failed", p.Failed, "renewed", p.Renewed)
		case p.Renewed > 0:
			s.c.Log.Info("documents of the store were renewed", "renewed", p.Renewed)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.c.Every):
		}
	}
}

// Pass looks once: when proofs fade under the policy as it is now, and then renews one after another all that fade
// before a moment (zero: the margin's end) and that are not waiting for their next attempt; with all, whatever there is.
func (s *Store) Pass(ctx context.Context, actor string, before time.Time, all bool) (p Pass, err error) {
	if err := s.Reassess(ctx); err != nil {
		return p, err
	}
	now := s.c.Now()
	removed, err := s.lately(ctx, now.AddDate(0, 0, -7))
	if err != nil {
		return p, err
	}
	for _, id := range removed { // of what a killed process left nothing opens any more; it takes room
		if err := os.RemoveAll(s.folderOf(id)); err != nil {
			return p, fmt.Errorf("delete what was removed: %w", err)
		}
	}
	margin := s.c.Policy.Margin.End(now)
	if before.IsZero() {
		before = margin
	}
	if all {
		before = now.AddDate(1000, 0, 0)
	}
	rows, err := s.unfinished(ctx, before, now, all)
	if err != nil {
		return p, err
	}
	for _, row := range rows {
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		err := s.renew(ctx, actor, row.ID, row.DataKey, all || before.After(margin))
		switch {
		case err == nil:
			p.Renewed++
		case errors.Is(err, ErrBusy):
			p.Busy++
		case errors.Is(err, ErrNotDue), errors.Is(err, ErrRemoved), errors.Is(err, ErrNotFound):
			// somebody was faster
		default:
			p.Failed++
		}
	}
	return p, nil
}

// Reassess notes when each proof fades under the policy as it is now: an algorithm may have got an end since.
func (s *Store) Reassess(ctx context.Context) error {
	sets, err := s.algorithmSets(ctx)
	if err != nil {
		return err
	}
	for _, algorithms := range sets {
		var at *time.Time
		end, first := s.c.Policy.End(algorithms)
		if !end.IsZero() {
			at = &end
		}
		if err := s.setEnd(ctx, algorithms, at, first); err != nil {
			return err
		}
	}
	return nil
}
