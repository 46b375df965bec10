package hsm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// maxLaunched is how many processes a launcher has at work at the same time. A Worker has one, and a second one for
// moments.
const maxLaunched = 8

// launchGrace is how long processes may go on after their launcher was told to end: whoever they work for ends too.
const launchGrace = time.Minute

// Launch gives each connection to l a worker process of its own, which opens the token that c names and serves it there,
// until ctx ends. Whoever connects says neither which token nor its PIN; they use its keys as c.Uses says, and can
// neither make nor destroy any. Who may connect is for l to decide: it takes connections of Unix sockets.
//
// It is for a server that may not have the PIN, nor start a process as the token's user (WorkerConfig.Dial).
func Launch(ctx context.Context, l net.Listener, c WorkerConfig) error {
	if c.Dial != nil {
		return errors.New("launch token workers: a launcher starts them itself")
	}
	if c.Uses == 0 || c.Uses&^everyUse != 0 {
		return errors.New("launch token workers: for what use?")
	}
	if err := c.check(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	places := make(chan struct{}, maxLaunched)
	var running sync.WaitGroup
	defer running.Wait()
	turns := &turns{log: c.Log.With("role", c.Role)}
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("launch token workers: %w", err)
		}
		if err != nil { // no descriptor is left, for example
			c.Log.Error("a connection to a token could not be taken", "role", c.Role, "error", err)
			<-places
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		running.Go(func() {
			defer func() { <-places }()
			if err := c.launch(ctx, conn, turns); err != nil {
				c.Log.Error("a token worker could not be started", "role", c.Role, "error", err)
			}
		})
	}
}

// launch runs one process for one connection until it ends.
func (w *WorkerConfig) launch(ctx context.Context, conn net.Conn, turns *turns) error {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return fmt.Errorf("a connection of %T, want a Unix socket's", conn)
	}
	theirs, err := unixConn.File()
	conn.Close()
	if err != nil {
		return err
	}
	given, hand, err := socketPair()
	if err != nil {
		theirs.Close()
		return err
	}
	cmd, stderr, err := w.start(w.Launched, theirs, hand)
	theirs.Close()
	hand.Close()
	if err != nil {
		given.Close()
		return err
	}
	log := w.Log.With("role", w.Role, "pid", cmd.Process.Pid)
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(launchGrace, func() { _ = cmd.Process.Kill() }) // it is gone, or hangs
	})
	defer stop()
	h := launched{hello: hello{w.Token, w.CallTimeout}, uses: w.Uses}
	if w.UID > 0 && h.cfg.SoftHSMDir != "" {
		h.cfg.SoftHSMDir = ownFolder
	}
	wire := newWire(given, w.CallTimeout)
	if err := wire.send(1, opHello, h.encode()...); err != nil {
		_ = cmd.Process.Kill() // it is gone, which is why it took nothing
	}
	watched := make(chan struct{})
	go func() { defer close(watched); turns.watch(wire) }()
	defer func() { given.Close(); <-watched }()
	log.Debug("token worker launched")
	log.Debug("token worker ended", "how", ended(cmd, stderr, log))
	return nil
}
