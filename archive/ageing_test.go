package archive

import (
	"context"
	"errors"
	"testing"
	"time"

	"chop/policies"
	"chop/signer/signertest"
	"chop/validation"
)

// Each form, added, holds through the years because the job renews it: before its unit's certificate ends, and by
// another hash before SHA-256 does. The file that was not renewed does not hold.
func TestYears(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.store()
	files := map[string]*Document{}
	for name, q := range r.signed() {
		d := r.add(s, clerk, q)
		if d.State != Kept || d.Generation != 1 || d.Due || d.FadesBy != "certificate" || !d.FadesAt.Equal(r.TSU.NotAfter) {
			t.Errorf("%s: %+v", name, d)
		}
		files[name] = d
		r.good(s, d.ID)
	}
	content := func(id string) *file {
		t.Helper()
		b, err := s.Content(t.Context(), operator, id)
		if err != nil {
			t.Fatal(err)
		}
		f := &file{bytes: b}
		for _, q := range r.signed() {
			if d := files[q.Name]; d.ID == id {
				f.covered = q.Covered
			}
		}
		return f
	}
	twins := map[string]*file{}
	keepTwins := func() {
		for _, d := range files {
			twins[d.ID] = content(d.ID)
		}
	}
	keepTwins()
	months := func(n int) time.Time { return signertest.Epoch.AddDate(0, n, 0) }
	pass := func(want int) {
		t.Helper()
		if p, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil || p.Renewed != want || p.Failed+p.Busy != 0 {
			list, _ := s.List(t.Context(), operator, Filter{Fading: true})
			for _, d := range list {
				t.Logf("%+v", d)
			}
			t.Errorf("a pass: %+v, %v; want %d renewed", p, err, want)
		}
	}
	faded := func() {
		t.Helper()
		for name, d := range files {
			r.good(s, d.ID)
			report, err := s.judge(t.Context(), twins[d.ID])
			if err != nil || passed(report) == nil {
				t.Errorf("%s: what was not renewed still passes (%v)", name, err)
			}
		}
	}
	r.goTo(months(5))
	pass(0)
	r.goTo(months(8))
	r.NewUnit("Harbour TSU 2", months(7), months(40))
	pass(len(files))
	pass(0)
	r.goTo(months(14)) // the first unit's certificate has ended
	faded()
	keepTwins()

	end := months(24)
	r.suite = &policies.Suite{Name: "SHA-256 ends", Algorithms: map[string]policies.Until{
		"sha256": {Time: end}, "sha384": {}, "sha512": {}, "ecdsa-p256": {}, "ecdsa-p384": {},
	}}
	r.policy = r.policy.Under(r.suite)
	r.Hash = r.policy.Hash(months(20))
	s = r.store()
	pass(0)
	r.goTo(months(20))
	pass(len(files))
	r.goTo(months(26)) // SHA-256 has ended
	faded()
	for name, d := range files {
		d, err := s.Get(t.Context(), clerk, d.ID)
		if err != nil || d.Generation != 3 || d.FadesBy != "certificate" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		generations, err := s.generations(t.Context(), mustID(t, d.ID))
		if err != nil || len(generations) != 3 || generations[2].Hash != "sha384" || !generations[0].Dropped || generations[1].Dropped {
			t.Errorf("%s: %+v, %v", name, generations, err)
		}
	}
}

// A time-stamp that cannot be had is tried again, less and less often, and shown meanwhile; what was taken is not lost.
func TestAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.store()
	r.signed()
	q := AddRequest{Name: "a.pdf", Document: r.pdf("a")}
	late := AddRequest{Name: "b.pdf", Document: r.pdf("b")}
	d := r.add(s, clerk, q)
	away := errors.New("the authority does not answer")
	r.tsa = away
	l := r.add(s, clerk, late)
	if l.State != Adding || l.Attempts != 1 || l.Failure == "" {
		t.Errorf("added without a time-stamp: %+v", l)
	}
	r.goTo(signertest.Epoch.AddDate(0, 8, 0))
	var pauses []time.Duration
	for range 4 {
		p, err := s.Pass(t.Context(), Job, time.Time{}, false)
		if err != nil || p.Failed != 2 {
			t.Errorf("a pass: %+v, %v", p, err)
		}
		d, err := s.Get(t.Context(), clerk, d.ID)
		if err != nil || d.State != Kept || !d.Due || d.Failure == "" {
			t.Fatalf("%+v, %v", d, err)
		}
		pauses = append(pauses, d.RetryAt.Sub(r.clock()).Round(time.Minute))
		if p, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil || p != (Pass{}) {
			t.Errorf("before its time: %+v, %v", p, err)
		}
		l, err := s.Get(t.Context(), clerk, l.ID)
		if err != nil {
			t.Fatal(err)
		}
		r.goTo(l.RetryAt.Add(time.Second))
	}
	for i := 1; i < len(pauses); i++ {
		if pauses[i] != 2*pauses[i-1] {
			t.Errorf("pauses %v", pauses)
		}
	}
	list, err := s.List(t.Context(), operator, Filter{Fading: true})
	if c, failed := s.Counts(t.Context()); failed != nil || err != nil || len(list) != 2 || c.Due != 1 || c.Failing != 2 || c.Documents != 2 {
		t.Errorf("fading: %d, %v; counts %+v, %v", len(list), err, c, failed)
	}
	r.tsa = nil
	if p, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil || p.Renewed != 2 {
		t.Errorf("when it answers again: %+v, %v", p, err)
	}
	// Within the margin, and nothing better to be had: it is not renewed over and over.
	if p, err := s.Pass(t.Context(), Job, time.Time{}, false); err != nil || p != (Pass{}) {
		t.Errorf("once more: %+v, %v", p, err)
	}
	r.good(s, d.ID)
	r.good(s, l.ID)
	// The job does the same by itself, and ends when it is told to.
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// What does not pass, or cannot be renewed, is refused with the reason, and leaves nothing.
func TestAddRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.max = 1 << 20
	s := r.store()
	good := r.pdf("good")
	broken := []byte(string(good))
	broken[12] ^= 1
	files := r.signed()
	compact := files["letter-false.jws"]
	for name, c := range map[string]struct {
		q    AddRequest
		c    Caller
		want error
	}{
		"changed":            {AddRequest{Name: "x.pdf", Document: broken}, clerk, ErrNotPassed},
		"not signed":         {AddRequest{Name: "x.pdf", Document: blank("")}, clerk, ErrNotPassed},
		"no document":        {AddRequest{Name: "x.txt", Document: []byte("hello")}, clerk, ErrNotPassed},
		"without its file":   {AddRequest{Name: "x.p7s", Document: files["letter-true.p7s"].Document}, clerk, ErrNotPassed},
		"empty":              {AddRequest{Name: "x.pdf"}, clerk, ErrRequest},
		"no name":            {AddRequest{Name: "", Document: good}, clerk, ErrRequest},
		"a name with a line": {AddRequest{Name: "a\nb", Document: good}, clerk, ErrRequest},
		"no department":      {AddRequest{Name: "x.pdf", Document: good}, operator, ErrRequest},
		"another's":          {AddRequest{Name: "x.pdf", Document: good, Department: "lands"}, clerk, ErrNotFound},
		"too large":          {AddRequest{Name: "x.pdf", Document: make([]byte, 2<<20)}, clerk, ErrSize},
		"no actor":           {AddRequest{Name: "x.pdf", Document: good}, Caller{Department: "lands"}, ErrRequest},
		"two of one name":    {AddRequest{Name: "x", Document: good, Covered: []validation.File{{Name: "a"}, {Name: "b/a"}}}, clerk, ErrRequest},
	} {
		if d, _, err := s.Add(t.Context(), c.c, c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, d, err, c.want)
		}
	}
	if list, err := s.List(t.Context(), operator, Filter{Removed: true}); err != nil || len(list) != 0 {
		t.Errorf("after refusals: %d documents, %v", len(list), err)
	}
	r.nothingLeft()
	first := r.add(s, clerk, compact)
	again, already, err := s.Add(t.Context(), clerk, compact)
	if err != nil || !already || again.ID != first.ID {
		t.Errorf("the same file again: %+v, %t, %v", again, already, err)
	}
	other := r.add(s, stranger, compact)
	if other.ID == first.ID {
		t.Error("another department got the same document")
	}
}
