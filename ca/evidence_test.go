package ca_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/ocsp"
)

func TestEvidence(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	c := catest.New(t, catest.Options{Now: func() time.Time { return clock }})
	cert := c.Seal(t, newKey(t, "p256"), "Transport Department")
	get := func(after time.Time) *ocsp.Single {
		t.Helper()
		certs, ocsps, crls, err := c.Evidence(t.Context(), cert, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(certs) != 2 || !bytes.Equal(certs[0], c.Issuing().Raw) || !bytes.Equal(certs[1], c.Root().Raw) || len(ocsps) != 1 || len(crls) != 1 {
			t.Fatalf("%d certificates, %d responses, %d lists", len(certs), len(ocsps), len(crls))
		}
		r, err := ocsp.ParseResponse(ocsps[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := r.CheckSignature(r.Certificates[0].PublicKey); err != nil {
			t.Fatal(err)
		}
		arl, err := x509.ParseRevocationList(crls[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := arl.CheckSignatureFrom(c.Root()); err != nil {
			t.Fatal(err)
		}
		return r.Find(c.Issuing(), cert)
	}
	first := get(clock)
	if first.Status != ocsp.Good || first.ThisUpdate.Before(clock) {
		t.Errorf("%+v", first)
	}
	// The cached answer of 10:00:00 is no evidence for a signature of 10:00:03.4.
	clock = clock.Add(3400 * time.Millisecond)
	if got := get(clock); got.ThisUpdate.Before(clock.Truncate(time.Second)) {
		t.Errorf("thisUpdate %s for a signature of %s", got.ThisUpdate, clock)
	}
	// Nor is any answer for one that is yet to come.
	if _, _, _, err := c.Evidence(t.Context(), cert, clock.Add(time.Minute)); err == nil {
		t.Error("evidence for the future")
	}
	clock = clock.Add(time.Minute)
	if err := c.Revoke(t.Context(), "officer:1", cert.SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	if got := get(clock); got.Status != ocsp.Revoked || !got.RevokedAt.Equal(clock.Truncate(time.Second)) {
		t.Errorf("after revocation: %+v", got)
	}

	if certs, ocsps, crls, err := c.Evidence(t.Context(), c.Issuing(), clock); err != nil || len(certs) != 1 || len(ocsps) != 0 || len(crls) != 1 {
		t.Errorf("issuing CA: %d, %d, %d, %v", len(certs), len(ocsps), len(crls), err)
	}
	other := catest.New(t, catest.Options{})
	if _, _, _, err := c.Evidence(t.Context(), other.Seal(t, newKey(t, "p256"), "Transport Department"), clock); !errors.Is(err, ca.ErrNotOurs) {
		t.Errorf("another CA of the same name: %v", err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	cert := c.Seal(t, newKey(t, "p256"), "Transport Department")
	if err := c.Probe(t.Context(), cert.SerialNumber); err != nil {
		t.Error(err)
	}
	n, err := ca.ParseSerial("01ff")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Probe(t.Context(), n); err == nil {
		t.Error("a serial that is not ours was probed well")
	}
}
