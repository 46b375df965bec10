package activation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"chop/internal/postgres"
)

// Run closes what has expired and destroys what nobody collected, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.versions.close()
		case <-tick.C:
		}
		if err := s.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("housekeeping failed; it is tried again", "error", err)
		}
	}
}

// Tidy is one round of Run.
func (s *Service) Tidy(ctx context.Context) error {
	now := s.cfg.Now()
	if err := s.settleAll(ctx); err != nil {
		return err
	}
	s.tidyMemory(now)
	return s.store.expireAll(ctx, now, now.Add(-enrolTTL-maxTTL))
}

// tidyMemory drops the keys of transactions and enrolments whose time is over,
// and enrolments that nobody will ask for any more.
func (s *Service) tidyMemory(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.open {
		if now.Before(t.notAfter) {
			continue
		}
		// Without waiting for one that signs at this moment.
		if t.mu.TryLock() {
			t.key = nil
			if t.state == TxOpen {
				t.state, t.closed = TxExpired, now
			}
			t.mu.Unlock()
		}
		s.retire(t)
	}
	for id, e := range s.enrolments {
		if now.Sub(e.begun) > enrolTTL+maxTTL+collectWithin {
			delete(s.enrolments, id)
			continue
		}
		if e.mu.TryLock() {
			if !now.Before(e.offer.NotAfter.Time) {
				e.key = nil
			}
			e.mu.Unlock()
		}
	}
}

// MoveAllEvents runs MoveEvents every half second until ctx ends: the appliance's
// part of activation's log.
func MoveAllEvents(ctx context.Context, db *postgres.DB, log *slog.Logger) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := MoveEvents(ctx, db)
		if err != nil && ctx.Err() == nil {
			log.Error("activation's events could not be moved; it is tried again", "error", err)
		}
		if n > 0 && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sockets are the two listeners of the activation process.
type Sockets struct {
	API      net.Listener // for the appliance
	Approval net.Listener // for the approval process, and nobody else
}

// Serve is the activation process: the service, its sockets and its
// housekeeping, until ctx ends.
func Serve(ctx context.Context, cfg Config, sockets Sockets) error {
	s, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	api, err := s.APIHandler()
	if err != nil {
		return err
	}
	approval, err := s.ApprovalHandler()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error { return serve(ctx, sockets.API, api, s.cfg.Log) })
	g.Go(func() error { return serve(ctx, sockets.Approval, approval, s.cfg.Log) })
	return g.Wait()
}

// serve answers on one socket. Requests that are on their way when ctx ends are
// finished.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: h,
		// A client that sends slowly, or not at all, holds a connection this long.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			log.Warn("requests were cut off", "error", err)
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}
