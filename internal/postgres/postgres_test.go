package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  postgres.Config
		want string
	}{
		"no DSN":         {postgres.Config{}, "no DSN"},
		"not a DSN":      {postgres.Config{DSN: "postgres://user:geheim@host:port/"}, "read DSN"},
		"nobody there":   {postgres.Config{DSN: "host=" + t.TempDir() + " user=x dbname=x"}, "connect to database"},
		"fewer than one": {postgres.Config{DSN: "host=/run", MaxConns: -1}, "MaxConns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("error %v, want one with %q, without a password", err, c.want)
			}
		})
	}
}

func counter(t *testing.T) *postgres.DB {
	t.Helper()
	db := postgrestest.New(t)
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE counter (name text PRIMARY KEY, n int NOT NULL); INSERT INTO counter VALUES ('a', 0), ('b', 0)`); err != nil {
		t.Fatal(err)
	}
	return db
}

func add(ctx context.Context, tx pgx.Tx, name string) error {
	_, err := tx.Exec(ctx, `UPDATE counter SET n = n + 1 WHERE name = $1`, name)
	return err
}

// Whatever ends a transaction but its own success leaves nothing behind.
func TestInTxRollsBack(t *testing.T) {
	t.Parallel()
	db := counter(t)
	refused := errors.New("refused")
	err := db.InTx(t.Context(), func(tx pgx.Tx) error {
		return errors.Join(add(t.Context(), tx, "a"), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want the function's own", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		db.InTx(t.Context(), func(tx pgx.Tx) error {
			if err := add(t.Context(), tx, "a"); err != nil {
				return err
			}
			panic("in the middle")
		})
	}()
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.InTx(ctx, func(tx pgx.Tx) error { cancel(); return add(ctx, tx, "a") }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled", err)
	}
	if n := query[int](t, db, `SELECT n FROM counter WHERE name = 'a'`); n != 0 {
		t.Errorf("counter is %d, want 0", n)
	}
}

// What the server asks to be repeated is repeated, and nothing else is.
func TestInTxRepeats(t *testing.T) {
	t.Parallel()
	db := counter(t)
	for _, c := range []struct {
		code  string
		times int // refused so often
		tries int // called so often
		fails bool
	}{
		{"40001", 3, 4, false},
		{"40P01", 1, 2, false},
		{"40001", 100, 8, true},
		{"23505", 1, 1, true},
	} {
		tries := 0
		err := db.InTx(t.Context(), func(tx pgx.Tx) error {
			tries++
			if err := add(t.Context(), tx, "a"); err != nil {
				return err
			}
			if tries <= c.times {
				return &pgconn.PgError{Code: c.code}
			}
			return nil
		})
		if tries != c.tries || (err != nil) != c.fails {
			t.Errorf("%s, %d times: %d tries, %v; want %d tries, failure %v", c.code, c.times, tries, err, c.tries, c.fails)
		}
	}
	if n := query[int](t, db, `SELECT n FROM counter WHERE name = 'a'`); n != 2 {
		t.Errorf("counter is %d, want 2: one for each success", n)
	}
}

// Two transactions that lock the same rows in opposite order both succeed.
func TestInTxDeadlock(t *testing.T) {
	t.Parallel()
	db := counter(t)
	var met sync.WaitGroup
	met.Add(2)
	run := func(first, second string) error {
		again := false
		return db.InTx(t.Context(), func(tx pgx.Tx) error {
			if err := add(t.Context(), tx, first); err != nil {
				return err
			}
			if !again { // both hold their first row now
				again = true
				met.Done()
				met.Wait()
			}
			return add(t.Context(), tx, second)
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- run("a", "b") }()
	go func() { errs <- run("b", "a") }()
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, db, `SELECT sum(n) FROM counter`); n != 4 {
		t.Errorf("sum is %d, want 4", n)
	}
}

// Processes that migrate the same empty database at the same moment wait for
// each other; a second migration finds nothing to do.
func TestMigrate(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			db, err := postgres.Open(t.Context(), postgres.Config{DSN: p.DSN(), MaxConns: 1})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			for range 2 {
				if err := db.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	db := open(t, p.DSN())
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("nothing to migrate: %v", time.Since(began))
	if n := query[int](t, db, `SELECT count(*) FROM audit_head`); n != 1 {
		t.Errorf("%d heads in the audit log, want 1", n)
	}
}
