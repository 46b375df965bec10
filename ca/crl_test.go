package ca_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"chop/ca"
	"chop/ca/catest"
)

func parseList(t *testing.T, der []byte, err error) *x509.RevocationList {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// baseOf is a delta's BaseCRLNumber, or nil for a full list.
func baseOf(t *testing.T, l *x509.RevocationList) *big.Int {
	t.Helper()
	for _, e := range l.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 27}) {
			n := new(big.Int)
			if _, err := asn1.Unmarshal(e.Value, &n); err != nil || !e.Critical {
				t.Fatalf("deltaCRLIndicator: %v", err)
			}
			return n
		}
	}
	return nil
}

func has(l *x509.RevocationList, oid ...int) bool {
	return slices.ContainsFunc(l.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
}

func TestCRLFromTheFirst(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	// Before any certificate: an empty list, and a delta to it.
	der, err := c.CRL(t.Context())
	base := parseList(t, der, err)
	der, err = c.DeltaCRL(t.Context())
	delta := parseList(t, der, err)
	if len(base.RevokedCertificateEntries)+len(delta.RevokedCertificateEntries) != 0 {
		t.Error("entries before any certificate")
	}
	if b := baseOf(t, delta); b == nil || b.Cmp(base.Number) != 0 || delta.Number.Cmp(base.Number) <= 0 {
		t.Errorf("delta %s to base %s, full list has %s", delta.Number, b, base.Number)
	}
	if !has(base, 2, 5, 29, 46) || has(delta, 2, 5, 29, 46) {
		t.Error("freshestCRL belongs into the full list and nowhere else")
	}
	for _, l := range []*x509.RevocationList{base, delta} {
		if !has(l, 2, 5, 29, 28) || !has(l, 2, 5, 29, 60) || !has(l, 2, 5, 29, 35) {
			t.Errorf("extensions %v", l.Extensions)
		}
		if err := l.CheckSignatureFrom(c.Issuing()); err != nil {
			t.Error(err)
		}
	}
	if baseOf(t, base) != nil {
		t.Error("the full list says that it is a delta")
	}
}

func TestCRLFollowsChanges(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	der, err := c.CRL(t.Context())
	first := parseList(t, der, err)
	held, gone := c.Resident(t, newKey(t, "p256")).SerialNumber, c.Resident(t, newKey(t, "p256")).SerialNumber
	check := func(what string, serial *big.Int, wantBase, wantDelta int) {
		t.Helper()
		for _, one := range []struct {
			kind string
			want int
			e    x509.RevocationListEntry
			ok   bool
		}{{kind: "full list", want: wantBase}, {kind: "delta", want: wantDelta}} {
			if one.kind == "delta" {
				one.e, one.ok = entry(t, c.DeltaCRL, serial)
			} else {
				one.e, one.ok = entry(t, c.CRL, serial)
			}
			got := -1
			if one.ok {
				got = one.e.ReasonCode
			}
			if got != one.want {
				t.Errorf("%s: %s has reason %d, want %d (-1: absent)", what, one.kind, got, one.want)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check("new", held, -1, -1)
	must(c.Suspend(t.Context(), "officer:1", held, ca.Reason{}))
	must(c.Revoke(t.Context(), "officer:1", gone, ca.Reason{Code: ca.KeyCompromise}))
	check("held", held, 6, 6)
	check("revoked", gone, 1, 1)
	must(c.Resume(t.Context(), "officer:1", held, ca.Reason{}))
	// In a full list a resumed certificate is simply absent.
	check("resumed", held, -1, 8)
	must(c.Suspend(t.Context(), "officer:1", held, ca.Reason{}))
	must(c.Revoke(t.Context(), "officer:1", held, ca.Reason{Code: ca.PrivilegeWithdrawn}))
	check("held and revoked", held, 9, 9)

	// Numbers grow, and the delta starts at the oldest full list still valid.
	der, err = c.CRL(t.Context())
	last := parseList(t, der, err)
	der, err = c.DeltaCRL(t.Context())
	delta := parseList(t, der, err)
	if last.Number.Cmp(first.Number) <= 0 || delta.Number.Cmp(last.Number) <= 0 || baseOf(t, delta).Cmp(first.Number) != 0 {
		t.Errorf("numbers: first %s, last %s, delta %s to %s", first.Number, last.Number, delta.Number, baseOf(t, delta))
	}
	// Without a change nothing is signed again.
	der, err = c.CRL(t.Context())
	if again := parseList(t, der, err); again.Number.Cmp(last.Number) != 0 {
		t.Error("an unchanged list was signed again")
	}
}

// Revoked certificates stay on the list after they expired (ExpiredCertsOnCRL),
// lists are renewed before they end, and a delta outlives the base it began with.
func TestCRLInTime(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	c := catest.New(t, catest.Options{Now: func() time.Time { return clock }})
	cert := c.Resident(t, newKey(t, "p256"))
	if err := c.Revoke(t.Context(), "officer:1", cert.SerialNumber, ca.Reason{Code: ca.KeyCompromise}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		der, err := c.CRL(t.Context())
		base := parseList(t, der, err)
		der, err = c.DeltaCRL(t.Context())
		delta := parseList(t, der, err)
		if !base.NextUpdate.After(clock) || !delta.NextUpdate.After(clock) || clock.Sub(base.ThisUpdate) > 8*time.Hour {
			t.Errorf("at %s: full list to %s, delta to %s", clock, base.NextUpdate, delta.NextUpdate)
		}
		if delta.Number.Cmp(base.Number) <= 0 || baseOf(t, delta).Cmp(base.Number) > 0 {
			t.Errorf("delta %s to %s cannot be combined with %s", delta.Number, baseOf(t, delta), base.Number)
		}
		clock = clock.Add(9 * time.Hour)
	}
	clock = cert.NotAfter.AddDate(1, 0, 0)
	if !onList(t, c.CRL, cert.SerialNumber) {
		t.Error("an expired certificate left the list")
	}
}

// Two processes publish at once: every number once, and every change on a list.
func TestCRLTwoPublishers(t *testing.T) {
	t.Parallel()
	c := catest.New(t, catest.Options{})
	other, err := ca.New(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for _, a := range []*ca.Authority{c.Authority, other} {
		go func() {
			for range 8 {
				if err := a.PublishCRL(t.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := c.Revoke(t.Context(), "officer:1", c.Resident(t, newKey(t, "p256")).SerialNumber, ca.Reason{Code: ca.Superseded}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	der, err := other.CRL(t.Context())
	if l := parseList(t, der, err); len(l.RevokedCertificateEntries) != 8 {
		t.Errorf("%d entries, want 8", len(l.RevokedCertificateEntries))
	}
	if n := count(t, c, `SELECT count(*) FROM ca_status WHERE version > 1 AND crl_number IS NULL`); n != 0 {
		t.Errorf("%d changes are on no list", n)
	}
	if n := count(t, c, `SELECT count(*) FROM ca_crl WHERE crl IS NULL`); n != 0 {
		t.Errorf("%d lists were begun and not signed", n)
	}
}
