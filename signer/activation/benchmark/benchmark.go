// Package benchmark measures approvals: made-up residents with scripted devices
// approve made-up documents through the activation process's own socket, on a
// real token and a real database. It is for `chop bench`, for `make soak` and for
// Go's benchmarks; nothing of the appliance relies upon it.
//
// What is measured begins when a finished approval is sent and ends when its
// answer is there: parsing, the assertion, the record, the intent, HPKE, the seal,
// unwrapping, signing, verifying, and recording with its evidence. What the device
// and its page do is not measured.
package benchmark

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/signer/activation"
	"chop/signer/approval/device"
)

// Config says what to measure, and on what.
type Config struct {
	DB       *postgres.DB // as the activation role, migrated
	Vault    hsm.Vault
	MAC      hsm.MAC
	Identity crypto.Signer

	Approvals   int // in all
	People      int // enrolled at first; each approves in turn; 0 means 200
	Concurrency int // approvals at the same time; 0 means 16
}

// Result is what was seen.
type Result struct {
	Approvals int
	Elapsed   time.Duration // while approvals were under way
	Rate      float64       // approvals a second
	P50, P99  time.Duration
	CPU       time.Duration // of this process while approvals were under way, an approval
	Raw       float64       // unwrap + sign + destroy a second, nothing else, the same concurrency
	// Memory was looked at after a tenth, a half, and all of the approvals.
	Memory [3]Memory
}

// Share is how much of the token's raw rate the approvals reach.
func (r Result) Share() float64 {
	if r.Raw == 0 {
		return 0
	}
	return r.Rate / r.Raw
}

// Run enrols people and has them approve.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if cfg.DB == nil || cfg.Vault == nil || cfg.MAC == nil || cfg.Identity == nil || cfg.Approvals < 1 {
		return nil, errors.New("benchmark: database, vault, MAC, identity and a number are required")
	}
	if cfg.People == 0 {
		cfg.People = 200
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = 16
	}
	w, err := newWorld(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("benchmark: %w", err)
	}
	defer w.close()
	people := make([]*resident, cfg.People)
	if err := parallel(cfg.Concurrency, cfg.People, func(i int) (err error) {
		people[i], err = w.enrol(ctx)
		return err
	}); err != nil {
		return nil, fmt.Errorf("benchmark: enrol: %w", err)
	}
	out := &Result{}
	if out.Raw, err = raw(ctx, cfg); err != nil {
		return nil, fmt.Errorf("benchmark: %w", err)
	}
	var took []time.Duration
	looks := 0
	for len(took) < cfg.Approvals {
		n := min(cfg.People, cfg.Approvals-len(took))
		round, elapsed, cpu, err := w.round(ctx, people[:n])
		if err != nil {
			return nil, fmt.Errorf("benchmark: %w", err)
		}
		took = append(took, round...)
		out.Elapsed += elapsed
		out.CPU += cpu
		for looks < len(out.Memory) && len(took)*10 >= cfg.Approvals*[...]int{1, 5, 10}[looks] {
			if out.Memory[looks], err = look(); err != nil {
				return nil, fmt.Errorf("benchmark: %w", err)
			}
			looks++
		}
	}
	out.Approvals = len(took)
	out.Rate = float64(len(took)) / out.Elapsed.Seconds()
	out.CPU /= time.Duration(len(took))
	slices.Sort(took)
	out.P50, out.P99 = took[len(took)/2], took[len(took)*99/100]
	return out, nil
}

// round has each of these people approve once.
func (w *world) round(ctx context.Context, people []*resident) (took []time.Duration, elapsed, cpu time.Duration, err error) {
	type ready struct {
		tx   string
		body []byte
	}
	all := make([]ready, len(people))
	if err := parallel(w.cfg.Concurrency, len(people), func(i int) error {
		tx, approval, err := w.prepare(ctx, people[i])
		if err != nil {
			return err
		}
		all[i].tx = tx
		all[i].body, err = solecontrol.Encode(approval)
		return err
	}); err != nil {
		return nil, 0, 0, err
	}
	took = make([]time.Duration, len(people))
	began, spent := time.Now(), cpuTime()
	err = parallel(w.cfg.Concurrency, len(people), func(i int) error {
		start := time.Now()
		status, answer, err := w.page.Forward(ctx, http.MethodPost, "/v1/tx/"+all[i].tx+"/approve", all[i].body)
		took[i] = time.Since(start)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("approval refused: %s", answer)
		}
		return err
	})
	elapsed, cpu = time.Since(began), cpuTime()-spent
	if err != nil {
		return nil, 0, 0, err
	}
	return took, elapsed, cpu, parallel(w.cfg.Concurrency, len(people), func(i int) error {
		if _, err := w.service.Collect(ctx, all[i].tx); err != nil {
			return err
		}
		return w.service.Acknowledge(ctx, all[i].tx)
	})
}

// raw is the rate of unwrap + sign + destroy alone.
func raw(ctx context.Context, cfg Config) (float64, error) {
	_, wrapped, err := cfg.Vault.Generate(ctx, hsm.P256)
	if err != nil {
		return 0, err
	}
	const n = 1000
	digest := sha256.Sum256([]byte("raw"))
	began := time.Now()
	err = parallel(cfg.Concurrency, n, func(int) error {
		return cfg.Vault.Use(ctx, wrapped, func(k crypto.Signer) error {
			_, err := k.Sign(nil, digest[:], crypto.SHA256)
			return err
		})
	})
	return n / time.Since(began).Seconds(), err
}

// parallel runs fn for 0 to n-1, some at a time, and gives the first error.
func parallel(some, n int, fn func(int) error) error {
	var next atomic.Int64
	var mu sync.Mutex
	var first error
	var group sync.WaitGroup
	for range min(some, n) {
		group.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				if err := fn(i); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
					next.Store(int64(n))
					return
				}
			}
		})
	}
	group.Wait()
	return first
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is a made-up person with a device.
type resident struct {
	device     *device.Device
	credential string
	document   solecontrol.OfferDocument
	line       *solecontrol.RequestDocument
}

// world is what stands around the activation process.
type world struct {
	cfg     Config
	service *activation.Service
	page    *activation.Client
	authority
	stop func()
	done chan struct{}
	dir  string
}

const (
	rpID   = "approve.localhost"
	origin = "http://approve.localhost:8080"
	portal = "http://localhost:8080"
)

func newWorld(ctx context.Context, cfg Config) (*world, error) {
	w := &world{cfg: cfg, done: make(chan struct{})}
	var err error
	if w.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	w.service, err = activation.New(ctx, activation.Config{
		DB: cfg.DB, Vault: cfg.Vault, MAC: cfg.MAC, Identity: cfg.Identity, Pins: func() (*activation.Pins, error) { return w.pins, nil },
		Policy: activation.Policy{BackupEligible: activation.RefuseBackup, Attestation: activation.AttestationNone},
		RPID:   rpID, ApproveOrigin: origin, PortalOrigin: portal,
	})
	if err != nil {
		return nil, err
	}
	handler, err := w.service.ApprovalHandler()
	if err != nil {
		return nil, err
	}
	if w.dir, err = os.MkdirTemp("", "chop"); err != nil {
		return nil, fmt.Errorf("make socket folder: %w", err)
	}
	socket := filepath.Join(w.dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(w.dir))
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { defer close(w.done); _ = server.Serve(l) }()
	w.stop = func() { _ = server.Close() }
	w.page = activation.Dial(socket)
	return w, nil
}

func (w *world) close() {
	w.page.Close()
	w.stop()
	<-w.done
	_ = os.RemoveAll(w.dir)
}
