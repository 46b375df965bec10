package registration

import (
	"context"
	"errors"
	"time"
)

// sweepEvery is how often housekeeping looks; a suspension that a crash cut short waits no longer.
const sweepEvery = 2 * time.Second

// Run finishes or closes what was begun, until ctx ends: suspensions first, then
// cases that wait for another party, then what has run out. Any number of
// processes may run it.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if _, err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.Error("registration's housekeeping failed; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep does Run's work once, and returns how many operations and cases it came to an end with.
func (r *Registry) Sweep(ctx context.Context) (int, error) {
	n := 0
	var errs []error
	due, err := r.steps.Due(ctx)
	errs = append(errs, err)
	for _, id := range due {
		switch err := r.perform(ctx, id); {
		case err == nil:
			n++
		case !errors.Is(err, ErrUnfinished):
			errs = append(errs, err)
		}
	}
	_, err = r.steps.Drop(ctx)
	errs = append(errs, err)
	now := r.cfg.Now()
	cases, err := r.store.dueCases(ctx, now)
	errs = append(errs, err)
	for _, row := range cases {
		after, _, err := r.drive(ctx, row)
		if err == nil && !after.State.driven() && !after.State.over() && !now.Before(after.ExpiresAt) {
			after.State, err = Ended, r.end(ctx, System, row.ID, actEnd, outcomeExpired)
		}
		if errors.Is(err, ErrState) { // it moved on meanwhile
			err = nil
		}
		if err == nil && after.State.over() {
			n++
		}
		errs = append(errs, err)
	}
	ended, err := r.sweepRemote(ctx)
	n += ended
	return n, errors.Join(append(errs, err, r.store.sweepProved(ctx, now), r.store.sweepStops(ctx, now.Add(-stopMemory)), r.attempts.Sweep(ctx))...)
}
