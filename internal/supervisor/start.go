package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Role says how to run a role.
type Role struct {
	// Name is the role's, for logs.
	Name string
	// Supervisor starts a program that calls Main; Program one that calls Inherit.
	Supervisor, Program []string
	// UID and GID are whom both run as; below 1: as whoever calls Start.
	UID, GID int
	// Dir is the folder that both work in. Only its own permissions count, not those of
	// the folders above it. Empty: the caller's.
	Dir string
	// Files are handed to the program, in this order; the caller may close them
	// after Start.
	Files []*os.File
	// LockMemory lifts the limit of locked memory from both, where whoever calls Start may: as root.
	LockMemory bool
	// Secret is handed to the program at each of its starts.
	Secret []byte
	// Stderr gets what both say; nil: os.Stderr.
	Stderr io.Writer
	// Log receives the end of the supervisor; nil: slog.Default().
	Log *slog.Logger
}

// Running is a role's supervisor at work.
type Running struct {
	cmd  *exec.Cmd
	pipe *os.File
	done chan struct{}
	err  error
	stop sync.Once
}

// Start starts the supervisor. It runs until Stop, or until this process is gone.
func Start(ctx context.Context, r Role) (*Running, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(r.Supervisor) == 0 || len(r.Program) == 0 {
		return nil, errors.New("start role: no program")
	}
	hand := handover{Argv: r.Program, UID: -1, GID: -1, Files: len(r.Files), Secret: r.Secret, LockMemory: r.LockMemory, Pause: 100 * time.Millisecond}
	if r.UID > 0 {
		hand.UID, hand.GID = r.UID, r.GID
	}
	frame, err := json.Marshal(hand)
	if err != nil {
		return nil, fmt.Errorf("start role %s: %w", r.Name, err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start role %s: %w", r.Name, err)
	}
	defer theirs.Close()
	cmd := exec.Command(r.Supervisor[0], r.Supervisor[1:]...)
	cmd.Dir = r.Dir
	cmd.ExtraFiles = append([]*os.File{theirs}, r.Files...)
	cmd.Stderr = r.Stderr
	if r.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	// A session of its own: Ctrl-C in a terminal is for the server, which ends its roles in order; and no role may type
	// into root's terminal (TIOCSTI).
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start role %s: %w", r.Name, err), ours.Close())
	}
	run := &Running{cmd: cmd, pipe: ours, done: make(chan struct{})}
	go func() {
		defer close(run.done)
		run.err = cmd.Wait()
		if run.err == nil {
			run.err = errors.New("exit status 0")
		}
	}()
	if err := writeFrame(ours, frame); err != nil {
		return nil, errors.Join(fmt.Errorf("start role %s: %w", r.Name, err), run.Stop())
	}
	return run, nil
}

// PID is the supervisor's process id.
func (r *Running) PID() int { return r.cmd.Process.Pid }

// Done is closed when the supervisor is gone.
func (r *Running) Done() <-chan struct{} { return r.done }

// stopTime is how long a program may take to end in order.
const stopTime = 10 * time.Second

// Stop ends the program and its supervisor, and waits for them.
func (r *Running) Stop() error {
	var err error
	r.stop.Do(func() { err = r.pipe.Close() })
	select {
	case <-r.done:
	case <-time.After(2 * stopTime):
		err = errors.Join(err, r.cmd.Process.Kill())
		<-r.done
	}
	return err
}
