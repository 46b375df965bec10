package signer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
)

// AbandonStale closes the records that have been open for longer than age: signatures
// whose process died between the intent and the result, and keys that never got their
// certificate. Nothing of them was handed out. A signature that is still being made
// finds its record closed and is not handed out either, so age must be longer than
// any signature takes; an hour is. It returns how many records it closed, and may run
// anywhere at any time.
func (s *Service) AbandonStale(ctx context.Context, age time.Duration) (int, error) {
	now := s.c.Now()
	closed := 0
	err := s.c.DB.InTx(ctx, func(tx pgx.Tx) error {
		signatures, err := abandonSignatures(ctx, tx, now.Add(-age), now)
		if err != nil {
			return fmt.Errorf("close signatures: %w", err)
		}
		credentials, err := abandonCredentials(ctx, tx, now.Add(-age), now)
		if err != nil {
			return fmt.Errorf("close credentials: %w", err)
		}
		closed = len(signatures) + len(credentials)
		if err := recordAbandoned(ctx, tx, "signature:", signatures, now); err != nil {
			return err
		}
		return recordAbandoned(ctx, tx, "credential:", credentials, now)
	})
	if err != nil {
		return 0, fmt.Errorf("abandon stale records: %w", err)
	}
	return closed, nil
}

func recordAbandoned(ctx context.Context, tx pgx.Tx, kind string, ids []uuid.UUID, at time.Time) error {
	for _, id := range ids {
		err := audit.Record(ctx, tx, audit.Event{
			At: at, Actor: "system", Action: "signer.abandon", Subject: kind + id.String(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
