package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"chop/ca/infra"
	"chop/portal/desk"
)

// deskCertificate is the desk's, for TLS.
func (a *appliance) deskCertificate(ctx context.Context) (tls.Certificate, error) {
	origin, err := url.Parse(a.config.deskOrigin())
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.machineCertificate(ctx, machineDesk, infra.Request{
		Kind: infra.Server, ID: "desk", Names: []string{origin.Hostname(), "127.0.0.1", "::1"}, Actor: "system:desk",
	})
}

// openDesk opens the officers' desk: TLS, for clients with a certificate of our infrastructure CA.
func (a *appliance) openDesk(ctx context.Context) (*tls.Config, *desk.Desk, error) {
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return nil, nil, err
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, nil, err
	}
	cert, err := a.deskCertificate(ctx)
	if err != nil {
		return nil, nil, err
	}
	var cards desk.Cards
	if a.config.CardIssuers != "" {
		if cards, err = a.kioskBook(ctx); err != nil {
			return nil, nil, err
		}
	}
	d, err := desk.New(desk.Config{
		Cards: cards,
		DB:    a.db, Registry: registry, Origin: a.config.deskOrigin(), Log: a.log, Now: now,
		Officer: func(r *http.Request) (string, error) {
			holder, _, err := holderOf(r, authority, infra.Officer, desk.ErrStranger)
			return holder.ID, err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return authority.ServerConfig(cert), d, nil
}

// runDesk serves officers until ctx ends.
func (a *appliance) runDesk(ctx context.Context, listener net.Listener) error {
	config, d, err := a.openDesk(ctx)
	if err != nil {
		return err
	}
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
	return serveTLS(ctx, listener, "the officers' desk", a.log, config, d.Handler())
}
