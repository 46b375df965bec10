package postgres_test

import (
	"context"
	"testing"
	"time"

	"chop/internal/postgres"
)

// The process that started the server is killed before it has made the database: the next process makes it.
func TestPrivateAdoptsWithoutDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	admin := open(t, start(t, dir).AdminDSN())
	for _, undo := range []string{`DROP DATABASE chop`, `DROP ROLE chop`} {
		if _, err := admin.Pool.Exec(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
	}
	if n := query[int](t, open(t, start(t, dir).DSN()), `SELECT 1`); n != 1 {
		t.Error(n)
	}
}

// A start that was cancelled before it began ends with an error, at each step that it may have come to.
func TestPrivateCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for wait := time.Duration(0); wait < 40*time.Millisecond; wait += 4 * time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		if p, err := postgres.StartPrivate(ctx, postgres.PrivateConfig{Dir: dir}); err == nil {
			p.Close()
			t.Errorf("after %v: no error", wait)
		}
		cancel()
	}
	if n := query[int](t, open(t, start(t, dir).DSN()), `SELECT 1`); n != 1 {
		t.Error(n)
	}
}
