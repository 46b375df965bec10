package hsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// WorkerConfig says how to run a token in a process of its own.
type WorkerConfig struct {
	// Role names the token's duty in logs: "ca", "tsa", "seals", ...
	Role string
	// Argv starts a program that calls WorkerMain. It inherits the
	// environment, since vendors' modules read it; the PIN is not in it.
	Argv []string
	// Launched starts a program that calls LaunchedMain; for Launch.
	Launched []string
	// Uses are what whoever connects to a Launch may do.
	Uses Uses
	// UID is the user and group that the process runs as, for which this one
	// must be root; 0 or less: as this one. Of SoftHSM's folder, which must be
	// theirs, only its own permissions count, not those of the folders above it.
	UID int
	// Dial connects to a Launch of another process, which starts the worker and
	// knows the token. Then Argv, Launched, Uses, UID and Token are not used.
	Dial func(context.Context) (net.Conn, error)
	// Token is what the worker opens.
	Token Config
	// CallTimeout is how long the module may work on one request before the
	// worker counts as hung; six times that for making keys. 0 means 20 s.
	CallTimeout time.Duration
	// RecycleAfter is the number of unwrapped keys after which a worker is
	// replaced by a fresh one, without a caller noticing: SoftHSM 2.6 loses
	// about 230 bytes with each. 0 means 100,000.
	RecycleAfter int
	// Log receives what an operator should know; nil means slog.Default().
	Log *slog.Logger
}

// Worker is a Token in a process of its own. A worker that died or hung is
// replaced at the next call; the calls that it held get ErrWorkerDied or
// ErrWorkerHung and are not repeated, since it may have signed.
type Worker struct {
	cfg WorkerConfig

	mu      sync.Mutex
	current *process
	closed  error // ErrClosed, after Close
	refused error // the PIN was refused: it is not sent again, and no other process started
	strikes int   // processes in a row that ended before they answered a call
	retryAt time.Time
	opened  map[string]op // vaults and sealers, to be opened by the next process
	recycle bool          // a replacement is on its way
	start   *start        // of the next process; nil if none is on its way

	life     context.Context // until Close, which calls end
	end      context.CancelFunc
	starting sync.WaitGroup
}

// StartWorker starts the process and waits until it has opened the token.
func StartWorker(ctx context.Context, c WorkerConfig) (*Worker, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	w := &Worker{cfg: c, opened: make(map[string]op)}
	p, err := startProcess(ctx, &w.cfg)
	if err != nil {
		return nil, err
	}
	w.current = p
	w.life, w.end = context.WithCancel(context.Background())
	return w, nil
}

func (w *WorkerConfig) check() error {
	if w.Dial == nil {
		if len(w.Argv) == 0 && len(w.Launched) == 0 {
			return errors.New("worker configuration: no program to start")
		}
		if err := w.Token.check(); err != nil {
			return err
		}
	}
	if w.CallTimeout < 0 || w.RecycleAfter < 0 {
		return errors.New("worker configuration: negative limit")
	}
	if w.CallTimeout == 0 {
		w.CallTimeout = 20 * time.Second
	}
	if w.RecycleAfter == 0 {
		w.RecycleAfter = 100_000
	}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	return nil
}

// Close ends the worker process.
func (w *Worker) Close() error {
	w.mu.Lock()
	p := w.current
	w.current = nil
	w.closed = ErrClosed
	w.end()
	w.mu.Unlock()
	if p != nil {
		p.stop()
	}
	w.starting.Wait()
	return nil
}

// call asks the living process. Only a request that was never sent is given
// to a second one.
func (w *Worker) call(ctx context.Context, op op, fields ...[]byte) ([][]byte, *process, error) {
	for attempt := 0; ; attempt++ {
		p, err := w.process(ctx)
		if err != nil {
			return nil, nil, err
		}
		answer, err := p.call(ctx, op, fields...)
		if errors.Is(err, errNotSent) && attempt == 0 {
			continue
		}
		w.noteRefused(err)
		return answer, p, err
	}
}

// process returns the living process, starting one if there is none.
func (w *Worker) process(ctx context.Context) (*process, error) {
	p, next, err := w.find()
	if p != nil || err != nil {
		return p, err
	}
	select {
	case <-next.done:
		return next.p, next.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a token worker: %w", ctx.Err())
	}
}

// find returns the living process, or else the one that is on its way.
func (w *Worker) find() (*process, *start, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil {
		return nil, nil, w.closed
	}
	if w.current != nil {
		select {
		case <-w.current.gone:
			w.buried(w.current)
		default:
			return w.current, nil, nil
		}
	}
	if w.refused != nil {
		return nil, nil, w.refused
	}
	if wait := time.Until(w.retryAt); wait > 0 {
		return nil, nil, fmt.Errorf("%w %d times in a row; starting it again in %v", ErrWorkerDied, w.strikes, wait.Round(time.Millisecond))
	}
	s := w.start
	if s == nil {
		s = &start{done: make(chan struct{})}
		w.start = s
		w.starting.Go(func() { w.run(s) })
	}
	return nil, s, nil
}

// start is a process on its way. Nobody's ctx ends it, for others wait too.
type start struct {
	done chan struct{} // closed when p or err is there
	p    *process
	err  error
}

// run starts a process for all who wait for one.
func (w *Worker) run(s *start) {
	defer close(s.done)
	p, err := startProcess(w.life, &w.cfg)
	w.noteRefused(err)
	w.mu.Lock()
	w.start = nil
	late := w.closed != nil
	switch {
	case late:
		s.err = w.closed
	case err != nil:
		w.strike()
		s.err = err
	default:
		w.current, s.p = p, p
	}
	w.mu.Unlock()
	if late && p != nil {
		p.stop()
	}
}

// buried notes the end of a process.
func (w *Worker) buried(p *process) {
	w.current = nil
	w.cfg.Log.Error("token worker is gone; starting another", "role", w.cfg.Role, "error", p.err)
	if p.answered.Load() {
		w.strikes = 0
		w.retryAt = time.Time{}
		return
	}
	w.strike()
}

// strike delays the next start, so that a module that dies at once does not
// make us spawn processes without end. The first restart is immediate.
func (w *Worker) strike() {
	if w.strikes++; w.strikes > 1 {
		w.retryAt = time.Now().Add(min(100*time.Millisecond<<min(w.strikes, 10), 10*time.Second))
	}
}

// noteRefused sees to it that a refused PIN is not sent again. A process that
// is logged in goes on.
func (w *Worker) noteRefused(err error) {
	if !errors.Is(err, ErrPIN) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = err
}
