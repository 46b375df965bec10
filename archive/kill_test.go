package archive

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/signer/signertest"
)

func mustID(t *testing.T, text string) uuid.UUID {
	t.Helper()
	id, err := uuid.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// files of the store, by their paths.
func (r *rig) files() (list []string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *rig) nothingLeft() {
	r.t.Helper()
	if list := r.files(); len(list) != 0 {
		r.t.Errorf("left: %v", list)
	}
}

var errKilled = errors.New("killed")

// killed ends what do does at the nth time that it comes to a moment. It says whether it came there.
func killed(s *Store, moment string, n int, do func(*Store)) (died bool) {
	dying := *s
	dying.at = func(m string) {
		if m == moment {
			if n--; n == 0 {
				panic(errKilled)
			}
		}
	}
	defer func() {
		if got := recover(); got != nil {
			if got != errKilled {
				panic(got)
			}
			died = true
		}
	}()
	do(&dying)
	return false
}

// Killed at any moment of an addition, the file is there whole when it is sent again, or after the next pass; at any
// moment of a renewal, the generation before is there, and the next pass makes the new one. No half is left.
func TestKilled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.store()
	moments := []struct {
		name string
		n    int
	}{{"entered", 1}, {"intended", 1}, {"half", 1}, {"original", 1}, {"extended", 1}, {"half", 2}, {"written", 1}, {"recorded", 1}}
	var ids []string
	for i, m := range moments {
		for _, again := range []string{"sent again", "next pass"} {
			name := m.name + ", " + again
			q := AddRequest{Name: "a.pdf", Document: r.pdf(strings.Repeat("x", i+1) + again)}
			if !killed(s, m.name, m.n, func(s *Store) { _, _, _ = s.Add(t.Context(), clerk, q) }) {
				t.Fatalf("%s: it did not come there", name)
			}
			before, err := s.List(t.Context(), clerk, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			if again == "next pass" {
				if p, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil || p.Failed+p.Busy != 0 {
					t.Fatalf("%s: a pass: %+v, %v", name, p, err)
				}
			}
			if again == "sent again" || len(before) == len(ids) || m.name == "intended" || m.name == "half" && m.n == 1 {
				// Nobody was told that it was taken, and its bytes were not on the disk: who sent it still has it.
				if _, _, err := s.Add(t.Context(), clerk, q); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			list, err := s.List(t.Context(), clerk, Filter{})
			if err != nil || len(list) != len(ids)+1 || list[0].State != Kept || list[0].Generation != 1 {
				t.Fatalf("%s: %d documents, %v, the newest %+v", name, len(list), err, list[0])
			}
			ids = append(ids, list[0].ID)
			r.good(s, list[0].ID)
		}
	}
	r.whole(2 * len(ids))

	r.goTo(signertest.Epoch.AddDate(0, 8, 0))
	r.NewUnit("Harbour TSU 2", signertest.Epoch.AddDate(0, 7, 0), signertest.Epoch.AddDate(4, 0, 0))
	id := ids[0]
	for i, m := range []string{"intended", "extended", "half", "written", "recorded"} {
		if !killed(s, m, 1, func(s *Store) { _, _ = s.Renew(t.Context(), clerk, id, true) }) {
			t.Fatalf("%s: it did not come there", m)
		}
		d, err := s.Get(t.Context(), clerk, id)
		made := i + 1
		if m == "recorded" {
			made++
		}
		if err != nil || d.Generation != made {
			t.Fatalf("%s: %+v, %v", m, d, err)
		}
		r.good(s, id)
		if d, err = s.Renew(t.Context(), clerk, id, m != "recorded"); m == "recorded" {
			if !errors.Is(err, ErrNotDue) {
				t.Errorf("%s: %v", m, err)
			}
			continue
		}
		if err != nil || d.Generation != i+2 || d.State != Kept {
			t.Fatalf("%s: %+v, %v", m, d, err)
		}
		r.good(s, id)
	}
	if _, err := s.Renew(t.Context(), clerk, id, true); err != nil {
		t.Error(err)
	}
	r.whole(2*(len(ids)-1) + 3)

	if !killed(s, "removed", 1, func(s *Store) { _ = s.Remove(t.Context(), clerk, id, "kept long enough") }) {
		t.Fatal("it was not removed")
	}
	if _, err := s.Content(t.Context(), clerk, id); !errors.Is(err, ErrRemoved) {
		t.Errorf("after its removal: %v", err)
	}
	if _, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil {
		t.Error(err)
	}
	r.whole(3 * (len(ids) - 1))
}

// whole wants the audit log to be so, and that many files in the store, none of them half.
func (r *rig) whole(want int) {
	r.t.Helper()
	list := r.files()
	for _, p := range list {
		if strings.HasSuffix(p, partial) {
			r.t.Errorf("a half file is left: %s", p)
		}
	}
	if len(list) != want {
		r.t.Errorf("%d files in the store, want %d", len(list), want)
	}
	report, err := audit.Verify(r.t.Context(), r.db)
	if err != nil || !report.OK() {
		r.t.Errorf("audit log: %+v, %v", report, err)
	}
}
