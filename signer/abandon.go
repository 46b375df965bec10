package signer

import (
	"context"
	"fmt"
	"time"
)

// AbandonStale closes the records that have been open for longer than age: signatures
// whose process died between the intent and the result, and keys that never got their
// certificate. Nothing of them was handed out. A signature that is still being made
// finds its record closed and is not handed out either, so age must be longer than
// any signature takes; an hour is. It returns how many records it closed, and may run
// anywhere at any time.
func (s *Service) AbandonStale(ctx context.Context, age time.Duration) (int, error) {
	now := s.c.Now()
	n, err := abandonOpen(ctx, s.c.DB, now.Add(-age), now)
	if err != nil {
		return 0, fmt.Errorf("abandon stale records: %w", err)
	}
	return n, nil
}
