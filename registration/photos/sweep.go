package photos

import (
	"context"
	"time"
)

// Run erases what nobody decided in time, at least once a minute, until ctx ends; then it erases everything.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			s.sweep()
			s.mu.Unlock()
		case <-ctx.Done():
			s.eraseAll()
			return
		}
	}
}

func (s *Store) sweep() {
	now := s.config.Now()
	for id, h := range s.cases {
		if !now.Before(h.until) {
			s.erase(id)
		}
	}
}

func (s *Store) eraseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eraseHeld()
}

func (s *Store) eraseHeld() {
	for id := range s.cases {
		s.erase(id)
	}
}

// Close erases everything. Whoever still uses the store finds nothing in it, and keeps nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.eraseHeld()
	s.closed = true
	return s.keys.close()
}
