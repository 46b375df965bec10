package immd

import (
	"sync"
	"time"
)

// breaker leaves a department that fails alone for a while, so that cases fail
// fast and it can recover. After the rest one question is let through; its answer
// decides.
type breaker struct {
	most int
	rest time.Duration

	mu       sync.Mutex
	failures int
	until    time.Time
	probing  bool
}

func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < b.most {
		return true
	}
	if now.Before(b.until) || b.probing {
		return false
	}
	b.probing = true
	return true
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probing = 0, false
}

func (b *breaker) failed(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.until, b.probing = now.Add(b.rest), false
}

// gaveUp: who asked left before the answer; nothing is known.
func (b *breaker) gaveUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}
