package signer

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"chop/signer/pades"
)

// errKilled is what a process dies of.
var errKilled = errors.New("killed")

// dies panics once when a step of that name is reached for the n-th time.
type dies struct {
	step string
	n    int
	met  bool
}

func (d *dies) at(step string) error {
	if d.met || step != d.step {
		return nil
	}
	if d.n--; d.n <= 0 {
		d.met = true
		panic(errKilled)
	}
	return nil
}

type dyingTimestamper struct {
	pades.Timestamper
	at func(string) error
}

func (d dyingTimestamper) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	_ = d.at("before a timestamp")
	b, err := d.Timestamper.Timestamp(ctx, h, imprint)
	_ = d.at("after a timestamp")
	return b, err
}

type dyingChecker struct {
	Checker
	at func(string) error
}

func (d dyingChecker) Check(ctx context.Context, doc io.ReaderAt, size int64) error {
	_ = d.at("in our validation")
	return d.Checker.Check(ctx, doc, size)
}

// killed runs one step of a process and reports whether it was killed in it.
func killed(step func()) (dead bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != errKilled {
				panic(p)
			}
			dead = true
		}
	}()
	step()
	return false
}

// A process is killed at each step of a signing; another one goes on. In the end it is
// signed, once, with one notice; or nothing was begun that anybody could see.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step string
		n    int
		// nothing: the resident never got the question, so there is none to answer.
		nothing bool
	}{
		{"before Mint", 1, true},
		{"after Mint", 1, true},
		{"before Transaction", 1, false},
		{"before Collect", 1, false},
		{"after Collect", 1, false},
		{"before Acknowledge", 1, false},
		{"after Acknowledge", 1, false},
		{"before a timestamp", 1, false},
		{"after a timestamp", 1, false},
		{"before a timestamp", 2, false}, // one file is done, the other not
		{"after a timestamp", 2, false},
		{"in our validation", 1, false},
		{"in our validation", 2, false},
		{"in the last transaction", 1, false},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			d := &dies{step: c.step, n: c.n}
			r := newResidentRig(t, func(conf *ResidentConfig) {
				conf.Timestamper, conf.Checker = dyingTimestamper{conf.Timestamper, d.at}, dyingChecker{conf.Checker, d.at}
			})
			r.device.before = func(call string) error { return d.at("before " + call) }
			r.device.after = func(call string) error { return d.at("after " + call) }
			r.letters.fail = func(kind string) error { return d.at("in the last transaction") }

			var s *Signing
			if killed(func() { s = r.begin("form.pdf", "annex.pdf") }) {
				r.restart()
				r.recoverUnasked(t, c.nothing)
				return
			}
			r.approve(s.Tx)
			if !killed(func() { r.state(s.ID) }) {
				t.Fatal("the process was not killed")
			}
			if _, _, err := r.Document(t.Context(), r.by, s.ID, 0); !errors.Is(err, ErrState) {
				t.Errorf("half of it was handed out: %v", err)
			}
			r.restart()
			r.forgetLeases()
			for range 5 { // the next process has no caller: it finds the work by itself
				if _, err := r.Housekeep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			r.whole(t, s.ID)
		})
	}
}

// recoverUnasked: the process died before the resident was asked. Whoever comes back to
// the page is asked, as soon as a question that was put in vain is over.
func (r *residentRig) recoverUnasked(t *testing.T, expected bool) {
	t.Helper()
	if !expected {
		t.Fatal("killed too early")
	}
	list, err := r.List(t.Context(), r.by, Page{})
	if err != nil || len(list) != 1 || list[0].State != SigningPrepared {
		t.Fatalf("records %+v, %v", list, err)
	}
	r.forgetLeases()
	r.skew += 6 * time.Minute // a question that was put in vain has expired
	s := r.state(list[0].ID)
	if s.State != SigningWaiting {
		t.Fatalf("asked again: %+v", s)
	}
	r.approve(s.Tx)
	r.state(s.ID)
	r.whole(t, s.ID)
}

// whole: it is signed, each file once and each with its own bytes.
func (r *residentRig) whole(t *testing.T, id string) {
	t.Helper()
	s := r.state(id)
	if s.State != SigningSigned {
		t.Fatalf("it ended as %+v", s)
	}
	for n := range s.Documents {
		_, pdf, err := r.Document(t.Context(), r.by, id, n)
		if err != nil || int64(len(pdf)) != s.Documents[n].SignedSize {
			t.Errorf("document %d: %d bytes, %v", n, len(pdf), err)
		}
		if err := (structure{}).Check(t.Context(), bytes.NewReader(pdf), int64(len(pdf))); err != nil {
			t.Errorf("document %d: %v", n, err)
		}
	}
	if n := r.events("signer.resident.sign"); n != 1 {
		t.Errorf("%d events say that it was signed", n)
	}
	if n := r.count(`SELECT count(*) FROM test_letters WHERE kind = 'signed'`); n != 1 {
		t.Errorf("%d notices say so", n)
	}
	r.once(t)
	for tx, q := range r.device.txs {
		if q.state.State == "approved" && !q.forgotten {
			t.Errorf("the signatures of transaction %s were not acknowledged", tx)
		}
	}
}

// A process that died before anybody was asked leaves nothing open for ever.
func TestAbandonedBeforeAsking(t *testing.T) {
	t.Parallel()
	d := &dies{step: "before Mint", n: 1}
	r := newResidentRig(t, nil)
	r.device.before = func(call string) error { return d.at("before " + call) }
	if !killed(func() { r.begin("form.pdf") }) {
		t.Fatal("not killed")
	}
	r.restart()
	r.forgetLeases()
	r.skew = preparedFor + time.Minute
	if n, err := r.Housekeep(t.Context()); err != nil || n != 1 {
		t.Fatalf("moved %d, %v", n, err)
	}
	list, err := r.List(t.Context(), r.by, Page{})
	if err != nil || len(list) != 1 || list[0].State != SigningExpired || !list[0].Renewable {
		t.Errorf("%+v, %v", list, err)
	}
	if s := r.begin("another.pdf"); s.State != SigningWaiting {
		t.Errorf("the credential is blocked: %+v", s)
	}
}

// A timestamp that does not come is asked for again; an approval is not lost by it, and
// is given up in the end.
func TestFinishingIsTriedAgain(t *testing.T) {
	t.Parallel()
	down := errors.New("no timestamp now")
	broken := &outage{err: down}
	r := newResidentRig(t, func(c *ResidentConfig) { broken.Timestamper = c.Timestamper; c.Timestamper = broken })
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	if got := r.state(s.ID); got.State != SigningApproved {
		t.Fatalf("without timestamps it is %s", got.State)
	}
	broken.set(nil)
	r.skew += time.Minute
	if n, err := r.Housekeep(t.Context()); err != nil || n != 1 {
		t.Errorf("moved %d, %v", n, err)
	}
	r.whole(t, s.ID)

	broken.set(down)
	s = r.begin("late.pdf")
	r.approve(s.Tx)
	r.state(s.ID)
	r.skew += 25 * time.Hour
	if _, err := r.Housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.state(s.ID); got.State != SigningFailed || got.Failure != "late" {
		t.Errorf("after a day: %+v", got)
	}
}

type outage struct {
	pades.Timestamper
	mu  sync.Mutex
	err error
}

func (o *outage) set(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *outage) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	o.mu.Lock()
	err := o.err
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return o.Timestamper.Timestamp(ctx, h, imprint)
}

// What our own validation refuses is handed out to nobody, none of it.
func TestRefusedByValidation(t *testing.T) {
	t.Parallel()
	n := 0
	r := newResidentRig(t, func(c *ResidentConfig) {
		c.Checker = checkerFunc(func() error {
			if n++; n == 2 {
				return errors.New("not what it should be")
			}
			return nil
		})
	})
	s := r.begin("good.pdf", "bad.pdf")
	r.approve(s.Tx)
	if got := r.state(s.ID); got.State != SigningFailed || got.Failure != "refused" {
		t.Fatalf("%+v", got)
	}
	if _, _, err := r.Document(t.Context(), r.by, s.ID, 0); !errors.Is(err, ErrState) {
		t.Errorf("the good one was handed out: %v", err)
	}
}

type checkerFunc func() error

func (f checkerFunc) Check(context.Context, io.ReaderAt, int64) error { return f() }

// Many nodes and many impatient callers: each signing is finished once.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	var nodes []*Residents
	for range 4 {
		n, err := NewResidents(r.config)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	for range 5 {
		s := r.begin("form.pdf", "annex.pdf")
		r.approve(s.Tx)
		var all sync.WaitGroup
		for _, n := range nodes {
			all.Go(func() {
				if _, err := n.Housekeep(t.Context()); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if _, err := n.Signing(t.Context(), r.by, s.ID); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := r.state(s.ID); got.State != SigningSigned {
			t.Fatalf("%+v", got)
		}
	}
	if n := r.events("signer.resident.sign"); n != 5 {
		t.Errorf("%d events say that something was signed, want 5", n)
	}
	if r.world.Timestamps != 10 {
		t.Errorf("%d timestamps for 10 documents", r.world.Timestamps)
	}
	r.once(t)
}

// A node that works for longer than a lease lasts keeps it; one that was killed has it for seconds only.
func TestLeaseOfWorkAndOfTheDead(t *testing.T) {
	t.Parallel()
	var r *residentRig
	until := func() (at, now time.Time) {
		const query = `SELECT coalesce(lease_until, '-infinity'), clock_timestamp() FROM signer_signing ORDER BY id DESC LIMIT 1`
		if err := r.db.Pool.QueryRow(context.Background(), query).Scan(&at, &now); err != nil {
			t.Error(err)
		}
		return at, now
	}
	r = newResidentRig(t, func(c *ResidentConfig) {
		c.Checker = checkerFunc(func() error {
			first, _ := until()
			for at, now := first, first; !at.After(first); at, now = until() {
				if now.After(first) {
					t.Error("the lease ended while its node was at work")
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		})
	})
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	r.state(s.ID)
	r.whole(t, s.ID)

	d := &dies{step: "before Mint", n: 1}
	r.device.before = func(call string) error { return d.at("before " + call) }
	if !killed(func() { r.begin("another.pdf") }) {
		t.Fatal("not killed")
	}
	if at, now := until(); !at.After(now) || at.Sub(now) > leaseTime || leaseTime > 30*time.Second {
		t.Errorf("the dead node's lease lasts until %v, it is %v", at, now)
	}
}

// A node that lost its lease while it worked records nothing.
func TestLostLease(t *testing.T) {
	t.Parallel()
	var r *residentRig
	stolen := false
	r = newResidentRig(t, func(c *ResidentConfig) {
		c.Checker = checkerFunc(func() error {
			if !stolen {
				stolen = true
				if _, err := r.db.Pool.Exec(context.Background(), `UPDATE signer_signing SET lease_by = 'another node', lease_until = clock_timestamp() + interval '1 hour'`); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
	})
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	if got := r.state(s.ID); got.State != SigningApproved {
		t.Errorf("%+v", got)
	}
	if n := r.count(`SELECT count(*) FROM signer_signing_document WHERE signed IS NOT NULL`); n != 0 {
		t.Error("a file was kept without the lease")
	}
	r.forgetLeases()
	r.whole(t, s.ID)
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	r := newResidentRig(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	s := r.begin("form.pdf")
	r.approve(s.Tx)
	for range 100 {
		if list, err := r.List(t.Context(), r.by, Page{}); err == nil && list[0].State == SigningSigned {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	r.whole(t, s.ID)
}
