package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// newFile is a file in the making, beside the one that it will be: a reader, or a kill at any moment, finds the
// old bytes or the new ones.
type newFile struct {
	*os.File
	target string
	mode   fs.FileMode
}

// createOut begins the file that --out names, before the work is done: what cannot be written is learned while
// there is nothing to lose. It refuses what is no regular file, because a rename over /dev/null would take the
// device from the whole machine. A link is followed, so that it is still one afterwards.
func createOut(path string) (*newFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, unusable(fmt.Errorf("write %s: it is not a regular file", path), "give --out the name of a file")
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return createNew(path, 0o644)
}

func createNew(target string, mode fs.FileMode) (*newFile, error) {
	tmp, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", target, err)
	}
	return &newFile{tmp, target, mode}, nil
}

// commit gives the file its bytes and its name, for good.
func (f *newFile) commit(data []byte) error { return f.commitBy(os.Rename, data) }

func (f *newFile) commitBy(name func(from, to string) error, data []byte) error {
	_, err := f.Write(data)
	err = errors.Join(err, f.Chmod(f.mode), f.Sync(), f.Close())
	if err == nil {
		err = name(f.Name(), f.target)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(f.target))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.target, err)
	}
	return nil
}

// discard removes a file that was not committed.
func (f *newFile) discard() {
	f.Close()
	os.Remove(f.Name())
}

// writeFile replaces path at once.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	f, err := createNew(path, mode)
	if err != nil {
		return err
	}
	defer f.discard()
	return f.commit(data)
}

// writeFirst writes path for an owner (-1: as it is made), unless it is there: then the error is fs.ErrExist. What
// somebody writes at the same moment stays.
func writeFirst(path string, data []byte, mode fs.FileMode, owner int) error {
	f, err := createNew(path, mode)
	if err != nil {
		return err
	}
	defer f.discard()
	if err := f.Chown(owner, owner); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.commitBy(os.Link, data)
}

// syncFolder makes a rename in dir survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
