package signer

import (
	"errors"
	"os"
	"sync"
)

// folders brings folders' entries onto the disk. Callers who come while a folder is being synced share the next time:
// each is served by one that began after it came, and so after its own rename.
type folders struct {
	mu   sync.Mutex
	busy map[string][]chan error // who waits for the next sync, by folder; no key: nobody syncs it
}

func (f *folders) sync(dir string) error {
	f.mu.Lock()
	if f.busy == nil {
		f.busy = map[string][]chan error{}
	}
	waiting, busy := f.busy[dir]
	if busy {
		done := make(chan error, 1)
		f.busy[dir] = append(waiting, done)
		f.mu.Unlock()
		return <-done
	}
	f.busy[dir] = nil
	f.mu.Unlock()
	err := syncDir(dir)
	go f.next(dir)
	return err
}

// next syncs for those who came meanwhile, until nobody did.
func (f *folders) next(dir string) {
	for {
		f.mu.Lock()
		waiting := f.busy[dir]
		if len(waiting) == 0 {
			delete(f.busy, dir)
			f.mu.Unlock()
			return
		}
		f.busy[dir] = nil
		f.mu.Unlock()
		err := syncDir(dir)
		for _, done := range waiting {
			done <- err
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
