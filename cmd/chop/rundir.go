package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket's path has at most 107 bytes, so sockets lie in a short folder of their own that is found by the data
// folder's path. Other users may pass through it to a socket whose name they know; who connects is asked of the
// kernel by whoever listens.
func (f folder) sockets() (string, error) {
	abs, err := filepath.Abs(string(f))
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	name := fmt.Sprintf("chop-%x", sha256.Sum256([]byte(abs)))[:len("chop-")+12] + "-s"
	bases := []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"}
	if os.Geteuid() == 0 {
		bases = []string{"/run", "/tmp"}
	}
	var errs []error
	for _, base := range bases {
		dir := filepath.Join(base, name)
		if !filepath.IsAbs(base) || len(dir) > 80 {
			continue
		}
		err := makeOwnFolder(dir, 0o711)
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no folder for sockets: %w", errors.Join(errs...))
}

// removeSockets leaves nothing outside of the data folder, once nobody answers any more.
func (a *appliance) removeSockets() {
	dir, err := a.folder.sockets()
	if err != nil {
		return
	}
	paths := []string{filepath.Join(dir, socketAPI), filepath.Join(dir, socketActivate), filepath.Join(dir, socketDocuments), filepath.Join(dir, socketApproval)}
	for role := range launchedTokens {
		paths = append(paths, tokenSocket(dir, role))
	}
	for _, path := range paths {
		_ = os.Remove(path) // the next start replaces what is left
	}
	_ = os.Remove(dir)
}

// makeOwnFolder makes dir, or takes it if it is ours: where all may write, somebody could have put a link there.
func makeOwnFolder(dir string, mode os.FileMode) error {
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return os.Chmod(dir, mode) // whatever the umask
}

// turn is the right to serve a data folder. The second file is handed on to the server's process, so that it tells
// when one whose parent was killed has ended too, and its addresses are free.
type turn struct{ serve, server *os.File }

// serveAlone takes the data folder's right to serve: the sockets of residents' signing have one owner. Whoever has it
// replaces what is left of a process that was killed.
func (f folder) serveAlone(ctx context.Context) (*turn, error) {
	serve, err := tryLockFile(f.path("run", "serve.lock"))
	if err != nil {
		return nil, err
	}
	if serve == nil {
		return nil, hinted{errServing, "one `chop serve` or `chop demo` at a time works on a folder; the other commands work beside it", 1}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	server, err := lockFile(ctx, f.path("run", "server.lock"))
	if err != nil {
		return nil, errors.Join(err, serve.Close())
	}
	return &turn{serve, server}, nil
}

// Close gives the turn to the next one.
func (t *turn) Close() error { return errors.Join(t.server.Close(), t.serve.Close()) }

// listenSocket makes a listening socket that any user may connect to; whoever accepts asks who it is. A socket that
// was left by a killed process is replaced, once the role that answered on it has ended too: it notices by itself.
func listenSocket(ctx context.Context, path string) (*net.UnixListener, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		conn.Close()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is answered by a process that does not end: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove a stale socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on a socket: %w", err)
	}
	return l, os.Chmod(path, 0o666)
}

// dup is another descriptor of an open file, which keeps its lock as long as it is open.
func dup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate a descriptor: %w", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// errServing: another chop serve works on this data folder.
var errServing = errors.New("another process serves this data folder")
