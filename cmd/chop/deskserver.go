package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"chop/ca/infra"
	"chop/portal/desk"
)

// deskServer is the officers' desk: TLS, for clients with a certificate of our infrastructure CA.
func (a *appliance) deskServer(ctx context.Context) (*http.Server, *desk.Desk, error) {
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return nil, nil, err
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, nil, err
	}
	origin, err := url.Parse(a.config.deskOrigin())
	if err != nil {
		return nil, nil, err
	}
	cert, err := a.machineCertificate(ctx, "desk-server", infra.Request{
		Kind: infra.Server, ID: "desk", Names: []string{origin.Hostname(), "127.0.0.1", "::1"}, Actor: "system:desk",
	})
	if err != nil {
		return nil, nil, err
	}
	d, err := desk.New(desk.Config{
		DB: a.db, Registry: registry, Origin: a.config.deskOrigin(), Log: a.log, Now: now,
		Officer: func(r *http.Request) (string, error) {
			if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
				return "", desk.ErrStranger
			}
			holder, err := authority.Known(r.Context(), r.TLS.PeerCertificates[0])
			if errors.Is(err, infra.ErrUnknown) || err == nil && holder.Kind != infra.Officer {
				return "", fmt.Errorf("%w: %w", desk.ErrStranger, err)
			}
			return holder.ID, err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return &http.Server{
		Handler: d.Handler(), TLSConfig: authority.ServerConfig(cert), MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second,
	}, d, nil
}

// runDesk serves officers until ctx ends.
func (a *appliance) runDesk(ctx context.Context, listener net.Listener) error {
	server, d, err := a.deskServer(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // what is left is cut off with the process
	})
	defer stop()
	go func() {
		for ctx.Err() == nil {
			if err := d.Housekeep(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("the desk's housekeeping failed; it is tried again", "error", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Minute):
			}
		}
	}()
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the officers' desk: %w", err)
	}
	return nil
}
