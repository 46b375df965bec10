package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"chop/internal/audit"
)

// serveCommand runs the appliance's servers and its housekeeping.
type serveCommand struct {
	folderFlag
	Listen string `placeholder:"HOST:PORT" help:"TCP address to listen on, instead of the configured one."`
}

// Help is shown by chop serve --help.
func (serveCommand) Help() string {
	return `Serves until SIGINT or SIGTERM, then lets running requests end. Certificates, signatures and status changes made by
other commands on the same folder show within seconds.

Example:
  chop serve --dir data --listen 127.0.0.1:8080`
}

func (c *serveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	address := app.config.Listen
	if c.Listen != "" {
		address = c.Listen
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return hinted{fmt.Errorf("serve: %w", err), "another program has that address; choose one with --listen", 1}
	}
	fmt.Fprintf(env.out, "serving on http://%s for %s; Ctrl-C ends it\n", listener.Addr(), app.config.PublicURL)
	return app.serve(env.ctx, listener)
}

// serve answers on listener and keeps house until ctx ends: certificates of our own units renewed, CRLs fresh,
// abandoned work closed, audit events chained.
func (a *appliance) serve(ctx context.Context, listener net.Listener) error {
	defer listener.Close() // Shutdown closes it too; this is for the errors before
	authority, err := a.authority(ctx)
	if err != nil {
		return err
	}
	if _, err := a.ensureUnit(ctx); err != nil {
		return err
	}
	if _, err := a.timestamper(ctx); err != nil {
		return err
	}
	site, err := newPublicPages(a.config.PublicURL, a.policies)
	if err != nil {
		return err
	}
	sequencer, err := audit.NewSequencer(audit.Config{DB: a.db, Log: a.log})
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: publicRoutes(site, authority, a.serveTimestamps()),
		// A slow or silent client holds a connection, not a worker (slowloris).
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-gctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(gctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(stop)
	})
	group.Go(func() error { return untilDone(gctx, authority.Run) })
	group.Go(func() error { return untilDone(gctx, a.keepHouse) })
	group.Go(func() error { return untilDone(gctx, sequencer.Run) })
	return group.Wait()
}

// untilDone runs a housekeeper; its end by the context's is no failure.
func untilDone(ctx context.Context, run func(context.Context) error) error {
	if err := run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
