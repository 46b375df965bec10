package hsm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Local is a Token whose module is loaded into this process. A module that
// hangs hangs its caller too, and one that crashes takes the process along;
// Worker survives both.
type Local struct {
	cfg Config

	// gate is held for reading by each call, and for writing while the module
	// is initialised again: C_Finalize under a running call is undefined.
	gate   sync.RWMutex
	m      *module
	pool   *pool
	closed bool

	// epoch grows whenever object handles may have changed.
	epoch   atomic.Uint64
	breaker breaker

	naming   sync.Mutex
	names    map[string]bool // labels of the keys that are being made
	creating sync.Mutex      // one at a time makes a KEK or a sealing key
}

// Open loads the module, finds the token and logs in. ErrTokenAbsent, ErrPIN,
// ErrModuleInUse.
func Open(ctx context.Context, c Config) (*Local, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := &Local{cfg: c, names: make(map[string]bool)}
	l.epoch.Store(1)
	done, err := softHSMTurn(c.SoftHSMDir)
	if err != nil {
		return nil, err
	}
	defer done()
	m, err := loadModule(&l.cfg)
	if err != nil {
		return nil, err
	}
	l.m = m
	if l.pool, err = openPool(m); err != nil {
		return nil, errors.Join(err, m.unload())
	}
	return l, nil
}

// Close ends every session and unloads the module.
func (l *Local) Close() error {
	l.gate.Lock()
	defer l.gate.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.m.unload()
}

// do lends fn a session and deals with what the module says of it.
//
// A stale session, login or handle, and a failed device that could be
// initialised again, lead to one more try, and only if the first one did not
// get as far as C_Sign: a signature that was made must not be made twice.
func (l *Local) do(ctx context.Context, fn func(*session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.heal(); err != nil {
		return err
	}
	signed, err := l.try(ctx, fn)
	if !stale(err) {
		return explain(err)
	}
	if rerr := l.recover(err); rerr != nil {
		return fmt.Errorf("%w; then recovery failed: %w", explain(err), rerr)
	}
	if signed {
		return explain(err)
	}
	if _, err = l.try(ctx, fn); stale(err) {
		l.trip(err)
	}
	return explain(err)
}

func (l *Local) try(ctx context.Context, fn func(*session) error) (signed bool, err error) {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return false, ErrClosed
	}
	s, err := l.pool.get(ctx)
	if err != nil {
		return false, err
	}
	failed := true // stays so if fn panics
	defer func() { l.pool.put(s, failed) }()
	err = fn(s)
	failed = stale(err)
	return s.signed, err
}

// stale reports whether sessions and object handles may have died with err.
func stale(err error) bool {
	c := classify(err)
	return c == classSession || c == classDevice
}
