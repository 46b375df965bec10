package activation

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Listen makes a Unix socket that answers these users only, as the kernel names
// them (SO_PEERCRED, unix(7)): the file's mode is the first lock, this the one
// that counts. A socket that a killed process left is replaced.
func Listen(path string, uids []int, log *slog.Logger) (net.Listener, error) {
	if len(path) > 107 {
		return nil, fmt.Errorf("socket %s: its path has %d bytes, at most 107 are possible", path, len(path))
	}
	if len(uids) == 0 {
		return nil, fmt.Errorf("socket %s: for nobody", path)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("socket %s: something else is there", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove old socket: %w", err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", filepath.Base(path), err)
	}
	// Other users must reach it to be told apart.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("open socket: %w", err), l.Close())
	}
	return Guard(l, uids, log), nil
}

// Guard lets through the connections of these users, on a listener of Unix
// sockets: one that was inherited, for example.
func Guard(l net.Listener, uids []int, log *slog.Logger) net.Listener {
	return &guarded{l, slices.Clone(uids), log}
}

type guarded struct {
	net.Listener
	uids []int
	log  *slog.Logger
}

// Accept gives the next connection of an allowed user; it closes all others.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(c)
		if err == nil && slices.Contains(g.uids, uid) {
			return c, nil
		}
		g.log.Warn("a connection was refused", "socket", filepath.Base(g.Addr().String()), "uid", uid, "error", err)
		c.Close()
	}
}

// peerUID is who opened the other end.
func peerUID(c net.Conn) (int, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1, errors.New("not a Unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, failed); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
