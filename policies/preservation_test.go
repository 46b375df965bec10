package policies

import (
	"crypto"
	"testing"
	"time"
)

func TestPreservation(t *testing.T) {
	t.Parallel()
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Preservation("default")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	if h := p.Hash(now); h != crypto.SHA256 {
		t.Errorf("hash %v, want SHA-256", h)
	}
	// The earliest of all suites counts: RSA's of 2048 bits in that of TS 119 312.
	if end, by := p.End([]string{"sha256", "rsa-pkcs1-2048", "ecdsa-p256"}); by != "rsa-pkcs1-2048" || !end.Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("ends %v by %q", end, by)
	}
	if end, by := p.End([]string{"sha512", "ecdsa-p256", "nobody knows it"}); !end.IsZero() || by != "" {
		t.Errorf("ends %v by %q, want no end", end, by)
	}
	soon := func(sha256, sha384, sha512 time.Time) *Preservation {
		return p.Under(&Suite{Name: "they end", Algorithms: map[string]Until{"sha256": {sha256}, "sha384": {sha384}, "sha512": {sha512}}})
	}
	for name, c := range map[string]struct {
		p    *Preservation
		want crypto.Hash
	}{
		"SHA-256 in two years":               {soon(now.AddDate(2, 0, 0), time.Time{}, time.Time{}), crypto.SHA384},
		"SHA-256 in four years":              {soon(now.AddDate(4, 0, 0), time.Time{}, time.Time{}), crypto.SHA256},
		"all in two years, SHA-512 the last": {soon(now.AddDate(1, 0, 0), now.AddDate(1, 1, 0), now.AddDate(2, 0, 0)), crypto.SHA512},
	} {
		if got := c.p.Hash(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for days, want := range map[int]bool{0: true, 179: true, 181: false} {
		if got := p.Due(now.AddDate(0, 0, days), now); got != want {
			t.Errorf("fades in %d days: due %t", days, got)
		}
	}
	for name, bad := range map[string]Preservation{
		"nothing":          {},
		"no generation":    {Margin: p.Margin, Ahead: p.Ahead, Hashes: p.Hashes, Suites: p.Suites},
		"another hash":     {Margin: p.Margin, Ahead: p.Ahead, Hashes: []string{"md5"}, Suites: p.Suites, Generations: 2},
		"an unknown suite": {Margin: p.Margin, Ahead: p.Ahead, Hashes: p.Hashes, Suites: []string{"x"}, Generations: 2},
	} {
		if err := bad.resolve(set); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
