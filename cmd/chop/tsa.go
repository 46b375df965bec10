package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"chop/internal/web"
	"chop/timestamping"
)

// openTSA opens the timestamp unit named by public/tsa.pem.
func (a *appliance) openTSA(ctx context.Context) (*timestamping.Authority, error) {
	unit, err := readCertificate(a.folder.path("public", "tsa.pem"))
	if err != nil {
		return nil, fmt.Errorf("open the TSA: %w", err)
	}
	issuing, err := readCertificate(a.folder.path("public", "issuing.pem"))
	if err != nil {
		return nil, fmt.Errorf("open the TSA: %w", err)
	}
	token, err := a.tokens.get(ctx, roleTSA)
	if err != nil {
		return nil, fmt.Errorf("open the TSA: %w", err)
	}
	key, err := keyOf(ctx, token, unit)
	if err != nil {
		return nil, fmt.Errorf("open the TSA: %w", err)
	}
	policy, err := a.policies.Timestamp("default")
	if err != nil {
		return nil, err
	}
	clock, err := a.clock(policy.Accuracy)
	if err != nil {
		return nil, err
	}
	return timestamping.New(timestamping.Config{
		Key: key, Certificate: unit, Chain: []*x509.Certificate{issuing}, Policy: policy, Now: clock, Log: a.log,
	})
}

// clock is the configured source of trusted time.
func (a *appliance) clock(accuracy time.Duration) (func() (time.Time, error), error) {
	if a.config.Timestamping.Clock == "kernel" {
		clock, err := timestamping.NewKernelClock(timestamping.KernelClockConfig{Accuracy: accuracy})
		if err != nil {
			return nil, err
		}
		return clock.Now, nil
	}
	clock, err := timestamping.NewSystemClock(timestamping.SystemClockConfig{Accuracy: accuracy, Log: a.log})
	if err != nil {
		return nil, err
	}
	return clock.Now, nil
}

// serveTimestamps answers POST /tsa with the unit in use, which changes once a year.
func (a *appliance) serveTimestamps() http.Handler {
	return web.Handler(func(w http.ResponseWriter, r *http.Request) error {
		tsa, err := a.timestamper(r.Context())
		if err != nil {
			return err
		}
		tsa.ServeHTTP(w, r)
		return nil
	})
}
