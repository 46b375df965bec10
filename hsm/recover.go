package hsm

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// breaker keeps calls away from a device that failed: hammering a token that
// is being exchanged or is restarting only delays it, and callers deserve an
// answer at once.
type breaker struct {
	mu      sync.Mutex
	failed  bool
	final   error     // the PIN was refused: no further attempt, ever
	retryAt time.Time // not before then
	pause   time.Duration
}

const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// recover repairs what err says is broken, at once and once.
func (l *Local) recover(err error) error {
	l.epoch.Add(1)
	if classify(err) == classSession {
		return l.loginResult(l.renewSessions())
	}
	l.breaker.mu.Lock()
	if !l.breaker.failed {
		l.breaker.failed, l.breaker.pause, l.breaker.retryAt = true, firstPause, time.Time{}
		l.cfg.Log.Warn("token failed; initialising it again", "token", l.cfg.Label, "error", err)
	}
	l.breaker.mu.Unlock()
	return l.heal()
}

func (l *Local) renewSessions() error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return ErrClosed
	}
	l.pool.flush()
	done, err := softHSMTurn(l.cfg.SoftHSMDir)
	if err != nil {
		return err
	}
	defer done()
	return l.pool.restoreLogin()
}

// trip opens the breaker: the device failed again right after recovery.
func (l *Local) trip(err error) {
	l.epoch.Add(1)
	l.breaker.mu.Lock()
	defer l.breaker.mu.Unlock()
	l.breaker.failed, l.breaker.pause = true, firstPause
	l.breaker.retryAt = l.cfg.Now().Add(firstPause)
	l.cfg.Log.Error("token failed twice; leaving it alone", "token", l.cfg.Label, "for", firstPause, "error", err)
}

// heal does nothing on a healthy token. On a failed one it initialises the
// module again if the pause is over, and else answers ErrTokenFailed.
func (l *Local) heal() error {
	b := &l.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.final != nil:
		return b.final
	case !b.failed:
		return nil
	case l.cfg.Now().Before(b.retryAt):
		return fmt.Errorf("token %q is left alone for %v after a failure: %w", l.cfg.Label, b.pause, ErrTokenFailed)
	}
	if err := l.reinitialise(); err != nil {
		b.final = finalPIN(err)
		b.retryAt = l.cfg.Now().Add(b.pause)
		b.pause = min(2*b.pause, lastPause)
		return err
	}
	b.failed = false
	l.cfg.Log.Info("token works again", "token", l.cfg.Label)
	return nil
}

// reinitialise finalises the module and starts again from nothing. It waits
// for the running calls.
func (l *Local) reinitialise() error {
	l.gate.Lock()
	defer l.gate.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.epoch.Add(1)
	// A module that lost its device may well refuse; what counts is whether
	// it can be initialised afterwards.
	_ = l.m.Finalize()
	done, err := softHSMTurn(l.cfg.SoftHSMDir)
	if err != nil {
		return err
	}
	defer done()
	if err := l.m.initialize(); err != nil {
		return err
	}
	p, err := openPool(l.m)
	if err != nil {
		return err
	}
	l.pool = p
	return nil
}

// loginResult is called without the gate: heal takes the two locks in the other
// order.
func (l *Local) loginResult(err error) error {
	if final := finalPIN(err); final != nil {
		l.breaker.mu.Lock()
		l.breaker.final = final
		l.breaker.mu.Unlock()
	}
	return err
}

// finalPIN returns err if the PIN was refused: two more tries could lock it.
func finalPIN(err error) error {
	if errors.Is(err, ErrPIN) {
		return err
	}
	return nil
}
