package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// staleAfter is how long a signature or a seal may be under way before its record is closed as abandoned.
const staleAfter = time.Hour

// keepHouse does once an hour, until ctx ends, what time brings about: a new timestamp unit before the old one's
// year is over, the end of keys whose time has passed, and of records whose process died. It works with the
// appliance first, and then with what next gives; those that are not this one it closes.
func (a *appliance) keepHouse(ctx context.Context, first *appliance, next func() *appliance) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for own := first; ; own = next() {
		if _, err := own.ensureUnit(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the timestamp unit could not be renewed; it is tried again in an hour", "err", err)
		}
		if err := own.retireResponders(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("an OCSP responder's key that was replaced could not be destroyed; it is tried again in an hour", "err", err)
		}
		if err := own.abandonStale(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("records of dead processes could not be closed; it is tried again in an hour", "err", err)
		}
		if own != a {
			if err := own.tokens.Close(); err != nil {
				return err
			}
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

// followUnit lets a server notice that the house has another timestamp unit.
func (a *appliance) followUnit(ctx context.Context) error {
	path := a.folder.path("public", "tsa.pem")
	last, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the TSA's certificate: %w", err)
	}
	for {
		if err := pause(ctx, time.Minute); err != nil {
			return err
		}
		unit, err := os.ReadFile(path)
		if err != nil {
			a.log.Error("the TSA's certificate could not be read; it is tried again in a minute", "error", err)
			continue
		}
		if !bytes.Equal(unit, last) {
			a.services.unit.drop()
			last = unit
		}
	}
}
