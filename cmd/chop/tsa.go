package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"chop/ca"
	"chop/hsm"
	"chop/timestamping"
)

// A unit's key signs for a year (the profile's privateKeyUsagePeriod); the next one is made a month before.
const unitRenewal = 30 * 24 * time.Hour

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

// ensureUnit makes a timestamp unit, or its successor when its key's time is nearly over. A key without
// a certificate, left by a kill between the two, is used by the next run: its label tells the day.
func (a *appliance) ensureUnit(ctx context.Context) (changed bool, err error) {
	current, err := readCertificate(a.folder.path("public", "tsa.pem"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("read the TSA's certificate: %w", err)
	default:
		until, err := timestamping.KeyUsableUntil(current)
		if err != nil {
			return false, err
		}
		if now().Add(unitRenewal).Before(until) {
			return false, nil
		}
	}
	authority, err := a.authority(ctx)
	if err != nil {
		return false, err
	}
	token, err := a.tokens.get(ctx, roleTSA)
	if err != nil {
		return false, err
	}
	day := now().UTC().Format("20060102")
	key, err := keyOrNew(ctx, token, "tsu-"+day, hsm.P256)
	if err != nil {
		return false, fmt.Errorf("make the TSA's key: %w", err)
	}
	subject := ca.Subject{Country: "HK", Organization: issuerOrganization(a), CommonName: "Chop Timestamp Unit " + day}
	csr, err := ca.NewCSR(key, subject)
	if err != nil {
		return false, fmt.Errorf("ask for the TSA's certificate: %w", err)
	}
	cert, err := authority.Issue(ctx, ca.Request{Profile: "tsa-unit", CSR: csr, Subject: subject, Actor: "system:chop"})
	if err != nil {
		return false, fmt.Errorf("issue the TSA's certificate: %w", err)
	}
	return true, writeFile(a.folder.path("public", "tsa.pem"), encodeCertificate(cert), 0o644)
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

func now() time.Time { return time.Now() }

// issuerOrganization is the O of the issuing CA: our own infrastructure's certificates carry the same.
func issuerOrganization(a *appliance) string {
	if cert, err := readCertificate(a.folder.path("public", "issuing.pem")); err == nil && len(cert.Subject.Organization) > 0 {
		return cert.Subject.Organization[0]
	}
	return "Chop"
}
