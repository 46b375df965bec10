package hsm

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A token locks itself after a few wrong PINs. So launched workers log in one after the other, and once the PIN was
// refused none of them tries it again: not for the next connection, and not for those that wait. Each asks its launcher
// before it opens the token, and tells it how that went before it answers whoever connected.

// turns is the launcher's side.
type turns struct {
	log     *slog.Logger
	mu      sync.Mutex // held while a worker opens the token
	refused error      // the PIN was; for as long as the launcher runs
}

// watch serves one worker over its wire, until it has opened the token or is gone.
func (t *turns) watch(w *wire) {
	if _, err := w.receive(); err != nil {
		return // whoever connected has thought better of it
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused != nil {
		_ = w.send(1, opError, encodeError(t.refused)...) // it is gone, which is as good
		return
	}
	if w.send(1, opOK) != nil {
		return
	}
	// A module that hangs while it opens the token must not keep the others from trying: whoever waits for this one gives
	// up at that time too.
	if err := w.conn.SetReadDeadline(time.Now().Add(openPatience * w.timeout)); err != nil {
		return
	}
	m, err := w.receive()
	if err != nil {
		return
	}
	if m.op == opError {
		if err := decodeError(m.fields); errors.Is(err, ErrPIN) {
			t.refused = err
			t.log.Error("a token refused its PIN, which is not tried again", "error", err, "hint", "correct the PIN, and start the launching service again")
		}
	}
	_ = w.send(1, opOK)
}

// ask waits for the worker's turn. It fails if the PIN was refused before.
func (l *launched) ask() error {
	if err := l.launcher.send(1, opHello); err != nil {
		return fmt.Errorf("ask the launcher: %w", err)
	}
	m, err := l.launcher.receive()
	if err != nil {
		return fmt.Errorf("ask the launcher: %w", err)
	}
	if m.op == opError {
		return decodeError(m.fields)
	}
	return nil
}

// report says how opening went, and waits until the launcher knows. A launcher that is gone has no more connections.
func (l *launched) report(opened error) {
	op, fields := opOK, [][]byte(nil)
	if opened != nil {
		op, fields = opError, encodeError(opened)
	}
	if l.launcher.send(1, op, fields...) == nil {
		_, _ = l.launcher.receive()
	}
}
