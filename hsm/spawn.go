package hsm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownFolder is what a worker of another user calls its SoftHSM folder: it works there, and could not walk to it.
const ownFolder = "/proc/self/cwd"

func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "worker")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return conn, theirs, nil
}

// start runs a worker process with these descriptors, from 3 on, as the configured user.
func (w *WorkerConfig) start(argv []string, files ...*os.File) (*exec.Cmd, io.Reader, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.ExtraFiles = files
	// A session of its own: Ctrl-C in a terminal is for the caller, who may
	// still need the token to end in order; and the terminal is not the worker's.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if w.UID > 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(w.UID), Gid: uint32(w.UID)}
		if dir := w.Token.SoftHSMDir; dir != "" {
			// It goes there after it has become somebody else: by a descriptor that we have.
			folder, err := os.Open(dir)
			if errors.Is(err, os.ErrNotExist) {
				err = fmt.Errorf("%w: %w", ErrTokenAbsent, err)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("open SoftHSM's folder: %w", err)
			}
			defer folder.Close()
			cmd.Dir = fmt.Sprintf("/proc/self/fd/%d", folder.Fd())
		}
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	return cmd, stderr, cmd.Start()
}

// ended logs what a worker process says until it has ended.
func ended(cmd *exec.Cmd, stderr io.Reader, log *slog.Logger) error {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.Warn("token worker says", "text", lines.Text())
	}
	_, _ = io.Copy(io.Discard, stderr) // after a line too long to log
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("exit status 0")
}
