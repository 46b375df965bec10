package personal_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/google/uuid"

	"chop/hsm"
	"chop/hsm/hsmtest"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/registration/personal"
)

func newOwner(t *testing.T) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func put(t *testing.T, db *postgres.DB, b *personal.Book, owner string, fields map[string]string, lookups map[personal.LookupKind]string) error {
	t.Helper()
	p, err := b.Prepare(t.Context(), owner, fields, lookups)
	if err != nil {
		t.Fatal(err)
	}
	return db.InTx(t.Context(), func(tx postgres.Tx) error { return b.Put(t.Context(), tx, p) })
}

// With the token: kept, found, changed, sealed anew, forgotten; and another token opens nothing.
func TestBook(t *testing.T) {
	token, err := hsm.Open(t.Context(), hsmtest.SoftHSM(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { token.Close() })
	sealer, err := token.Sealer(t.Context(), "registration")
	if err != nil {
		t.Fatal(err)
	}
	db := postgrestest.New(t)
	ctx := t.Context()
	open := func(s personal.Sealer) *personal.Book {
		b, err := personal.New(personal.Config{DB: db, Sealer: s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b, again := open(sealer), open(sealer)
	first, second := newOwner(t), newOwner(t)
	fields := map[string]string{"surname": "CHAN", "chinese-name": "陳大文", "empty": ""}
	if err := put(t, db, b, first, fields, map[personal.LookupKind]string{personal.HKIC: "A123456", personal.Phone: "+85291234567"}); err != nil {
		t.Fatal(err)
	}
	if err := put(t, db, again, second, fields, map[personal.LookupKind]string{personal.HKIC: "A123456"}); !errors.Is(err, personal.ErrTaken) {
		t.Errorf("a number of two owners: %v, want ErrTaken", err)
	}
	if err := put(t, db, again, second, fields, map[personal.LookupKind]string{personal.Phone: "+85291234567"}); err != nil {
		t.Errorf("a family's telephone: %v", err)
	}
	want := map[string]string{"surname": "CHAN", "chinese-name": "陳大文"}
	check := func(what string, b *personal.Book) {
		t.Helper()
		if got, err := b.Open(ctx, first); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
		if got, err := b.Find(ctx, personal.HKIC, "A123456"); err != nil || len(got) != 1 || got[0] != first {
			t.Errorf("%s: found %v, %v", what, got, err)
		}
		if got, err := b.Find(ctx, personal.Phone, "+85291234567"); err != nil || len(got) != 2 {
			t.Errorf("%s: found by telephone %v, %v", what, got, err)
		}
	}
	check("another process", again)
	if got, err := b.Open(ctx, first, "surname"); err != nil || len(got) != 1 || got["surname"] != "CHAN" {
		t.Errorf("one field: %v, %v", got, err)
	}
	stale, err := b.Prepare(ctx, first, map[string]string{"surname": "WONG"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Rotate(ctx, first); err != nil {
		t.Fatal(err)
	}
	check("after a change of key", again)
	if err := db.InTx(ctx, func(tx postgres.Tx) error { return b.Put(ctx, tx, stale) }); !errors.Is(err, personal.ErrStale) {
		t.Errorf("fields of the old key: %v, want ErrStale", err)
	}
	var generation int
	if err := db.Pool.QueryRow(ctx, `SELECT min(generation) FROM registration_field WHERE owner = $1`, first).Scan(&generation); err != nil || generation != 2 {
		t.Errorf("generation %d, %v", generation, err)
	}

	foreign, err := token.Sealer(ctx, "another")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(foreign).Open(ctx, first); !errors.Is(err, hsm.ErrSealed) {
		t.Errorf("another sealing key opens %v, %v", got, err)
	}
	if got, err := open(foreign).Find(ctx, personal.HKIC, "A123456"); !errors.Is(err, hsm.ErrSealed) {
		t.Errorf("another sealing key finds %v, %v", got, err)
	}
	if err := put(t, db, b, first, map[string]string{"surname": ""}, map[personal.LookupKind]string{personal.HKIC: ""}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Find(ctx, personal.HKIC, "A123456"); err != nil || len(got) != 0 {
		t.Errorf("removed, and found %v, %v", got, err)
	}
	if err := db.InTx(ctx, func(tx postgres.Tx) error { return b.Forget(ctx, tx, first) }); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Open(ctx, first); !errors.Is(err, personal.ErrNoOwner) {
		t.Errorf("forgotten, and opened %v, %v", got, err)
	}

	// Processes that make the digest key at the same moment agree on one.
	if _, err := db.Pool.Exec(ctx, `TRUNCATE registration_lookup, registration_digest_key`); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			d, err := open(sealer).Digest(ctx, "test", "value")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			seen[fmt.Sprintf("%x", d)] = true
		})
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("%d different digests", len(seen))
	}
}
