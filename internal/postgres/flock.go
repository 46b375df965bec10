package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fileLock is an flock(2). It belongs to the open file, which no child process
// inherits (O_CLOEXEC), so it lasts exactly as long as this process wants it.
type fileLock struct{ file *os.File }

func (l *fileLock) Unlock() error { return l.file.Close() }

func lockExclusive(ctx context.Context, path string) (*fileLock, error) {
	return lockWait(ctx, path, unix.LOCK_EX)
}

func lockShared(ctx context.Context, path string) (*fileLock, error) {
	return lockWait(ctx, path, unix.LOCK_SH)
}

// tryExclusive returns nil without an error when somebody else holds the lock.
func tryExclusive(path string) (*fileLock, error) { return lockTry(path, unix.LOCK_EX) }

// lockWait polls, because a blocked flock cannot be cancelled.
func lockWait(ctx context.Context, path string, how int) (*fileLock, error) {
	for {
		l, err := lockTry(path, how)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, ctx.Err())
		case <-time.After(15 * time.Millisecond):
		}
	}
}

func lockTry(path string, how int) (*fileLock, error) {
	f, err := createOwned(path)
	if errors.Is(err, os.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return &fileLock{f}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, f.Close()
	default:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
}

// createOwned makes a file. If root makes it, it is given to the owner of its
// folder, who could not open it otherwise. A file or link that is there already is
// refused: in a folder of theirs the owner could have put a link to any file, to
// have root give it to them.
func createOwned(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil || os.Geteuid() != 0 {
		return f, err
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find the folder's owner: %w", err), f.Close())
	}
	owner := folder.Sys().(*syscall.Stat_t)
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return nil, errors.Join(fmt.Errorf("give %s to the folder's owner: %w", path, err), f.Close())
	}
	return f, nil
}

// replaceOwned is createOwned in the place of a file that may be there.
func replaceOwned(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return createOwned(path)
}
