package portal

import (
	"context"
	"time"
)

// Run deletes, until ctx ends, what is over: sessions, codes, documents that nobody signed.
func (p *Portal) Run(ctx context.Context) error {
	for {
		if err := p.store.sweep(ctx, p.cfg.Now()); err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("portal: housekeeping failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Minute):
		}
	}
}
