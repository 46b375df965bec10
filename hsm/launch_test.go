package hsm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

type dialer = func(context.Context) (net.Conn, error)

// launcher runs one for the test's token until stop, or the test's end.
func launcher(t *testing.T, c WorkerConfig) (dial dialer, stop func()) {
	t.Helper()
	c.Role, c.Launched, c.Log = "test", []string{"/proc/self/exe", "hsm-worker-launched"}, c.Token.Log
	if c.Uses == 0 {
		c.Uses = UseKeys
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Launch(ctx, l, c) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", socket) }, stop
}

// launch gives a Worker that reaches a launcher.
func launch(t *testing.T, c WorkerConfig) *Worker {
	t.Helper()
	dial, _ := launcher(t, c)
	w, err := StartWorker(t.Context(), WorkerConfig{Role: "test", Log: c.Token.Log, RecycleAfter: c.RecycleAfter, CallTimeout: c.CallTimeout, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Whoever reaches a launcher uses keys without knowing a PIN.
func TestLaunch(t *testing.T) {
	f := newFaulty(t)
	if _, err := startFaulty(t, f, WorkerConfig{}).GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	w := launch(t, WorkerConfig{Token: f.cfg})
	k, err := w.Key(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := signOnce(k); err != nil {
		t.Fatal(err)
	}
	f.fault(t, "C_Sign die 0 1")
	if err := signOnce(k); !errors.Is(err, ErrWorkerDied) {
		t.Errorf("got %v, want ErrWorkerDied", err)
	}
	if err := signOnce(k); err != nil {
		t.Errorf("next call: %v", err)
	}
}

// A module that hangs is left to itself: its process ends once nobody is connected to it.
func TestLaunchedHangs(t *testing.T) {
	f := newFaulty(t)
	if _, err := startFaulty(t, f, WorkerConfig{}).GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	w := launch(t, WorkerConfig{Token: f.cfg, CallTimeout: 400 * time.Millisecond})
	k, err := w.Key(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * maxLaunched {
		f.fault(t, "C_Sign hang 0 1")
		if err := signOnce(k); !errors.Is(err, ErrWorkerHung) {
			t.Errorf("got %v, want ErrWorkerHung", err)
		}
		if err := signOnce(k); err != nil {
			t.Errorf("next call: %v", err)
		}
	}
}

// tokenFolder is where SoftHSM keeps the objects.
func (f *faulty) tokenFolder(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(f.cfg.SoftHSMDir, "softhsm", "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v, %v", dirs, err)
	}
	return dirs[0]
}

// Each launched worker serves one use, and no key of any kind is made by it or destroyed.
func TestLaunchedUses(t *testing.T) {
	f := newFaulty(t)
	own := startFaulty(t, f, WorkerConfig{})
	if _, err := own.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	v, err := own.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	there, err := own.Sealer(t.Context(), "data")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := there.Seal(t.Context(), []byte("text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.MAC(t.Context(), "records"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(f.tokenFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	keys := func(w *Worker) error { _, err := w.Keys(ctx); return err }
	sign := func(w *Worker) error {
		k, err := w.Key(ctx, "k")
		if err != nil {
			return err
		}
		return signOnce(k)
	}
	open := func(w *Worker) error {
		s, err := w.Sealer(ctx, "data")
		if err != nil {
			return err
		}
		_, err = s.Open(ctx, sealed, nil)
		return err
	}
	use := func(w *Worker) error {
		v, err := w.Vault(ctx, "kek")
		if err != nil {
			return err
		}
		return v.Use(ctx, wrapped, signOnce)
	}
	unopened := func(w *Worker) error { return (&remoteVault{w, "kek"}).Use(ctx, wrapped, signOnce) }
	never := map[string]func(*Worker) error{
		"make a key pair":           func(w *Worker) error { _, err := w.GenerateKey(ctx, "another", P256); return err },
		"destroy a key pair":        func(w *Worker) error { return w.DestroyKey(ctx, "k") },
		"make a key-encryption key": func(w *Worker) error { _, err := w.Vault(ctx, "another"); return err },
		"make a wrapped key":        func(w *Worker) error { _, _, err := (&remoteVault{w, "kek"}).Generate(ctx, P256); return err },
		"make a sealing key":        func(w *Worker) error { _, err := w.Sealer(ctx, "another"); return err },
		"seal under a key that is not there": func(w *Worker) error {
			_, err := (&remoteSealer{w, "another"}).Seal(ctx, []byte("x"), nil)
			return err
		},
		"make an authentication key": func(w *Worker) error { _, err := w.MAC(ctx, "another"); return err },
		"open an authentication key": func(w *Worker) error { _, err := w.MAC(ctx, "records"); return err },
		"authenticate":               func(w *Worker) error { _, err := (&remoteMAC{w, "another"}).Sum(ctx, []byte("x")); return err },
	}
	for uses, c := range map[Uses]struct {
		can, cannot map[string]func(*Worker) error
	}{
		UseKeys: {map[string]func(*Worker) error{"list": keys, "sign": sign},
			map[string]func(*Worker) error{"open": open, "use a wrapped key": use, "use it unopened": unopened}},
		UseSealers: {map[string]func(*Worker) error{"open": open},
			map[string]func(*Worker) error{"list": keys, "sign": sign, "use a wrapped key": use, "use it unopened": unopened}},
		UseVaults: {map[string]func(*Worker) error{"use a wrapped key": use, "use it unopened": unopened},
			map[string]func(*Worker) error{"list": keys, "sign": sign, "open": open}},
	} {
		w := launch(t, WorkerConfig{Token: f.cfg, Uses: uses})
		for name, act := range c.can {
			if err := act(w); err != nil {
				t.Errorf("uses %d: %s: %v", uses, name, err)
			}
		}
		for name, act := range c.cannot {
			if err := act(w); err == nil || !strings.Contains(err.Error(), "for use only") {
				t.Errorf("uses %d: %s: %v", uses, name, err)
			}
		}
		for name, act := range never {
			if err := act(w); err == nil || !strings.Contains(err.Error(), "for use only") && !errors.Is(err, ErrKeyNotFound) {
				t.Errorf("uses %d: %s: %v", uses, name, err)
			}
		}
	}
	after, err := os.ReadDir(f.tokenFolder(t))
	if err != nil || len(after) != len(before) {
		t.Errorf("the token has %d files, and had %d; %v", len(after), len(before), err)
	}
	for _, uses := range []Uses{0, 8, 255} {
		if err := Launch(t.Context(), nil, WorkerConfig{Launched: []string{"x"}, Token: f.cfg, Uses: uses}); err == nil {
			t.Errorf("launched for uses %d", uses)
		}
	}
}

// A wrong PIN is told to whoever connects, and tried once, however many do.
func TestLaunchedWrongPIN(t *testing.T) {
	f := newFaulty(t)
	f.cfg.PIN = "wrong"
	dial, stop := launcher(t, WorkerConfig{Token: f.cfg})
	var callers sync.WaitGroup
	for range maxLaunched {
		callers.Go(func() {
			if _, err := StartWorker(t.Context(), WorkerConfig{Role: "test", Dial: dial, Log: f.cfg.Log}); !errors.Is(err, ErrPIN) {
				t.Errorf("got %v, want ErrPIN", err)
			}
		})
	}
	callers.Wait()
	if _, err := StartWorker(t.Context(), WorkerConfig{Role: "test", Dial: dial, Log: f.cfg.Log}); !errors.Is(err, ErrPIN) {
		t.Errorf("the next one: got %v, want ErrPIN", err)
	}
	if n := f.calls(t, "C_Login"); n != 1 {
		t.Errorf("the PIN was tried %d times", n)
	}
	stop()
	if _, err := StartWorker(t.Context(), WorkerConfig{Role: "test", Dial: dial, Log: f.cfg.Log}); !errors.Is(err, ErrWorkerDied) {
		t.Errorf("nobody launches: got %v, want ErrWorkerDied", err)
	}
}

// As root, a worker is somebody else, in a folder that they could not have walked to; nobody else can start it so.
func TestWorkerOfAnotherUser(t *testing.T) {
	f := newFaulty(t)
	const uid = 64199
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := WorkerConfig{Role: "test", Argv: []string{exe, "hsm-worker"}, UID: uid, Log: f.cfg.Log,
		Token: Config{Module: SoftHSMModule, Label: f.cfg.Label, PIN: f.cfg.PIN, SoftHSMDir: f.cfg.SoftHSMDir}}
	if os.Geteuid() != 0 {
		if _, err := StartWorker(t.Context(), c); !errors.Is(err, os.ErrPermission) {
			t.Errorf("got %v, want permission denied", err)
		}
		return
	}
	c.Argv[0] = "/proc/self/exe"
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "token")
	if err := os.Rename(c.Token.SoftHSMDir, dir); err != nil {
		t.Fatal(err)
	}
	c.Token.SoftHSMDir = dir
	err = filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Lchown(path, uid, uid))
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := StartWorker(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	k, err := w.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	if err := signOnce(k); err != nil {
		t.Error(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Uid:\t64199\t64199\t64199\t64199\n", "Gid:\t64199\t64199\t64199\t64199\n", "Groups:\t \n", "CapEff:\t0000000000000000\n"} {
		if !strings.Contains(string(status), line) {
			t.Errorf("%q is not in\n%s", line, status)
		}
	}
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != uid {
			t.Errorf("%s belongs to another user", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
