package registration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chop/registration"
	"chop/registration/retention"
)

// held are the names of the sealed fields of an account, and of its look-ups.
func (g *rig) held(account string) string {
	g.t.Helper()
	var names []string
	err := g.db.Pool.QueryRow(g.ctx(), `SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM (
		SELECT name AS n FROM registration_field WHERE owner = $1
		UNION ALL SELECT 'find ' || kind FROM registration_lookup WHERE owner = $1) x`, account).Scan(&names)
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// What is held of a closed account goes by its dates, and of no other account; the log counts, and names nobody.
func TestRetention(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	d, gone := g.account()
	stays := g.registered(d, g.card("eleven"))
	ends := g.clock.now().AddDate(3, 0, 0) // the certificate
	k, err := retention.New(retention.Config{DB: g.db, Policies: g.cfg.Policies, Now: g.clock.now, LastEnd: func(_ context.Context, srn string) (time.Time, error) {
		if srn != gone.SRN {
			return time.Time{}, fmt.Errorf("asked about %s", srn)
		}
		return ends, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	before := g.held(stays.ID)
	if err := g.r.Close(ctx, registration.Resident(gone.ID), gone.ID, "I leave"); err != nil {
		t.Fatal(err)
	}
	closed := g.clock.now()
	const all, identity = "birth commercial-codes find srn first-issued gender given-names immd issued number surname symbols", "find srn given-names immd number surname"
	if got := slices.DeleteFunc(strings.Fields(g.held(gone.ID)), func(s string) bool { return s == "chinese-name" }); strings.Join(got, " ") != all {
		t.Errorf("held after closing: %v, want %s", got, all)
	}
	for _, c := range []struct {
		name string
		at   time.Time
		due  retention.Count
		held string
	}{
		{"within the first year", closed.AddDate(1, 0, -1), retention.Count{}, all},
		{"after it", closed.AddDate(1, 0, 1), retention.Count{Card: 1}, identity},
		{"seven years after closing, for the certificate lasted longer", closed.AddDate(7, 0, 1), retention.Count{}, identity},
		{"seven years after the certificate", ends.AddDate(7, 0, -1), retention.Count{}, identity},
		{"and a day", ends.AddDate(7, 0, 1), retention.Count{Identity: 1}, ""},
	} {
		g.clock.pass(c.at.Sub(g.clock.now()))
		for try, want := range []retention.Count{c.due, c.due, {}} {
			due, deleted := k.Due, func(ctx context.Context) (retention.Count, error) { return k.Delete(ctx, "local:alice") }
			ask := []func(context.Context) (retention.Count, error){due, deleted, due}[try]
			if got, err := ask(ctx); err != nil || got != want {
				t.Errorf("%s, step %d: %+v, want %+v, %v", c.name, try, got, want, err)
			}
		}
		if got := strings.ReplaceAll(g.held(gone.ID), "chinese-name ", ""); got != c.held {
			t.Errorf("%s: held: %s, want %s", c.name, got, c.held)
		}
		a, err := g.r.Account(ctx, registration.System, gone.ID)
		if err != nil || a.State != registration.Closed || a.SRN != gone.SRN {
			t.Errorf("%s: the account is %+v, %v", c.name, a, err)
		}
	}
	if got := g.held(stays.ID); got != before {
		t.Errorf("of an active account is held %s, want %s", got, before)
	}
	var tickets, activities int
	if err := g.db.Pool.QueryRow(ctx, `SELECT (SELECT count(envelope) + count(card_digest) FROM registration_case WHERE account = $1),
		(SELECT count(*) FROM registration_activity WHERE account = $1)`, gone.ID).Scan(&tickets, &activities); err != nil || tickets+activities > 0 {
		t.Errorf("%d tickets and digests, %d activities are left, %v", tickets, activities, err)
	}
	var entries []string
	if err := g.db.Pool.QueryRow(ctx, `SELECT array_agg(actor || ' ' || subject || ' ' || detail::text ORDER BY id) FROM audit_pending WHERE action = 'registration.retention'`).Scan(&entries); err != nil {
		t.Fatal(err)
	}
	if want := []string{`local:alice  {"card":1,"identity":0}`, `local:alice  {"card":0,"identity":1}`}; !slices.Equal(entries, want) {
		t.Errorf("in the log: %q, want %q", entries, want)
	}
}

// A closing that is not finished keeps what its steps want.
func TestRetentionWaitsForClosing(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	ctx := t.Context()
	_, a := g.account()
	k, err := retention.New(retention.Config{DB: g.db, Policies: g.cfg.Policies, Now: g.clock.now, LastEnd: func(context.Context, string) (time.Time, error) { return time.Time{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	g.activation.fail["revoke"] = 1
	wants(t, "the CA is down", g.r.Close(ctx, registration.Resident(a.ID), a.ID, "I leave"), registration.ErrUnfinished)
	g.clock.pass(8 * 366 * 24 * time.Hour)
	if n, err := k.Due(ctx); err != nil || n != (retention.Count{}) {
		t.Errorf("%+v is due of an account whose closing is not finished, %v", n, err)
	}
	if _, err := g.r.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := k.Delete(ctx, "local:alice"); err != nil || n != (retention.Count{Identity: 1}) || g.held(a.ID) != "" {
		t.Errorf("%+v deleted, %v; held: %s", n, err, g.held(a.ID))
	}
}
