package activation

import (
	"context"
	"errors"
	"fmt"
)

// endOpen ends what is open for a credential, in whichever process.
func (s *Service) endOpen(ctx context.Context, credential string) error {
	id, err := s.store.openOf(ctx, credential)
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
func (s *store) openOf(ctx context.Context, credential string) (id string, err error) {
	err = s.db.Pool.QueryRow(ctx, `SELECT coalesce(min(id), '') FROM activation.transaction WHERE credential = $1 AND state = 'open'`, credential).Scan(&id)
	return id, err
}
