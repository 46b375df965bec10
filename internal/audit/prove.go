package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

var (
	// ErrNothing: the log has no event about that subject.
	ErrNothing = errors.New("no event about it in the audit log")
	// ErrUnsequenced: events about the subject have no place in the log yet; within a second, or after Sequence, they have.
	ErrUnsequenced = errors.New("events without a place in the audit log yet")
)

// Prove makes the proof of all events about a subject, up to the log's head at this moment.
// ErrNothing, ErrUnsequenced. Its size grows with the batches since the first of them, about
// 150 bytes each.
func Prove(ctx context.Context, db *postgres.DB, subject string) (*Proof, error) {
	p := &Proof{Version: 1, Subject: subject}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.Pool, snapshot, func(tx pgx.Tx) error {
		waiting, err := countPending(ctx, tx, subject)
		if err != nil {
			return err
		}
		if waiting > 0 {
			return fmt.Errorf("%w: %d", ErrUnsequenced, waiting)
		}
		if p.Head, err = readHead(ctx, tx); err != nil {
			return err
		}
		events, err := selectSubject(ctx, tx, subject)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return ErrNothing
		}
		batches, err := selectBatches(ctx, tx, events[0].Sequence)
		if err != nil {
			return err
		}
		if len(batches) == 0 {
			return errors.New("its events belong to no batch")
		}
		if p.Before, err = hashOfBatch(ctx, tx, batches[0].Number-1); err != nil {
			return err
		}
		for _, b := range batches {
			end := b.First + b.Count
			p.Batches = append(p.Batches, provedBatch{b.Number, b.First, b.Count, b.At, hash32(padded(b.Root))})
			if len(events) == 0 || events[0].Sequence >= end {
				continue
			}
			leaves, err := selectLeaves(ctx, tx, b.First, end)
			if err != nil {
				return err
			}
			for ; len(events) > 0 && events[0].Sequence < end; events = events[1:] {
				e := events[0]
				index := e.Sequence - b.First
				if index < 0 || int(index) >= len(leaves) {
					return fmt.Errorf("event %d has no leaf in batch %d", e.Sequence, b.Number)
				}
				p.Events = append(p.Events, provedEvent{
					e.Sequence, e.ID, e.At.UTC(), e.Actor, e.Role, e.Place, e.Action, e.Subject, e.Reason, e.Detail, inclusion(int(index), leaves),
				})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("prove audit events of %s: %w", subject, err)
	}
	return p, nil
}
