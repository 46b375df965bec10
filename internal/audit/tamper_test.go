package audit_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"chop/internal/audit"
	"chop/internal/postgres/postgrestest"
)

// Somebody with the database's password, but without a copy of its head, changes
// a log of three batches: events 1-3, 4-6, 7-9. Each change is found, and the
// report says where.
func TestTampering(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sql, want string }{
		{"actor changed", `UPDATE audit_event SET actor = 'local:lee' WHERE sequence = 5`, "event 5 ("},
		{"time changed by a microsecond", `UPDATE audit_event SET at = at + interval '1 microsecond' WHERE sequence = 5`, "event 5 ("},
		{"detail: same JSON, other text", `UPDATE audit_event SET detail = (detail::text || ' ')::json WHERE sequence = 5`, "event 5 ("},
		{"text moved between fields", `UPDATE audit_event SET role = role || place, place = '' WHERE sequence = 5`, "event 5 ("},
		{"id changed", `UPDATE audit_event SET id = gen_random_uuid() WHERE sequence = 5`, "event 5 ("},
		{"event and its leaf changed", `UPDATE audit_event SET leaf = sha256('x') WHERE sequence = 5`, "batch 2: its events"},
		{"leaf cut short", `ALTER TABLE audit_event DROP CONSTRAINT audit_event_leaf_check;
			UPDATE audit_event SET leaf = substr(leaf, 1, 31) WHERE sequence = 5`, "event 5 ("},
		{"two events exchanged", `UPDATE audit_event SET sequence = 1000 WHERE sequence = 4;
			UPDATE audit_event SET sequence = 4 WHERE sequence = 5;
			UPDATE audit_event SET sequence = 5 WHERE sequence = 1000`, "batch 2: its events"},
		{"first event removed", `DELETE FROM audit_event WHERE sequence = 1`, "events 1 to 1 are missing"},
		{"event removed", `DELETE FROM audit_event WHERE sequence = 5`, "events 5 to 5 are missing"},
		{"last event removed", `DELETE FROM audit_event WHERE sequence = 9`, "events 9 to 9 are missing"},
		{"event removed, gap closed", `DELETE FROM audit_event WHERE sequence = 5;
			UPDATE audit_event SET sequence = 5 WHERE sequence = 6`, "events 6 to 6 are missing"},
		{"event put in behind", insert(10), "event 10 ("},
		{"event put in before", `ALTER TABLE audit_event DROP CONSTRAINT audit_event_sequence_check; ` + insert(0), "event 0 ("},
		{"event put in beside", `ALTER TABLE audit_event DROP CONSTRAINT audit_event_pkey; ` + insert(5), "event 5 is there twice"},
		{"batch removed", `DELETE FROM audit_batch WHERE number = 2`, "batches 2 to 2 are missing"},
		{"batch and events removed", `DELETE FROM audit_batch WHERE number = 2; DELETE FROM audit_event WHERE sequence BETWEEN 4 AND 6`, "batches 2 to 2 are missing"},
		{"batch removed, numbers closed", `DELETE FROM audit_batch WHERE number = 2; DELETE FROM audit_event WHERE sequence BETWEEN 4 AND 6;
			UPDATE audit_batch SET number = 2 WHERE number = 3`, "batch 2 begins with event 7"},
		{"first batch removed", `DELETE FROM audit_batch WHERE number = 1`, "batches 1 to 1 are missing"},
		{"last batch removed", `DELETE FROM audit_batch WHERE number = 3; DELETE FROM audit_event WHERE sequence > 6`, "its head says 3:9:"},
		{"batch's time changed", `UPDATE audit_batch SET at = at - interval '1 day' WHERE number = 2`, "batch 2 was changed"},
		{"batch's count changed", `UPDATE audit_batch SET count = 2 WHERE number = 3`, "batch 3 was changed"},
		{"batch's count past the end", `UPDATE audit_batch SET count = 9223372036854775807 WHERE number = 3`, "batch 3 was changed"},
		{"batch's root changed", `UPDATE audit_batch SET root = sha256('x') WHERE number = 2`, "batch 2: its events"},
		{"batch's hash changed", `UPDATE audit_batch SET hash = sha256('x') WHERE number = 2`, "batch 2 was changed"},
		{"batch put in", `INSERT INTO audit_batch SELECT 4, 10, 1, at, root, hash FROM audit_batch WHERE number = 3`, "batch 4 was changed"},
		{"head changed", `UPDATE audit_head SET sequence = 8`, "its head says 3:8:"},
		{"head set back", `UPDATE audit_head SET batch = b.number, sequence = 6, hash = b.hash FROM audit_batch AS b WHERE b.number = 2`, "its head says 2:6:"},
		{"head removed", `DELETE FROM audit_head`, "head is missing"},
		{"everything removed", `DELETE FROM audit_event; DELETE FROM audit_batch`, "its head says 3:9:"},
		{"old event recorded again", `INSERT INTO audit_pending SELECT id, at, actor, role, place, action, subject, reason, detail FROM audit_event WHERE sequence = 2`, "1 events without a place have one already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.New(t)
			for b := range 3 {
				record(t, db, 3*b+1, 3*b+3)
				sequence(t, db, 3)
			}
			if r := verify(t, db); !r.OK() {
				t.Fatalf("before: %q", r.Problems)
			}
			exec(t, db, c.sql)
			r := verify(t, db)
			if !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("%s\nproblems %q\nwant one with %q", c.sql, r.Problems, c.want)
			}
		})
	}
}

// insert is a statement that copies event 5 to another place, with a fresh id.
func insert(sequence int) string {
	return strings.ReplaceAll(`INSERT INTO audit_event
		SELECT $n, gen_random_uuid(), at, actor, role, place, action, subject, reason, detail, leaf
		FROM audit_event WHERE sequence = 5`, "$n", strconv.Itoa(sequence))
}

// A log that was written anew as a whole is sound in itself: only a head that
// was kept elsewhere tells.
func TestKeptHead(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	record(t, db, 1, 3)
	sequence(t, db, 3)
	kept := verify(t, db).Head
	record(t, db, 4, 6)
	sequence(t, db, 3)
	if r := verify(t, db, kept, audit.Head{}); !r.OK() {
		t.Fatalf("an honest log: %q", r.Problems)
	}

	exec(t, db, `
		DELETE FROM audit_event; DELETE FROM audit_batch;
		UPDATE audit_head SET batch = 0, sequence = 0, hash = decode(repeat('00', 32), 'hex')`)
	if r := verify(t, db, kept); r.OK() || !strings.Contains(r.Problems[0], "is not in the log") {
		t.Errorf("an emptied log: %q", r.Problems)
	}
	record(t, db, 11, 13)
	sequence(t, db, 3)
	if r := verify(t, db); !r.OK() {
		t.Fatalf("a new log: %q", r.Problems)
	}
	if r := verify(t, db, kept); r.OK() || !strings.Contains(r.Problems[0], "is not the one that was kept") {
		t.Errorf("a new log against the kept head: %q", r.Problems)
	}
}

// A log full of faults gives a report of bounded size.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	record(t, db, 1, 150)
	sequence(t, db, 150)
	exec(t, db, `UPDATE audit_event SET actor = 'nobody'`)
	if r := verify(t, db); len(r.Problems) != 100 || r.More != 50 {
		t.Errorf("%d problems and %d more, want 100 and 50", len(r.Problems), r.More)
	}
}
