package signer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"chop/signer/ledger"
)

const (
	// runEvery is how often a node looks for work.
	runEvery = 2 * time.Second
	// runBatch is how many signings, and old files, it looks at each time.
	runBatch = 200
)

// Run finishes what was approved, closes what expired and deletes what is kept no longer,
// until ctx ends. Any number of nodes may run it on one database.
func (r *Residents) Run(ctx context.Context) error {
	tick := time.NewTicker(runEvery)
	defer tick.Stop()
	for {
		if _, err := r.Housekeep(ctx); err != nil && ctx.Err() == nil {
			r.c.Log.Error("residents' signings could not be looked after", "error", printable(err.Error()))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Housekeep does once what Run does, and returns how many signings it brought to another
// state. One that fails does not hold up the others.
func (r *Residents) Housekeep(ctx context.Context) (int, error) {
	now := r.c.Now()
	ids, err := r.store.Due(ctx, now, runBatch)
	if err != nil {
		return 0, err
	}
	var moved atomic.Int64
	var work errgroup.Group
	work.SetLimit(heavyWork)
	for _, id := range ids {
		work.Go(func() error {
			g, err := r.store.Find(ctx, id)
			if err != nil {
				return err
			}
			failed := r.drive(ctx, g, false)
			if failed != nil {
				r.c.Log.Warn("a resident's signing did not move", "signing", id, "error", printable(failed.Error()))
			}
			after, err := r.store.Find(ctx, id)
			if err != nil {
				return err
			}
			if after.State != g.State {
				moved.Add(1)
				return nil
			}
			if g.State == ledger.Waiting {
				return r.store.LookLater(ctx, id, now.Add(lookEvery))
			}
			return nil
		})
	}
	err = work.Wait()
	for err == nil {
		n, dropped := r.store.DropFiles(ctx, now, runBatch)
		if err = dropped; n < runBatch {
			break
		}
	}
	return int(moved.Load()), err
}

// originals are the documents as they were handed in: each prepared file begins with
// what was prepared.
func (r *Residents) originals(ctx context.Context, g *ledger.Signing, v *vault) ([]ResidentDocument, error) {
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	list := make([]ResidentDocument, len(docs))
	for i, d := range docs {
		prepared, err := r.file(ctx, g, v, i, ledger.PreparedFile)
		if err != nil {
			return nil, err
		}
		if int64(len(prepared)) != d.PreparedSize {
			return nil, errors.New("a prepared file has another length than was recorded")
		}
		list[i] = ResidentDocument{Name: d.Name, PDF: prepared[:d.Size:d.Size], Field: d.WantField}
		if d.WantPlace != nil {
			list[i].Place = new(Place)
			if err := json.Unmarshal(d.WantPlace, list[i].Place); err != nil {
				return nil, fmt.Errorf("read place of document %d: %w", i+1, err)
			}
		}
	}
	return list, nil
}
