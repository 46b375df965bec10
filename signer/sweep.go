package signer

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A sweeper removes what dead makers left in the folders that are written to, in each at
// most once in tempGrace, because reading a large folder for each signature is waste.
type sweeper struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// sweepMemory bounds how many folders are remembered.
const sweepMemory = 1024

func (s *sweeper) sweep(target string, now time.Time) {
	dir := filepath.Dir(target)
	s.mu.Lock()
	due := now.Sub(s.last[dir]) >= tempGrace
	if due {
		if s.last == nil || len(s.last) >= sweepMemory {
			s.last = map[string]time.Time{}
		}
		s.last[dir] = now
	}
	s.mu.Unlock()
	if due {
		removeStale(dir, now)
	}
}

// removeStale removes files in the making whose makers are gone: old enough that the
// maker has its lock, and not locked.
func removeStale(dir string, now time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // the caller will meet the same error
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, tempPrefix) || !strings.HasSuffix(name, tempSuffix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err != nil || now.Sub(info.ModTime()) < tempGrace {
			continue
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.Remove(f.Name())
		}
		_ = f.Close()
	}
}
