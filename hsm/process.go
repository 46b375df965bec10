package hsm

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one running worker process and the calls that it holds.
type process struct {
	cmd     *exec.Cmd
	wire    *wire
	log     *slog.Logger
	timeout time.Duration
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

// startProcess runs argv with one end of a socket pair as its descriptor 3 and
// waits until it has opened the token.
func startProcess(ctx context.Context, w *WorkerConfig) (*process, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "worker")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	cmd := exec.Command(w.Argv[0], w.Argv[1:]...)
	cmd.ExtraFiles = []*os.File{theirs}
	// A group of its own: Ctrl-C in a terminal is for the caller, who may
	// still need the token to end in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("start worker: %w", err)
	}
	p := &process{
		cmd: cmd, wire: newWire(conn, w.CallTimeout), log: w.Log.With("role", w.Role, "pid", cmd.Process.Pid),
		timeout: w.CallTimeout, started: time.Now(), exited: make(chan struct{}),
		calls: make(map[uint64]*call), gone: make(chan struct{}),
	}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.log.Warn("token worker says", "text", lines.Text())
		}
		_, _ = io.Copy(io.Discard, stderr) // after a line too long to log
		err := cmd.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		p.fail(fmt.Errorf("%w: %w", ErrWorkerDied, err))
		close(p.exited)
	}()
	go p.receive()
	go p.watch()
	if _, err := p.call(ctx, opHello, hello{w.Token, w.CallTimeout}.encode()...); err != nil {
		p.kill(ErrClosed)
		return nil, fmt.Errorf("start worker: %w", err)
	}
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
	_ = p.cmd.Process.Kill() // it may be gone already
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
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
