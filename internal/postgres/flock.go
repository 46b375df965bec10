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
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := giveToOwner(f); err != nil {
		return nil, errors.Join(err, f.Close())
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

// giveToOwner gives a file that root has made to the owner of its folder, who
// could not open it otherwise.
func giveToOwner(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return fmt.Errorf("find the folder's owner: %w", err)
	}
	owner := folder.Sys().(*syscall.Stat_t)
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("give %s to the folder's owner: %w", f.Name(), err)
	}
	return nil
}
