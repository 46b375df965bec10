package hsm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// process is one running worker process and the calls that it holds.
type process struct {
	cmd     *exec.Cmd // nil: a launcher's, which ends with the connection
	wire    *wire
	log     *slog.Logger
	timeout time.Duration
	drained chan struct{} // closed when its last answer was read
	exited  chan struct{} // closed when the process was reaped

	started  time.Time
	heard    atomic.Int64 // the last frame, in nanoseconds after started
	answered atomic.Bool  // it has answered at least one call after hello

	mu      sync.Mutex
	calls   map[uint64]*call
	uses    int // keys that it keeps unwrapped
	unwraps int
	lastID  uint64
	err     error         // why it is gone
	gone    chan struct{} // closed when err is set
}

type call struct {
	op     op
	start  time.Time
	answer chan message
}

// errNotSent: the process was gone before it got the request, so that another
// one may be asked.
var errNotSent = errors.New("request not sent")

// startProcess starts a worker process, or asks a launcher for one, and waits until it has opened the token.
func startProcess(ctx context.Context, w *WorkerConfig) (*process, error) {
	var p *process
	var err error
	if w.Dial != nil {
		p, err = dialProcess(ctx, w)
	} else {
		p, err = ownProcess(w)
	}
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	go p.receive()
	go p.watch()
	h := hello{w.Token, w.CallTimeout}
	switch {
	case w.Dial != nil:
		h.cfg = Config{} // the launcher knows it, and we do not
	case w.UID > 0 && h.cfg.SoftHSMDir != "":
		h.cfg.SoftHSMDir = ownFolder
	}
	if _, err := p.call(ctx, opHello, h.encode()...); err != nil {
		p.kill(ErrClosed)
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return p, nil
}

func newProcess(conn net.Conn, w *WorkerConfig, log *slog.Logger) *process {
	return &process{
		wire: newWire(conn, w.CallTimeout), log: log,
		timeout: w.CallTimeout, started: time.Now(), drained: make(chan struct{}), exited: make(chan struct{}),
		calls: make(map[uint64]*call), gone: make(chan struct{}),
	}
}

// dialProcess takes the process that a launcher starts for us. It ends with the connection.
func dialProcess(ctx context.Context, w *WorkerConfig) (*process, error) {
	conn, err := w.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: reach its launcher: %w", ErrWorkerDied, err)
	}
	return newProcess(conn, w, w.Log.With("role", w.Role)), nil
}

// ownProcess runs argv with one end of a socket pair as its descriptor 3.
func ownProcess(w *WorkerConfig) (*process, error) {
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	cmd, stderr, err := w.start(w.Argv, theirs)
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, err
	}
	p := newProcess(conn, w, w.Log.With("role", w.Role, "pid", cmd.Process.Pid))
	p.cmd = cmd
	go func() {
		err := ended(cmd, stderr, p.log)
		select {
		case <-p.drained: // what it answered before it ended counts
		case <-time.After(time.Second):
		}
		p.fail(fmt.Errorf("%w: %w", ErrWorkerDied, err))
		close(p.exited)
	}()
	return p, nil
}

// call sends a request and waits for its answer, for ctx, or for the end of
// the process. When ctx ends first the worker may still do what was asked.
func (p *process) call(ctx context.Context, op op, fields ...[]byte) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{op: op, start: time.Now(), answer: make(chan message, 1)}
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", errNotSent, p.err)
	}
	p.lastID++
	id := p.lastID
	p.calls[id] = c
	p.mu.Unlock()

	if err := p.wire.send(id, op, fields...); err != nil {
		if errors.Is(err, ErrTooLarge) {
			p.forget(id)
			return nil, err
		}
		p.kill(fmt.Errorf("%w: %w", sendError(err), err))
	}
	select {
	case m := <-c.answer:
		return answerOf(m)
	case <-p.gone:
		select {
		case m := <-c.answer: // it answered before it went
			return answerOf(m)
		default:
			return nil, p.err
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the token worker: %w", ctx.Err())
	}
}

// beginUse names a key that the worker will keep unwrapped.
func (p *process) beginUse() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses++
	p.lastID++
	return binary.BigEndian.AppendUint64(nil, p.lastID)
}

// endUse has the worker destroy the key, without waiting for it.
func (p *process) endUse(id []byte) {
	// If this cannot be sent the process is gone, and its keys with it.
	_ = p.wire.post(0, opUseEnd, id)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses--
}

func sendError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrWorkerHung
	}
	return ErrWorkerDied
}

func answerOf(m message) ([][]byte, error) {
	switch m.op {
	case opOK:
		return m.fields, nil
	case opError:
		return nil, decodeError(m.fields)
	}
	return nil, fmt.Errorf("answer of kind %d: %w", m.op, errFrame)
}

func (p *process) forget(id uint64) {
	p.mu.Lock()
	delete(p.calls, id)
	p.mu.Unlock()
}

// receive hands answers to their calls until the connection ends.
func (p *process) receive() {
	for {
		m, err := p.wire.receive()
		if err != nil {
			close(p.drained)
		}
		if err != nil && p.cmd == nil {
			p.kill(fmt.Errorf("%w: %w", ErrWorkerDied, err))
			close(p.exited)
			return
		}
		if err != nil {
			// Its exit status says more than our end of the socket; wait a
			// moment for it.
			select {
			case <-p.exited:
			case <-time.After(time.Second):
			}
			p.kill(fmt.Errorf("%w: %w", ErrWorkerDied, err))
			return
		}
		p.heard.Store(int64(time.Since(p.started)))
		if m.op == opPulse {
			p.pulse(m.fields)
			continue
		}
		p.mu.Lock()
		c := p.calls[m.id]
		delete(p.calls, m.id)
		p.mu.Unlock()
		if c != nil {
			if c.op != opHello {
				p.answered.Store(true)
			}
			c.answer <- m
		}
	}
}

// fail marks the process as gone and lets its calls go.
func (p *process) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(err)
}

// end is fail with mu held.
func (p *process) end(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	clear(p.calls)
	close(p.gone)
}

// kill ends the process; err is what its callers are told.
func (p *process) kill(err error) {
	p.fail(err)
	p.wire.conn.Close()
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // it may be gone already
	}
}

// retire lets the process finish what it has, and ends it; done cuts that
// short.
func (p *process) retire(done <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(8 * p.timeout); time.Now().Before(deadline); {
		p.mu.Lock()
		if len(p.calls) == 0 && p.uses == 0 {
			p.end(ErrClosed) // under the same lock: a call that comes now is not sent
		}
		gone := p.err != nil
		p.mu.Unlock()
		if gone {
			break
		}
		select {
		case <-tick.C:
			continue
		case <-done:
		}
		break
	}
	p.stop()
}

// stop closes the socket, upon which the worker closes its token and exits.
func (p *process) stop() {
	p.fail(ErrClosed)
	p.wire.conn.Close()
	select {
	case <-p.exited:
	case <-time.After(p.timeout):
		p.kill(ErrClosed)
		<-p.exited
	}
}
