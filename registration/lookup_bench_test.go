package registration_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"chop/internal/postgres"
	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/personal"
)

// BenchmarkLookup is an officer's look-ups, whole: authorized, counted, audited, noted for the
// holder. CHOP_BENCH_ACCOUNTS accounts (1,000,000 if it is not set) are there besides.
//
//	go test -run '^$' -bench Lookup ./registration
func BenchmarkLookup(b *testing.B) {
	n := 1_000_000
	if s := os.Getenv("CHOP_BENCH_ACCOUNTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	g := newRig(b, nil)
	for _, name := range g.cfg.Policies.OfficerRoles() { // how often is not what is measured
		role, err := g.cfg.Policies.OfficerRole(name)
		if err != nil {
			b.Fatal(err)
		}
		role.Hourly = nil
	}
	first := g.hire("officer-1", "counter", counter, number(b, "E", "100001"))
	boss := g.hire("officer-6", "supervisor", counter, number(b, "E", "100006"))
	fill(b, g, n)
	known := people(b, g, n, 200)
	b.Logf("%d accounts", n)
	find := func(item registration.Item, of func(person) string) func(int) (int, error) {
		return func(i int) (int, error) {
			found, err := g.r.Find(b.Context(), first, item, of(known[i%len(known)]))
			return len(found), err
		}
	}
	search := func(f func(day time.Time) registration.Filter) func(int) (int, error) {
		return func(i int) (int, error) {
			found, err := g.r.Search(b.Context(), boss, f(opened(n, known[i%len(known)].i)))
			return len(found), err
		}
	}
	for _, l := range []struct {
		name string
		look func(int) (int, error)
	}{
		{"hkic", find(registration.ItemHKIC, func(p person) string { return p.number.Secret() })},
		{"account", find(registration.ItemAccount, func(p person) string { return p.account })},
		{"case", find(registration.ItemCase, func(p person) string { return p.case_ })},
		{"phone", find(registration.ItemPhone, func(p person) string { return p.phone })},
		{"email", find(registration.ItemEmail, func(p person) string { return p.email })},
		{"srn", find(registration.ItemNumber, func(p person) string { return p.srn })},
		{"status", search(func(time.Time) registration.Filter { return registration.Filter{State: "suspended"} })},
		{"date", search(func(day time.Time) registration.Filter {
			return registration.Filter{From: day, To: day.Add(24 * time.Hour)}
		})},
		{"status-and-date", search(func(day time.Time) registration.Filter {
			return registration.Filter{State: "suspended", From: day, To: day.Add(24 * time.Hour)}
		})},
		{"cases-by-status", func(int) (int, error) {
			found, err := g.r.SearchCases(b.Context(), boss, registration.Filter{State: "done"})
			return len(found), err
		}},
	} {
		b.Run(l.name, func(b *testing.B) {
			var took []time.Duration
			i := 0
			for b.Loop() {
				begun := time.Now()
				found, err := l.look(i)
				took = append(took, time.Since(begun))
				if err != nil || found == 0 {
					b.Fatalf("%d found, %v", found, err)
				}
				i++
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// person is one of those that are looked up.
type person struct {
	i                                 int
	number                            hkic.Number
	account, case_, phone, email, srn string
}

// opened is when the i-th of n accounts was opened: evenly over three years.
func opened(n, i int) time.Time {
	return time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * (3 * 365 * 24 * time.Hour / time.Duration(n)))
}

// fill makes n accounts with look-ups and cases, in the database itself: digests of nothing.
func fill(b *testing.B, g *rig, n int) {
	b.Helper()
	ctx := b.Context()
	step := fmt.Sprintf("interval '%d microseconds'", (3 * 365 * 24 * time.Hour / time.Duration(n)).Microseconds())
	for _, sql := range []string{
		`INSERT INTO registration_account (id, kind, state, srn, user_handle, language, place, credential, serial, agreement, agreed_at, opened_at, active_at, changed_at)
			SELECT ('0199f000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'sign', CASE WHEN i % 100 = 0 THEN 'suspended' ELSE 'active' END, 'SRN' || lpad(i::text, 10, '0'),
				sha256(i::text::bytea), 'en', 'counter', 'credential-' || i, decode(lpad(to_hex(i), 16, '0'), 'hex'), 'a', at, at, at, at
			FROM generate_series(1, $1::int) i, LATERAL (SELECT timestamptz '2023-01-01Z' + i * ` + step + ` AS at) t`,
		`INSERT INTO registration_lookup (owner, kind, generation, digest, proof)
			SELECT ('0199f000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, k, 1, sha256((k || i)::bytea), sha256('')
			FROM generate_series(1, $1::int) i, unnest(ARRAY['hkic', 'phone', 'email', 'srn']) k`,
		`INSERT INTO registration_case (id, account, kind, state, place, officer, second, nonce, agreement, agreed_at, credential, opened_at, changed_at, expires_at)
			SELECT ('0199f001-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, ('0199f000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'sign', 'done', 'counter', 'officer-1', 'officer-2',
				sha256(''), 'a', at, 'credential-' || i, at, at, at
			FROM generate_series(1, $1::int) i, LATERAL (SELECT timestamptz '2023-01-01Z' + i * ` + step + ` AS at) t`,
	} {
		if _, err := g.db.Pool.Exec(ctx, sql, n); err != nil {
			b.Fatal(err)
		}
	}
	for _, table := range []string{"registration_account", "registration_lookup", "registration_case"} {
		if _, err := g.db.Pool.Exec(ctx, `ANALYZE `+table); err != nil {
			b.Fatal(err)
		}
	}
}

// people gives some of the accounts real digests, all over the table.
func people(b *testing.B, g *rig, n, some int) []person {
	b.Helper()
	book, err := personal.New(personal.Config{DB: g.db, Sealer: g.cfg.Sealer, Now: g.clock.now})
	if err != nil {
		b.Fatal(err)
	}
	var known []person
	for k := range some {
		i := 100 * (k + 1) * max(1, n/100/(some+1)) // suspended ones, so that every search finds somebody
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		p := person{
			i: i, number: number(b, "B", fmt.Sprintf("%06d", k)), account: fmt.Sprintf("0199f000-0000-7000-8000-%012x", i), case_: fmt.Sprintf("0199f001-0000-7000-8000-%012x", i),
			phone: fmt.Sprintf("+8529%07d", k), email: fmt.Sprintf("%x@example.hk", sum[:6]), srn: fmt.Sprintf("SRN%010d", i),
		}
		sealed, err := book.Prepare(b.Context(), p.account, nil, map[personal.LookupKind]string{
			personal.HKIC: p.number.Normal(), personal.Phone: p.phone, personal.Email: p.email, personal.SRN: p.srn,
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := g.db.InTx(context.WithoutCancel(b.Context()), func(tx postgres.Tx) error { return book.Put(b.Context(), tx, sealed) }); err != nil {
			b.Fatal(err)
		}
		known = append(known, p)
	}
	return known
}
