package activation

import (
	"context"
	"errors"
	"time"

	"chop/internal/audit"
)

// A closing is the end of a transaction that this process knows and the database
// could not be told: the database was away at that moment. Until it is told, its row
// is open, whoever asks would wait, and the credential would be busy.
type closing struct {
	state, reason string
	at            time.Time
	event         audit.Event
}

// settle tells the database how t ended, if that is owed. A row that is closed
// already says more than this process knows: its answer was lost. t.mu is held.
func (s *Service) settle(ctx context.Context, t *transaction) error {
	if t.owed == nil {
		return nil
	}
	o := t.owed
	if _, err := s.store.closeTransaction(ctx, t.id, o.state, o.reason, o.at, o.event); err != nil {
		return err
	}
	t.owed = nil
	return nil
}

// settleOne settles a transaction, without waiting for one that signs at this moment.
func (s *Service) settleOne(ctx context.Context, id string) error {
	t := s.inMemory(id)
	if t == nil || !t.mu.TryLock() {
		return nil
	}
	defer t.mu.Unlock()
	return s.settle(ctx, t)
}

// settleAll settles what is owed of all transactions.
func (s *Service) settleAll(ctx context.Context) error {
	s.mu.Lock()
	ids := make([]string, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	var all error
	for _, id := range ids {
		all = errors.Join(all, s.settleOne(ctx, id))
	}
	return all
}
