package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"chop/ca"
	"chop/hsm"
	"chop/internal/audit"
	"chop/timestamping"
)

// A timestamp unit's key signs for a year (the profile's privateKeyUsagePeriod). The next unit is made a month before
// that ends; a key is destroyed when its year is over, so that no token can be dated back into it.
const (
	unitRenewal = 30 * 24 * time.Hour
	unitLabel   = "tsu-" // and the day on which the key was made, 20060102
	unitDay     = "20060102"
)

// ensureUnit makes a timestamp unit, or its successor when its key's time is nearly over. A key without
// a certificate, left by a kill between the two, is used by the next run: its label tells the day.
func (a *appliance) ensureUnit(ctx context.Context) (changed bool, err error) {
	turn, err := lockFile(ctx, a.folder.path("run", "unit.lock"))
	if err != nil {
		return false, err
	}
	defer turn.Close()
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
			return false, a.retireUnits(ctx)
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
	day := now().UTC().Format(unitDay)
	key, err := a.keyOrNew(ctx, token, unitLabel+day, hsm.P256)
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
	if err := writeFile(a.folder.path("public", "tsa.pem"), encodeCertificate(cert), 0o644); err != nil {
		return false, err
	}
	a.services.unit.drop()
	return true, nil
}

// retireUnits destroys the keys whose time is over.
func (a *appliance) retireUnits(ctx context.Context) error {
	profile, err := a.policies.Profile("tsa-unit")
	if err != nil {
		return err
	}
	token, err := a.tokens.get(ctx, roleTSA)
	if err != nil {
		return err
	}
	keys, err := token.Keys(ctx)
	if err != nil {
		return fmt.Errorf("list the TSA's keys: %w", err)
	}
	for _, key := range keys {
		day, found := strings.CutPrefix(key.Label, unitLabel)
		made, err := time.Parse(unitDay, day)
		// A day more: the label has the day's beginning, the certificate the moment.
		if !found || err != nil || now().Before(profile.PrivateKeyUsage.End(made).AddDate(0, 0, 2)) {
			continue
		}
		if err := token.DestroyKey(ctx, key.Label); err != nil && !errors.Is(err, hsm.ErrKeyNotFound) {
			return fmt.Errorf("destroy the TSA's key %s: %w", key.Label, err)
		}
		err = a.record(ctx, audit.Event{Action: "tsa.destroy-key", Subject: "key:" + key.Label, Reason: "its period of use is over"})
		if err != nil {
			return err
		}
	}
	return nil
}

// issuerOrganization is the O of the issuing CA: our own infrastructure's certificates carry the same.
func issuerOrganization(a *appliance) string {
	if cert, err := readCertificate(a.folder.path("public", "issuing.pem")); err == nil && len(cert.Subject.Organization) > 0 {
		return cert.Subject.Organization[0]
	}
	return "Chop"
}
