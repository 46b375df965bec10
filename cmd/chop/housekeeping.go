package main

import (
	"context"
	"time"
)

// staleAfter is how long a signature or a seal may be under way before its record is closed as abandoned.
const staleAfter = time.Hour

// keepHouse does once an hour, until ctx ends, what time brings about: a new timestamp unit before the old one's
// year is over, the end of keys whose time has passed, and of records whose process died.
func (a *appliance) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if _, err := a.ensureUnit(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the timestamp unit could not be renewed; it is tried again in an hour", "err", err)
		}
		if err := a.abandonStale(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("records of dead processes could not be closed; it is tried again in an hour", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *appliance) abandonStale(ctx context.Context) error {
	service, err := a.sealing(ctx)
	if err != nil {
		return err
	}
	_, err = service.AbandonStale(ctx, staleAfter)
	return err
}
