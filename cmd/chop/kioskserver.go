package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"chop/ca/infra"
	"chop/registration/hkic"
	"chop/registration/kiosk"
	"chop/registration/kiosk/page"
	"chop/registration/places"
)

// kioskAddress is where kiosks are listened to, unless kiosk_listen says otherwise; 8444 is the Immigration
// Department's reference server.
const kioskAddress = "127.0.0.1:8445"

func (c *config) kioskListen() string {
	if c.KioskListen == "" {
		return kioskAddress
	}
	return c.KioskListen
}

// kioskOrigin is what kiosks ask.
func (c *config) kioskOrigin() string {
	if c.KioskURL != "" {
		return c.KioskURL
	}
	_, port, _ := net.SplitHostPort(c.kioskListen())
	return "https://localhost:" + port
}

// cardTrust reads whose cards are believed: certificates in PEM, and nothing else.
func cardTrust(data []byte) (hkic.Trust, error) {
	var t hkic.Trust
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return t, fmt.Errorf("read a country signing certificate: %w", err)
		}
		t.Issuers = append(t.Issuers, cert)
	}
	if len(t.Issuers) == 0 {
		return t, errors.New("no certificate in PEM is there")
	}
	return t, nil
}

// listenKiosks takes the kiosks' address; nil without kiosks.
func (a *appliance) listenKiosks() (net.Listener, error) {
	if a.config.CardIssuers == "" || a.config.kioskListen() == "none" {
		return nil, nil
	}
	l, err := net.Listen("tcp", a.config.kioskListen())
	if err != nil {
		return nil, hinted{fmt.Errorf("serve kiosks: %w", err), "another program has that address; choose one with --kiosk-listen, or none", 1}
	}
	return l, nil
}

// kioskCertificate is the kiosk listener's, for TLS.
func (a *appliance) kioskCertificate(ctx context.Context) (tls.Certificate, error) {
	origin, err := url.Parse(a.config.kioskOrigin())
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.machineCertificate(ctx, machineKiosks, infra.Request{
		Kind: infra.Server, ID: "kiosks", Names: []string{origin.Hostname(), "127.0.0.1", "::1"}, Actor: "system:kiosks",
	})
}

// kioskBook keeps kiosks' sessions.
func (a *appliance) kioskBook(ctx context.Context) (*kiosk.Book, error) {
	data, err := a.read(a.config.CardIssuers)
	if err != nil {
		return nil, fmt.Errorf("read card_issuers: %w", err)
	}
	trust, err := cardTrust(data)
	if err != nil {
		return nil, fmt.Errorf("%w: card_issuers: %w", errConfig, err)
	}
	registry, err := a.registry(ctx)
	if err != nil {
		return nil, err
	}
	sealer, err := a.sealer(ctx)
	if err != nil {
		return nil, err
	}
	return kiosk.New(kiosk.Config{DB: a.db, Registry: registry, Sealer: sealer, Trust: trust, Now: now, Log: a.log})
}

// identifyKiosk says which kiosk asks: its certificate's holder is the id of a place with a kiosk. With readers, it may
// be one of a counter's, whose place has officers.
func identifyKiosk(authority *infra.Authority, list *places.List, readers bool) kiosk.Identify {
	return func(r *http.Request) (kiosk.Kiosk, error) {
		holder, cert, err := holderOf(r, authority, infra.Kiosk, kiosk.ErrStranger)
		if err != nil {
			return kiosk.Kiosk{}, err
		}
		id, at := holder.ID, holder.ID
		if _, counter, is := strings.Cut(id, "@"); is && readers {
			at = counter
		}
		place := list.Place(at)
		if place == nil || (place.Kind == places.Kiosk) != (id == at) || place.Kind == places.Office {
			return kiosk.Kiosk{}, fmt.Errorf("%w: %s is not on the list of places", kiosk.ErrStranger, id)
		}
		key, ok := cert.PublicKey.(*ecdsa.PublicKey)
		if !ok {
			return kiosk.Kiosk{}, fmt.Errorf("%w: its key is not for ECDSA", kiosk.ErrStranger)
		}
		return kiosk.Kiosk{ID: id, Place: at, Key: key}, nil
	}
}

// runKiosks serves kiosks until ctx ends: their agents, and the pages that people see there.
func (a *appliance) runKiosks(ctx context.Context, listener net.Listener) error {
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return err
	}
	cert, err := a.kioskCertificate(ctx)
	if err != nil {
		return err
	}
	book, err := a.kioskBook(ctx)
	if err != nil {
		return err
	}
	list, err := places.Load()
	if err != nil {
		return err
	}
	router := chi.NewRouter()
	book.Routes(router, identifyKiosk(authority, list, true))
	registry, err := a.registry(ctx)
	if err != nil {
		return err
	}
	if !registry.Presence() {
		a.log.Warn("kiosks read cards and open no accounts: nobody looks at faces here")
	}
	site, err := page.New(page.Config{Book: book, Registry: registry, Identify: identifyKiosk(authority, list, false), Now: now, Log: a.log})
	if err != nil {
		return err
	}
	site.Routes(router)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	swept := make(chan error, 1)
	go func() { swept <- book.Run(ctx) }()
	err = serveTLS(ctx, listener, "kiosks", a.log, authority.ServerConfig(cert), router)
	cancel()
	return errors.Join(<-swept, err)
}
