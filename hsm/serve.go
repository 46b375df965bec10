package hsm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// WorkerMain is the body of a worker process: it opens one token as descriptor
// 3 tells it to, and serves it there until the other end closes. It ignores
// the signals that end its parent, which decides when the token is done with.
func WorkerMain(ctx context.Context) error {
	return workerMain(ctx, nil)
}

// LaunchedMain is WorkerMain for Launch: descriptor 4 tells which token to open, and what whoever is at the other end of
// descriptor 3 may do with it.
func LaunchedMain(ctx context.Context) error {
	conn, err := inheritedConn(4)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := secureProcess(); err != nil {
		return fmt.Errorf("token worker: %w", err)
	}
	launcher := newWire(conn, time.Minute)
	m, err := launcher.receive()
	if err != nil {
		return fmt.Errorf("token worker: read configuration: %w", err)
	}
	h, err := decodeLaunch(m.fields)
	if err != nil || m.op != opHello {
		return fmt.Errorf("token worker: read configuration: %w", errFrame)
	}
	// Whoever connected may have given up on a module that does not start; nobody but we can know.
	opening := time.AfterFunc(12*h.timeout, func() { os.Exit(1) })
	defer opening.Stop()
	h.opening, h.launcher = opening, launcher
	return workerMain(ctx, h)
}

// launched is what a launcher gives.
type launched struct {
	hello
	uses     Uses
	launcher *wire
	opening  *time.Timer
}

func inheritedConn(fd uintptr) (net.Conn, error) {
	file := os.NewFile(fd, "parent")
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is not a socket: a token worker is started by its service, not by hand", fd)
	}
	file.Close()
	return conn, nil
}

func workerMain(ctx context.Context, given *launched) error {
	conn, err := inheritedConn(3)
	if err != nil {
		return err
	}
	defer conn.Close()
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := secureProcess(); err != nil {
		return fmt.Errorf("token worker: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	w := newWire(conn, time.Minute)
	m, err := w.receive()
	if given != nil && errors.Is(err, io.EOF) {
		return nil // whoever connected has thought better of it
	}
	if err != nil {
		return fmt.Errorf("token worker: read configuration: %w", err)
	}
	h, err := decodeHello(m.fields)
	if err != nil || m.op != opHello {
		return fmt.Errorf("token worker: read configuration: %w", errFrame)
	}
	if given != nil {
		h = given.hello
	}
	if h.cfg.SoftHSMDir != "" && 0 < h.cfg.Sessions && h.cfg.Sessions <= runtime.NumCPU() {
		// It computes in the module, and between calls there is little to do: more threads that look
		// for it cost a sixth of the processor's time (docs/decisions.md).
		runtime.GOMAXPROCS(1)
	}
	token, err := openToken(ctx, h, given)
	if err != nil {
		return w.send(m.id, opError, encodeError(err)...)
	}
	if err := w.send(m.id, opOK); err != nil {
		return fmt.Errorf("token worker: %w", err)
	}
	s := &server{wire: w, token: token, work: make(chan message, 1024), given: given}
	err = s.serve(h.timeout)
	if errors.Is(err, io.EOF) { // the parent is gone, or wants us gone
		return nil
	}
	return fmt.Errorf("token worker: %w", err)
}

// openToken opens it in its turn, where others may open it too.
func openToken(ctx context.Context, h hello, given *launched) (*Local, error) {
	if given == nil {
		return Open(ctx, h.cfg)
	}
	defer given.opening.Stop()
	if err := given.ask(); err != nil {
		return nil, err
	}
	token, err := Open(ctx, h.cfg)
	given.report(err)
	return token, err
}

// secureProcess keeps the PIN out of core files and debuggers.
func secureProcess() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid debugging: %w", err)
	}
	return nil
}

// server is the worker's side of the socket.
type server struct {
	wire  *wire
	token *Local
	work  chan message
	given *launched // nil: whoever asks has the PIN, and may do everything

	keys    sync.Map // keyName -> *servedKey
	vaults  sync.Map // KEK name -> *localVault
	sealers sync.Map // label -> Sealer
	macs    sync.Map // label -> MAC
	uses    sync.Map // id -> *servedUse

	ended   atomic.Bool // nobody waits for answers any more
	started time.Time
	running []runningCall // one for each of those who work
}

// runningCall is what one goroutine has in the module: a request's id, or 0,
// and when it began, in nanoseconds after the server started.
type runningCall struct{ id, since atomic.Uint64 }

// unanswered stands for the id of a request that has none.
const unanswered = math.MaxUint64

func (s *server) may(op op) bool { return s.given == nil || s.given.uses.allow(op) }

type servedKey struct {
	*localKey
	spki [sha256.Size]byte
}

// serve reads requests until the connection ends. As many run at the same time
// as the token has sessions.
func (s *server) serve(timeout time.Duration) error {
	s.started = time.Now()
	s.running = make([]runningCall, s.token.cfg.Sessions)
	var workers sync.WaitGroup
	for i := range s.running {
		workers.Go(func() {
			for m := range s.work {
				if !s.ended.Load() {
					s.answer(m, &s.running[i])
				}
			}
		})
	}
	go s.pulse(max(timeout/8, time.Millisecond))
	err := s.read()
	s.ended.Store(true)
	close(s.work)
	// Let the module finish what it is writing; one that hangs must not keep
	// the process.
	finished := make(chan struct{})
	go func() {
		workers.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return errors.Join(err, s.token.Close())
	case <-time.After(timeout / 2):
		return err
	}
}

func (s *server) read() error {
	for {
		m, err := s.wire.receive()
		if err != nil {
			return err
		}
		if m.op == opUseSign && s.may(m.op) && len(m.fields) == arity(m.op) {
			// Noted here, in the order of arrival: a caller that gives up may
			// send opUseEnd while opUseSign is still in the module.
			s.uses.Store(string(m.fields[0]), &servedUse{})
		}
		s.work <- m
	}
}

// pulse tells the parent what is running, and for how long, while anything is
// running for longer than one interval.
func (s *server) pulse(every time.Duration) {
	for range time.Tick(every) {
		var fields [][]byte
		for i := range s.running {
			id, since := s.running[i].id.Load(), time.Duration(s.running[i].since.Load())
			if ran := time.Since(s.started) - since; id != 0 && ran > every {
				f := binary.BigEndian.AppendUint64(nil, id)
				fields = append(fields, binary.BigEndian.AppendUint64(f, uint64(ran)))
			}
		}
		if fields != nil {
			if s.wire.send(0, opPulse, fields...) != nil {
				return
			}
		}
	}
}

func (s *server) answer(m message, running *runningCall) {
	// since before id: a pulse between the two must not see an old time with
	// a new call.
	running.since.Store(uint64(time.Since(s.started)))
	if m.id == 0 {
		running.id.Store(unanswered)
	} else {
		running.id.Store(m.id)
	}
	fields, err := s.handle(m)
	running.id.Store(0)
	if m.id == 0 {
		return
	}
	op := opOK
	if err != nil {
		op, fields = opError, encodeError(err)
	}
	// While there is more to do than all who work can take up at once, answers
	// travel together: whoever gets one could do no more than queue up again.
	send := s.wire.send
	if len(s.work) > len(s.running) {
		send = s.wire.post
	}
	if err := send(m.id, op, fields...); err != nil {
		s.wire.conn.Close() // the caller must not wait for an answer in vain
	}
}
