package hsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	closed  error // ErrClosed, or that the PIN was refused: final
	strikes int   // processes in a row that ended before they answered a call
	retryAt time.Time
	opened  map[string]op // vaults and sealers, to be opened by the next process
	recycle bool          // a replacement is on its way

	done      chan struct{} // closed by Close
	replacing sync.WaitGroup
}

// StartWorker starts the process and waits until it has opened the token.
func StartWorker(ctx context.Context, c WorkerConfig) (*Worker, error) {
	if len(c.Argv) == 0 {
		return nil, errors.New("worker configuration: no program to start")
	}
	if err := c.Token.check(); err != nil {
		return nil, err
	}
	if c.CallTimeout < 0 || c.RecycleAfter < 0 {
		return nil, errors.New("worker configuration: negative limit")
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = 20 * time.Second
	}
	if c.RecycleAfter == 0 {
		c.RecycleAfter = 100_000
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	w := &Worker{cfg: c, opened: make(map[string]op), done: make(chan struct{})}
	p, err := startProcess(ctx, &w.cfg)
	if err != nil {
		return nil, err
	}
	w.current = p
	return w, nil
}

// Close ends the worker process.
func (w *Worker) Close() error {
	w.mu.Lock()
	p := w.current
	w.current = nil
	if !errors.Is(w.closed, ErrClosed) {
		w.closed = ErrClosed
		close(w.done)
	}
	w.mu.Unlock()
	if p != nil {
		p.stop()
	}
	w.replacing.Wait()
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
		if errors.Is(err, ErrPIN) {
			w.refuse(err)
		}
		return answer, p, err
	}
}

// process returns the living process, starting one if there is none.
func (w *Worker) process(ctx context.Context) (*process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil {
		return nil, w.closed
	}
	if w.current != nil {
		select {
		case <-w.current.gone:
			w.buried(w.current)
		default:
			return w.current, nil
		}
	}
	if wait := time.Until(w.retryAt); wait > 0 {
		return nil, fmt.Errorf("%w %d times in a row; starting it again in %v", ErrWorkerDied, w.strikes, wait.Round(time.Millisecond))
	}
	p, err := startProcess(ctx, &w.cfg)
	if err != nil {
		if ctx.Err() == nil { // else it was the caller who gave up
			w.strike()
		}
		if errors.Is(err, ErrPIN) {
			w.closed = err
		}
		return nil, err
	}
	w.current = p
	return p, nil
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

func (w *Worker) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed == nil {
		w.closed = err
	}
}
