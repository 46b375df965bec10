// Package confined runs a program of others, which has decoders, on what strangers sent.
//
// The program is a child process that gets bytes on its standard input and gives bytes on
// its standard output. It may write no file at all, has bounded memory, processor's time
// and time, sees nothing of this process's environment, and, where the kernel lets us make
// namespaces, has no network. What it says on standard error is not kept: it might quote.
// It is no sandbox against a hole in the kernel.
package confined

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrAbsent says that the program is not there.
var ErrAbsent = errors.New("no such program")

// A Program is what is run, and within which limits. All fields but Env are required.
type Program struct {
	Path string
	Args []string
	Env  []string // NAME=value, beside PATH and LC_ALL
	// Memory is its address space, in bytes; Timeout is for one run.
	Memory  uint64
	Timeout time.Duration
}

// Run gives in to the program, and what it writes to out, whose error ends it. Until it is
// within its limits it has nothing to read. The error quotes nothing that was read or written.
func (p Program) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	cmd, stdin, err := p.start(ctx, out)
	if err != nil {
		return err
	}
	if err := p.confine(cmd.Process.Pid); err != nil {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
		return err
	}
	_, writing := io.Copy(stdin, in)
	stdin.Close()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run %s: %w", p.Path, ctx.Err())
	case err != nil:
		return fmt.Errorf("run %s: %w", p.Path, err)
	case writing != nil:
		return fmt.Errorf("run %s: it did not read all: %w", p.Path, writing)
	}
	return nil
}

// start prefers a process without a network to one with ours.
func (p Program) start(ctx context.Context, out io.Writer) (cmd *exec.Cmd, in io.WriteCloser, err error) {
	for _, flags := range []uintptr{unix.CLONE_NEWUSER | unix.CLONE_NEWNET, 0} {
		cmd = exec.CommandContext(ctx, p.Path, p.Args...)
		cmd.Env = append([]string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, p.Env...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: flags}
		if flags != 0 { // in its namespace it is who we are, and nobody else
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		}
		cmd.WaitDelay = time.Second
		cmd.Stdout = out
		if in, err = cmd.StdinPipe(); err != nil {
			return nil, nil, fmt.Errorf("run %s: %w", p.Path, err)
		}
		if err = cmd.Start(); err == nil {
			return cmd, in, nil
		}
		in.Close()
	}
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return nil, nil, fmt.Errorf("run %s: %w", p.Path, err)
}

// confine forbids a process to write into files, to leave core files, and to take
// all memory or, should we die before it, all time.
func (p Program) confine(pid int) error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_AS: p.Memory, unix.RLIMIT_CPU: uint64(p.Timeout.Seconds()) + 1,
	} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return fmt.Errorf("limit a process: %w", err)
		}
	}
	return nil
}
