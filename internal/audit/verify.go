package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// maxProblems bounds a report: a log that was cut in the middle has no end of them.
const maxProblems = 100

// Report is what Verify found.
type Report struct {
	Events      int64      `json:"events"` // that have a place
	Batches     int64      `json:"batches"`
	Unsequenced int        `json:"unsequenced"`
	Oldest      *time.Time `json:"oldest_unsequenced,omitempty"` // with a running sequencer, seconds ago at most
	Head        Head       `json:"head"`
	Problems    []string   `json:"problems"`      // the first 100, in words
	More        int        `json:"more_problems"` // how many there were beyond
}

// OK reports whether nothing was changed, removed or put in. An unsequenced
// tail alone is no problem: those events have no protection yet.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

type storedEvent struct {
	Sequence int64
	row
	Leaf []byte
}

type storedBatch struct {
	Number, First, Count int64
	At                   time.Time
	Root, Hash           []byte
}

// Verify reads the whole log once, as it is at this moment, and computes
// everything anew: each event's leaf, each batch's tree and place in the chain.
// Heads kept from earlier must still be in it. The error is for a log that could
// not be read; what is wrong with it is in the report.
func Verify(ctx context.Context, db *postgres.DB, kept ...Head) (*Report, error) {
	r := &Report{Problems: []string{}}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.Pool, snapshot, func(tx pgx.Tx) error {
		v := &verifier{report: r, kept: map[int64]Head{}}
		for _, h := range kept {
			v.kept[h.Batch] = h
		}
		return v.run(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("verify audit log: %w", err)
	}
	return r, nil
}
