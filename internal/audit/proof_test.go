package audit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/internal/postgres/postgrestest"
)

// A proof holds without the log, and says nothing else than the log says.
func TestProve(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	about := func(n int, subject string) {
		t.Helper()
		e := event(n)
		e.Subject = subject
		if err := db.InTx(t.Context(), func(tx pgx.Tx) error { return audit.Record(t.Context(), tx, e) }); err != nil {
			t.Fatal(err)
		}
	}
	for batch, size := range []int{3, 1, 7, 2, 12} {
		for n := range size {
			subject := "another"
			if (batch+n)%3 == 0 {
				subject = "stored:one"
			}
			about(100*batch+n, subject)
		}
		sequence(t, db, size)
	}
	proof, err := audit.Prove(t.Context(), db, "stored:one")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	again := func(change func(string) string) ([]audit.Entry, error) {
		p, err := audit.ReadProof([]byte(change(string(text))))
		if err != nil {
			return nil, err
		}
		return p.Verify()
	}
	entries, err := again(func(s string) string { return s })
	if err != nil || len(entries) != len(proof.Events) || len(entries) != 8 {
		t.Fatalf("%d entries of %d: %v", len(entries), len(proof.Events), err)
	}
	head := verify(t, db).Head
	if _, err := proof.Verify(head); err != nil || head != proof.Head {
		t.Errorf("with the head that was kept: %v", err)
	}
	other := head
	other.Hash[0] ^= 1
	if _, err := proof.Verify(other); !errors.Is(err, audit.ErrProof) {
		t.Errorf("with another head: %v", err)
	}
	first := func(old, now string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %q in %s", old, s)
			}
			return strings.Replace(s, old, now, 1)
		}
	}
	for name, change := range map[string]func(string) string{
		"another detail":   first(`\"n\":0`, `\"n\":1`),
		"another actor":    first(`"local:wong"`, `"local:wang"`),
		"another subject":  first(`"subject":"stored:one"`, `"subject":"stored:two"`),
		"another sequence": first(`"sequence":1,`, `"sequence":2,`),
		"another count":    first(`"count":3`, `"count":4`),
		"another version":  first(`"version":1`, `"version":2`),
		"a member more":    first(`"version":1`, `"version":1,"x":1`),
		"something behind": func(s string) string { return s + "{}" },
		"nothing":          func(string) string { return "{}" },
	} {
		if got, err := again(change); !errors.Is(err, audit.ErrProof) {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
	}
	cut := *proof
	cut.Batches = cut.Batches[1:]
	if _, err := cut.Verify(); !errors.Is(err, audit.ErrProof) {
		t.Errorf("without its first batch: %v", err)
	}
	about(999, "stored:one")
	if _, err := audit.Prove(t.Context(), db, "stored:one"); !errors.Is(err, audit.ErrUnsequenced) {
		t.Errorf("with an event on its way: %v", err)
	}
	if _, err := audit.Prove(t.Context(), db, "stored:none"); !errors.Is(err, audit.ErrNothing) {
		t.Errorf("about nothing: %v", err)
	}
}

func FuzzReadProof(f *testing.F) {
	f.Add([]byte(`{"version":1,"subject":"s","head":"1:1:` + strings.Repeat("0", 64) + `","before":"` + strings.Repeat("0", 64) +
		`","batches":[{"number":1,"first":1,"count":1,"at":"2026-01-01T00:00:00Z","root":"` + strings.Repeat("0", 64) + `"}],"events":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := audit.ReadProof(data)
		if err != nil {
			return
		}
		if entries, err := p.Verify(); err == nil && len(entries) != len(p.Events) {
			t.Errorf("%d of %d events", len(entries), len(p.Events))
		}
	})
}
