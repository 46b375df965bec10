package supervisor

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Inheritance is what a role's program was handed.
type Inheritance struct {
	Secret []byte
	pipe   *os.File
}

// Inherit takes what the supervisor handed over, and forbids core files and debuggers.
func Inherit() (*Inheritance, error) {
	pipe, err := inherited()
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(pipeFD)
	if err := Harden(); err != nil {
		return nil, err
	}
	secret, err := readFrame(pipe)
	if err != nil {
		return nil, err
	}
	return &Inheritance{Secret: secret, pipe: pipe}, nil
}

// File returns the i-th of Role.Files. Programs that this one starts do not get it.
func (in *Inheritance) File(i int) *os.File {
	fd := uintptr(firstFile + i)
	unix.CloseOnExec(int(fd))
	return os.NewFile(fd, "handed over")
}

// Context ends when the supervisor wants the program to end, or is gone.
func (in *Inheritance) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		_, _ = io.Copy(io.Discard, in.pipe) // nothing more comes
		cancel()
	}()
	return ctx, cancel
}

// Harden keeps a process's memory out of core files, and out of debuggers of the same user.
func Harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid debugging: %w", err)
	}
	return nil
}
