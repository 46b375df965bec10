package activation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// endOpen ends what is open for a credential, in whichever process. What is open but over is left to expire.
func (s *Service) endOpen(ctx context.Context, credential string, now time.Time) error {
	id, err := s.store.openOf(ctx, credential, now)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if id == "" {
		return nil
	}
	if err := s.end(ctx, id, TxCancelled, "replaced", "service"); err != nil && !errors.Is(err, ErrUsed) {
		return err
	}
	return nil
}

// openOf is the transaction that is open for a credential; empty: none.
func (s *store) openOf(ctx context.Context, credential string, now time.Time) (id string, err error) {
	err = s.db.Pool.QueryRow(ctx, `SELECT coalesce(min(id), '') FROM activation.transaction
		WHERE credential = $1 AND state = 'open' AND not_after > $2`, credential, now).Scan(&id)
	return id, err
}
