package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Main is the body of a supervisor: it takes what it was handed, becomes the role's
// user, and runs the program until the server's end of the pipe closes.
func Main(log *slog.Logger) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	pipe, err := inherited()
	if err != nil {
		return err
	}
	frame, err := readFrame(pipe)
	if err != nil {
		return err
	}
	var h handover
	if err := json.Unmarshal(frame, &h); err != nil || len(h.Argv) == 0 {
		return fmt.Errorf("%w: %w", ErrHandover, err)
	}
	clear(frame)
	if h.Files < 0 || h.Files > 64 {
		return ErrHandover
	}
	if h.LockMemory {
		liftMemoryLock()
	}
	if err := become(h.UID, h.GID); err != nil {
		return err
	}
	if err := Harden(); err != nil {
		return err
	}
	secret, err := lockedCopy(h.Secret)
	if err != nil {
		log.Warn("the role's secrets may be swapped out", "error", err)
		secret = h.Secret
	} else {
		clear(h.Secret)
	}
	files := make([]*os.File, h.Files)
	for i := range files {
		files[i] = os.NewFile(uintptr(firstFile+i), "handed over")
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, pipe) // nothing more comes; it ends with the server
		close(ended)
	}()
	return supervise(log, h, secret, files, ended)
}

// liftMemoryLock lifts the limit of locked memory as far as it goes: a root without CAP_SYS_RESOURCE stays under its hard
// limit. Who cannot lock what it wanted says so itself.
func liftMemoryLock() {
	all := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &all) == nil {
		return
	}
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &now) == nil {
		now.Cur = now.Max
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &now) // anybody may
	}
}

// become gives up root for good.
func become(uid, gid int) error {
	if uid < 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups([]int{}), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("become user %d: %w", uid, err)
	}
	if uid != 0 && syscall.Setuid(0) == nil {
		return fmt.Errorf("become user %d: root can be had back", uid)
	}
	return nil
}

// steady is how long a program must have run for its end to count as a first one.
const steady = 30 * time.Second

// ExitFinal is the exit code of a program that must not be started again, because that would do harm: its token's PIN was
// refused, and a token locks itself after a few tries.
const ExitFinal = 78

// supervise starts the program again and again. A program that ends at once is
// started less and less often, up to every ten seconds.
func supervise(log *slog.Logger, h handover, secret []byte, files []*os.File, ended <-chan struct{}) error {
	for pause := h.Pause; ; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		err := runOnce(h.Argv, secret, files, ended)
		select {
		case <-ended:
			return nil
		default:
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == ExitFinal {
			log.Error("a role's process ended for good; it is not started again", "program", h.Argv[len(h.Argv)-1])
			<-ended
			return nil
		}
		log.Error("a role's process ended; starting it again", "program", h.Argv[len(h.Argv)-1], "error", err)
		if time.Since(begun) > steady {
			pause = h.Pause
		}
		select {
		case <-ended:
			return nil
		case <-time.After(pause):
		}
	}
}

// runOnce runs the program until it ends, or ends it when the server is gone.
func runOnce(argv []string, secret []byte, files []*os.File, ended <-chan struct{}) error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.ExtraFiles = append([]*os.File{theirs}, files...)
	cmd.Stderr = os.Stderr
	// Should this supervisor be killed, the program must not go on without one.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	if err := writeFrame(ours, secret); err != nil {
		_ = cmd.Process.Kill() // it may be gone: that is why it took nothing
		return errors.Join(err, <-exited)
	}
	select {
	case err := <-exited:
		return err
	case <-ended:
	}
	ours.Close() // the program ends in order
	select {
	case err := <-exited:
		return err
	case <-time.After(stopTime):
		_ = cmd.Process.Kill()
		return <-exited
	}
}

// lockedCopy keeps b in memory that is neither swapped out nor written to a core file.
func lockedCopy(b []byte) ([]byte, error) {
	m, err := unix.Mmap(-1, 0, max(len(b), 1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("map memory: %w", err)
	}
	if err := errors.Join(unix.Mlock(m), unix.Madvise(m, unix.MADV_DONTDUMP)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock memory: %w", err), unix.Munmap(m))
	}
	return m[:copy(m, b)], nil
}
