package main

import "sync"

// lazy is a value that is made when it is first asked for. A failure is not kept: the next call tries again.
type lazy[T any] struct {
	mu    sync.Mutex
	value T
	made  bool
}

func (l *lazy[T]) get(make func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made {
		return l.value, nil
	}
	v, err := make()
	if err == nil {
		l.value, l.made = v, true
	}
	return v, err
}

// drop forgets the value: the next get makes another.
func (l *lazy[T]) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var zero T
	l.value, l.made = zero, false
}
