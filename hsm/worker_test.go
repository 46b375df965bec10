package hsm

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
)

func startFaulty(t *testing.T, f *faulty, c WorkerConfig) *Worker {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Role, c.Argv, c.Token = "test", []string{exe, "hsm-worker"}, f.cfg
	if c.Log == nil {
		c.Log = f.cfg.Log
	}
	w, err := StartWorker(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *Worker) pid() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		return 0
	}
	return w.current.cmd.Process.Pid
}

func signOnce(k crypto.Signer) error {
	digest := sha256.Sum256([]byte("x"))
	_, err := k.Sign(nil, digest[:], crypto.SHA256)
	return err
}

// A module that ends its process: the caller is told, nothing is repeated, and
// the next call is served by another process.
func TestWorkerDies(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		pid, signed := w.pid(), f.calls(t, "C_Sign")
		f.fault(t, "C_Sign die 0 1")
		if err := signOnce(k); !errors.Is(err, ErrWorkerDied) {
			t.Errorf("got %v, want ErrWorkerDied", err)
		}
		if n := f.calls(t, "C_Sign") - signed; n != 0 {
			t.Errorf("the token signed %d times more", n)
		}
		if err := signOnce(k); err != nil {
			t.Errorf("next call: %v", err)
		}
		if w.pid() == pid {
			t.Error("the same process still serves")
		}
	}
}

// Killed from outside between two calls: nobody notices.
func TestWorkerKilledWhileIdle(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	kill := func() {
		w.mu.Lock()
		p := w.current
		w.mu.Unlock()
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.gone
	}
	kill()
	if err := signOnce(k); err != nil {
		t.Error(err)
	}
	// Between two signatures of one use: the next process unwraps again.
	err = v.Use(t.Context(), wrapped, func(k crypto.Signer) error {
		if err := signOnce(k); err != nil {
			return err
		}
		kill()
		return signOnce(k)
	})
	if err != nil {
		t.Error(err)
	}
}

// A module that does not return: the caller gets ErrWorkerHung after
// CallTimeout, the others of the same process too, and the next call works.
func TestWorkerHangs(t *testing.T) {
	f := newFaulty(t)
	const timeout = 400 * time.Millisecond
	w := startFaulty(t, f, WorkerConfig{CallTimeout: timeout})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	f.fault(t, "C_Sign hang 0 1")
	start := time.Now()
	if err := signOnce(k); !errors.Is(err, ErrWorkerHung) {
		t.Errorf("got %v, want ErrWorkerHung", err)
	}
	if d := time.Since(start); d < timeout {
		t.Errorf("given up after %v, before the %v that it may take", d, timeout)
	}
	if err := signOnce(k); err != nil {
		t.Errorf("next call: %v", err)
	}
}

// A process that is stopped gives no sign of life.
func TestWorkerFrozen(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{CallTimeout: 300 * time.Millisecond})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	frozen := w.current.cmd.Process
	w.mu.Unlock()
	freeze(t, frozen)
	if err := signOnce(k); !errors.Is(err, ErrWorkerHung) {
		t.Errorf("got %v, want ErrWorkerHung", err)
	}
	if err := signOnce(k); err != nil {
		t.Errorf("next call: %v", err)
	}
}

// Waiting in the worker's queue is not hanging: many slow calls together take
// far longer than CallTimeout.
func TestQueueIsNotHanging(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{CallTimeout: time.Second})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	f.fault(t, "C_SignInit slow 100 -1")
	start := time.Now()
	var g sync.WaitGroup
	for range 200 {
		g.Go(func() {
			if err := signOnce(k); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if d := time.Since(start); d < 2*time.Second {
		t.Errorf("the queue took only %v: this test shows nothing", d)
	}
}

// A module that dies at once: restarts are spaced out, and calls in between
// fail at once instead of spawning processes.
func TestRestartsAreSpacedOut(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{})
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	f.fault(t, "C_Initialize die 0 -1")
	w.mu.Lock()
	p := w.current
	w.mu.Unlock()
	p.kill(ErrWorkerDied)
	started := 0
	for range 200 {
		err := signOnce(k)
		if !errors.Is(err, ErrWorkerDied) {
			t.Fatalf("got %v, want ErrWorkerDied", err)
		}
		if !strings.Contains(err.Error(), "in a row") {
			started++
		}
	}
	if started > 3 {
		t.Errorf("200 calls started %d processes", started)
	}
	f.fault(t, "")
	deadline := time.Now().Add(20 * time.Second)
	for signOnce(k) != nil {
		if time.Now().After(deadline) {
			t.Fatal("does not come back")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The worker is replaced after so many unwrapped keys, and no caller notices.
func TestWorkerIsRecycled(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{RecycleAfter: 20})
	v, err := w.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	first := w.current
	w.mu.Unlock()
	stop := make(chan struct{})
	var g sync.WaitGroup
	var uses atomic.Int64
	for range 8 {
		g.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := v.Use(context.Background(), wrapped, func(k crypto.Signer) error {
					if err := signOnce(k); err != nil {
						return err
					}
					return signOnce(k)
				})
				if err != nil {
					t.Error(err)
					return
				}
				uses.Add(1)
			}
		})
	}
	select {
	case <-first.exited:
	case <-time.After(30 * time.Second):
		t.Errorf("after %d uses the first worker still runs", uses.Load())
	}
	close(stop)
	g.Wait()
}

// A caller that gives up leaves nothing behind in the worker.
func TestCallerGivesUp(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{})
	v, err := w.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	// The blocked caller must not see its own ctx as the worker's failure.
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		err := v.Use(ctx, wrapped, func(k crypto.Signer) error { return signOnce(k) })
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	if err := v.Use(t.Context(), wrapped, signOnce); err != nil {
		t.Fatal(err)
	}
	// Every unwrapped key was destroyed, late answers included.
	deadline := time.Now().Add(10 * time.Second)
	for f.calls(t, "C_UnwrapKey") == 0 || !f.balanced(t) {
		if time.Now().After(deadline) {
			t.Fatalf("%d keys unwrapped and %d objects destroyed", f.calls(t, "C_UnwrapKey"), f.calls(t, "C_DestroyObject"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A worker that takes long to start holds nobody longer than they want to wait,
// and starts all the same for those who come later.
func TestSlowStartHoldsNobody(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{})
	if _, err := w.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	p := w.current
	w.mu.Unlock()
	p.kill(ErrWorkerDied)
	f.fault(t, "C_Initialize slow 3000 1")
	var g sync.WaitGroup
	for range 3 {
		g.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			if _, err := w.Keys(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want DeadlineExceeded", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("held for %v", d)
			}
		})
	}
	g.Wait()
	before := f.calls(t, "C_Initialize")
	if keys, err := w.Keys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("got %v, %v", keys, err)
	}
	if n := f.calls(t, "C_Initialize") - before; n != 1 {
		t.Errorf("%d processes were started, want the one that was on its way", n)
	}
}

// The PIN is refused to a worker's replacement: it is sent no more, and the old
// worker goes on.
func TestRecyclingSendsThePINOnce(t *testing.T) {
	f := newFaulty(t)
	w := startFaulty(t, f, WorkerConfig{RecycleAfter: 1})
	v, err := w.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	logins := f.calls(t, "C_Login")
	f.fault(t, "C_Login after %#x -1", pkcs11.CKR_PIN_INCORRECT)
	for range 5 {
		if err := v.Use(t.Context(), wrapped, signOnce); err != nil {
			t.Error(err)
		}
		w.starting.Wait()
	}
	if n := f.calls(t, "C_Login") - logins; n != 1 {
		t.Errorf("the PIN was sent %d times", n)
	}
}
