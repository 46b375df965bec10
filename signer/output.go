package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// The names of files in the making. They are hidden, and no program looks for a PDF
// under such a name.
const (
	tempPrefix = ".chop-signing-"
	tempSuffix = ".tmp"
	// tempGrace is how long a file in the making may be without its maker's lock.
	tempGrace = time.Minute
)

// An output is a file in the making. It lies in the folder of the file that it will be,
// so that giving it its name is one atomic step: a kill at any moment leaves what was
// there before, or the new file whole. While its maker lives it is locked.
type output struct {
	*os.File
	target string
	draft  *draft // of a small document; nil: none
}

// createOutput starts a file that will be target.
func createOutput(target string) (*output, error) {
	old, err := os.Stat(target)
	if err == nil {
		if !old.Mode().IsRegular() {
			return nil, fmt.Errorf("%w: %s is not a regular file", ErrOutput, target)
		}
		// A link is followed, so that it is still one afterwards.
		if real, err := filepath.EvalSymlinks(target); err == nil {
			target = real
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(target), tempPrefix+id.String()+tempSuffix), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	o := &output{File: f, target: target}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		o.discard()
		return nil, fmt.Errorf("%w: lock %s: %w", ErrOutput, f.Name(), err)
	}
	if err := o.inherit(old); err != nil {
		o.discard()
		return nil, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return o, nil
}

// inherit gives the file the owner and the permissions of the one that it will replace, if there is one: who could
// not read that may not read this. An owner whom we may not name stays ourselves.
func (o *output) inherit(old os.FileInfo) error {
	if old == nil {
		return nil
	}
	if was, ok := old.Sys().(*syscall.Stat_t); ok {
		if err := o.Chown(int(was.Uid), int(was.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return o.Chmod(old.Mode().Perm())
}

// publish gives the file its name, for good: its bytes are on the disk before, and the
// folder's entry after. The bytes must have been synced by the caller.
func (o *output) publish(f *folders) error {
	if err := os.Rename(o.Name(), o.target); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if err := f.sync(filepath.Dir(o.target)); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if err := o.Close(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}

// discard removes the file, if it has not been published. An error here leaves only
// what removeStale finds later.
func (o *output) discard() {
	o.draft.free()
	o.draft = nil
	if err := o.Close(); !errors.Is(err, fs.ErrClosed) {
		_ = os.Remove(o.Name())
	}
}
