package audit

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// verifier walks over batches and events side by side. What it reports, it goes
// on behind: one broken batch must not hide the next.
type verifier struct {
	report *Report
	kept   map[int64]Head // by batch
	events *cursor[storedEvent]
	at     Head // where the walk has come to, by what is stored
}

func (v *verifier) run(ctx context.Context, tx pgx.Tx) error {
	var err error
	if v.events, err = eventCursor(ctx, tx); err != nil {
		return err
	}
	batches, err := batchCursor(ctx, tx)
	if err != nil {
		return err
	}
	for {
		b, err := batches.peek()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := v.batch(b); err != nil {
			return err
		}
		batches.take()
	}
	if err := v.strays(nil); err != nil {
		return err
	}
	if err := v.end(ctx, tx); err != nil {
		return err
	}
	return v.tail(ctx, tx)
}

// batch checks one batch: its number, its events, its place in the chain.
func (v *verifier) batch(b *storedBatch) error {
	r := v.report
	r.Batches++
	if want := v.at.Batch + 1; b.Number != want {
		r.problem("batches %d to %d are missing", want, b.Number-1)
	}
	if want := v.at.Sequence + 1; b.First != want {
		r.problem("batch %d begins with event %d, the one before ends at %d", b.Number, b.First, want-1)
	}
	if err := v.strays(b); err != nil {
		return err
	}
	if err := v.members(b); err != nil {
		return err
	}
	claim := batch{Number: b.Number, First: b.First, Count: b.Count, At: b.At, Root: digest(padded(b.Root))}
	if hash := claim.chain(v.at.Hash); !bytes.Equal(hash[:], b.Hash) {
		r.problem("batch %d was changed, or does not follow from the one before", b.Number)
	}
	v.at = Head{Batch: b.Number, Sequence: b.First + b.Count - 1, Hash: digest(padded(b.Hash))}
	if kept, ok := v.kept[b.Number]; ok && kept != v.at {
		r.problem("batch %d is not the one that was kept as %s", b.Number, kept)
	}
	delete(v.kept, b.Number)
	return nil
}

// members checks the events of a batch against their leaves, and the leaves
// against the root.
func (v *verifier) members(b *storedBatch) error {
	r := v.report
	var t tree
	whole := true
	next, end := b.First, b.First+b.Count
	for {
		e, err := v.events.peek()
		if err != nil {
			return err
		}
		if e == nil || e.Sequence >= end {
			break
		}
		switch {
		case e.Sequence < next:
			r.problem("event %d is there twice", e.Sequence)
			whole = false
		case e.Sequence > next:
			r.problem("events %d to %d are missing", next, e.Sequence-1)
			whole = false
		}
		if leaf := e.leaf(); !bytes.Equal(leaf[:], e.Leaf) {
			r.problem("event %d (%s) was changed", e.Sequence, e.ID)
		}
		t.add(digest(padded(e.Leaf)))
		r.Events++
		next = max(next, e.Sequence+1)
		v.events.take()
	}
	if next < end {
		r.problem("events %d to %d are missing", next, end-1)
		whole = false
	}
	// Where events are missing, the root cannot match, and says nothing more.
	if root := t.root(); whole && !bytes.Equal(root[:], b.Root) {
		r.problem("batch %d: its events are not those that its root covers", b.Number)
	}
	return nil
}

// strays reports the events before a batch (nil: after the last one) that
// belong to none.
func (v *verifier) strays(b *storedBatch) error {
	for {
		e, err := v.events.peek()
		if err != nil {
			return err
		}
		if e == nil || (b != nil && e.Sequence >= b.First) {
			return nil
		}
		v.report.problem("event %d (%s) belongs to no batch", e.Sequence, e.ID)
		v.report.Events++
		v.events.take()
	}
}

// end compares where the walk ended with the stored head and with kept ones.
func (v *verifier) end(ctx context.Context, tx pgx.Tx) error {
	v.report.Head = v.at
	head, err := readHead(ctx, tx)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		v.report.problem("the log's head is missing")
	case err != nil:
		return err
	case head != v.at:
		v.report.problem("the log ends at %s, its head says %s", v.at, head)
	}
	for number, kept := range v.kept {
		if number > 0 {
			v.report.problem("batch %d, kept as %s, is not in the log", number, kept)
		}
	}
	return nil
}

// tail counts the events that have no place yet.
func (v *verifier) tail(ctx context.Context, tx pgx.Tx) error {
	p, err := readPending(ctx, tx)
	if err != nil {
		return err
	}
	v.report.Unsequenced, v.report.Oldest = p.Count, p.Oldest
	if p.Replayed > 0 {
		v.report.problem("%d events without a place have one already", p.Replayed)
	}
	return nil
}

// padded makes a stored hash 32 bytes long. The schema says that it is; one that
// is not can match nothing, for it differs from what is stored.
func padded(b []byte) []byte {
	return append(bytes.Clone(b), make([]byte, 32)...)[:32]
}
