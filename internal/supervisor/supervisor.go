// Package supervisor runs one role of the appliance in a process of its own: as its own
// user, in its own folder, with the secrets and descriptors that it was handed and no
// other, and again when it dies.
//
// Three processes take part. The server starts a supervisor (Start) and hands it what
// the role needs over a pipe. The supervisor (Main) becomes the role's user, keeps the
// secrets in locked memory, and starts the role's program as often as it must: so a
// crash needs no person, and a reboot does, unless the secrets lie in a file. The
// program (Inherit) takes what it was handed. Each of them ends when the one before it
// is gone, however that ended, because the pipe between them closes then.
//
// Listening sockets are made by the server and outlive every restart of the program:
// whoever connects meanwhile waits instead of failing.
//
// It never puts a secret into arguments, an environment or a file.
package supervisor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// The descriptors of a supervisor and of a program. Files begin at firstFile.
const (
	pipeFD    = 3
	firstFile = 4
)

// maxHandover bounds what is read from the pipe, in bytes.
const maxHandover = 1 << 20

// ErrHandover: descriptor 3 does not hold what a role's process is started with.
var ErrHandover = errors.New("nothing was handed over on descriptor 3: a role is started by its service, not by hand")

// A handover is what goes over the pipe at the start. Times are in nanoseconds.
type handover struct {
	Argv   []string // of the program; the supervisor's own is not repeated in it
	UID    int      // -1: stay who we are
	GID    int
	Files  int // how many descriptors follow the pipe
	Secret []byte
	// LockMemory: lift the limit before root is given up.
	LockMemory bool
	// Pause is how long to wait before the second start in a row.
	Pause time.Duration
}

// writeFrame sends b with its length before it.
func writeFrame(w io.Writer, b []byte) error {
	if len(b) > maxHandover {
		return fmt.Errorf("hand over %d bytes: at most %d are possible", len(b), maxHandover)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	_, err := w.Write(frame)
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHandover, err)
	}
	size := binary.BigEndian.Uint32(n[:])
	if size > maxHandover {
		return nil, fmt.Errorf("%w: %d bytes announced", ErrHandover, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHandover, err)
	}
	return b, nil
}

// inherited returns the pipe, if descriptor 3 is one.
func inherited() (*os.File, error) {
	pipe := os.NewFile(pipeFD, "handover")
	info, err := pipe.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return nil, ErrHandover
	}
	return pipe, nil
}
