package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
)

// noon is when these tests take place, to the nanosecond: the log keeps microseconds.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 123456789, time.FixedZone("HKT", 8*3600))

func event(n int) audit.Event {
	return audit.Event{
		At: noon.Add(time.Duration(n) * time.Second), Actor: "local:wong", Role: "operator", Place: "desk 3",
		Action: "ca.issue", Subject: fmt.Sprintf("certificate:%04x", n), Reason: "陳大文 <asked> & got it\nsecond line",
		Detail: map[string]any{"n": n, "big": 1e21, "text": "a<b>&\u2028", "list": []string{"x"}},
	}
}

// record commits each event in a transaction of its own.
func record(t *testing.T, db *postgres.DB, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		err := db.InTx(t.Context(), func(tx pgx.Tx) error { return audit.Record(t.Context(), tx, event(n)) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sequence(t *testing.T, db *postgres.DB, want int) {
	t.Helper()
	n, err := audit.Sequence(t.Context(), db)
	if err != nil || n != want {
		t.Fatalf("Sequence: %d events, %v; want %d", n, err, want)
	}
}

func verify(t *testing.T, db *postgres.DB, kept ...audit.Head) *audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), db, kept...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exec(t *testing.T, db *postgres.DB, sql string) {
	t.Helper()
	if _, err := db.Pool.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestEmptyLog(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	sequence(t, db, 0)
	r := verify(t, db)
	if !r.OK() || r.Events != 0 || r.Batches != 0 || r.Unsequenced != 0 || r.Oldest != nil {
		t.Errorf("report of an empty log: %+v", r)
	}
}

// What is recorded is read back exactly, and gets its place in a batch.
func TestRecordSequenceVerify(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	record(t, db, 1, 5)
	r := verify(t, db)
	if !r.OK() || r.Events != 0 || r.Unsequenced != 5 || !r.Oldest.Equal(noon.Add(time.Second).Truncate(time.Microsecond)) {
		t.Errorf("before sequencing: %+v", r)
	}
	sequence(t, db, 5)
	record(t, db, 6, 8)
	sequence(t, db, 3)
	record(t, db, 9, 9)
	r = verify(t, db)
	if !r.OK() || r.Events != 8 || r.Batches != 2 || r.Unsequenced != 1 {
		t.Errorf("report %+v; want 8 events, 2 batches, 1 unsequenced", r)
	}
	var subject, reason, text string
	var at time.Time
	err := db.Pool.QueryRow(t.Context(), `SELECT subject, reason, at, detail->>'text' FROM audit_event WHERE sequence = 3`).
		Scan(&subject, &reason, &at, &text)
	if err != nil {
		t.Fatal(err)
	}
	if e := event(3); subject != e.Subject || reason != e.Reason || text != e.Detail["text"] || !at.Equal(e.At.Truncate(time.Microsecond)) {
		t.Errorf("read back %q %q %q %v; want what was recorded: %+v", subject, reason, text, at, e)
	}
}

// An event and its transaction are both kept, or neither.
func TestRollback(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	refused := errors.New("refused")
	err := db.InTx(t.Context(), func(tx pgx.Tx) error {
		if err := audit.Record(t.Context(), tx, event(1)); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	sequence(t, db, 0)
}

// A transaction that made its event first and commits last is not skipped.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	late, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.Record(t.Context(), late, event(1)); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 4; n++ {
		record(t, db, n, n)
		sequence(t, db, 1)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	sequence(t, db, 1)
	r := verify(t, db)
	if !r.OK() || r.Events != 4 || r.Unsequenced != 0 {
		t.Errorf("report %+v; want 4 events", r)
	}
	var last string
	if err := db.Pool.QueryRow(t.Context(), `SELECT subject FROM audit_event WHERE sequence = 4`).Scan(&last); err != nil || last != event(1).Subject {
		t.Errorf("event 4 is %q (%v), want the late one", last, err)
	}
}

// Several sequencers and many writers: every event gets one place, none two.
func TestConcurrentSequencers(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	const writers, each = 6, 40
	ctx, stop := context.WithCancel(t.Context())
	var sequencers, recording sync.WaitGroup
	for range 3 {
		s, err := audit.NewSequencer(audit.Config{DB: db, Every: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		sequencers.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for w := range writers {
		recording.Go(func() { record(t, db, w*each+1, (w+1)*each) })
	}
	recording.Wait()
	stop()
	sequencers.Wait()
	r := verify(t, db)
	if !r.OK() || r.Events != writers*each || r.Unsequenced != 0 {
		t.Errorf("report %+v; want %d events, none unsequenced", r, writers*each)
	}
}

// A log of more rows than a cursor's page and a pass's batch.
func TestLargeLog(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	const total = 4321
	err := db.InTx(t.Context(), func(tx pgx.Tx) error {
		for n := range total {
			if err := audit.Record(t.Context(), tx, event(n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.NewSequencer(audit.Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Drain(t.Context()); err != nil || n != total {
		t.Fatalf("Drain: %d, %v; want %d", n, err, total)
	}
	r := verify(t, db)
	if !r.OK() || r.Events != total || r.Batches != 3 {
		t.Errorf("report %+v; want %d events in 3 batches", r, total)
	}
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	for name, change := range map[string]func(*audit.Event){
		"no time":           func(e *audit.Event) { e.At = time.Time{} },
		"no actor":          func(e *audit.Event) { e.Actor = "" },
		"no action":         func(e *audit.Event) { e.Action = "" },
		"not UTF-8":         func(e *audit.Event) { e.Reason = "a\xffb" },
		"zero byte":         func(e *audit.Event) { e.Subject = "a\x00b" },
		"escape sequence":   func(e *audit.Event) { e.Actor = "a\x1b[2J" },
		"long text":         func(e *audit.Event) { e.Place = strings.Repeat("x", 5000) },
		"long detail":       func(e *audit.Event) { e.Detail = map[string]any{"x": strings.Repeat("x", 70000)} },
		"detail not a JSON": func(e *audit.Event) { e.Detail = map[string]any{"f": func() {}} },
	} {
		t.Run(name, func(t *testing.T) {
			e := event(1)
			change(&e)
			err := db.InTx(t.Context(), func(tx pgx.Tx) error { return audit.Record(t.Context(), tx, e) })
			if !errors.Is(err, audit.ErrEvent) {
				t.Errorf("recorded %+v: %v, want ErrEvent", e, err)
			}
		})
	}
}
