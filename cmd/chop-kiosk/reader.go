package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ebfe/scard"

	"chop/registration/hkic"
	"chop/registration/kiosk/agent"
)

// pause is how long is waited before pcscd or a reader that is gone is looked for again.
const pause = time.Second

// serve brings each card that is put in to the agent, until ctx ends. pcscd and the
// reader may come and go; a card that is in already counts as put in.
func serve(ctx context.Context, a *agent.Agent, wanted string, log *slog.Logger) {
	last := ""
	for ctx.Err() == nil {
		err := session(ctx, a, wanted, log)
		if ctx.Err() != nil {
			return
		}
		if text := fmt.Sprint(err); text != last { // once, not each second
			log.Warn("no card can be read now", "err", err)
			last = text
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// session works with one connection to pcscd, until that or the reader fails.
func session(ctx context.Context, a *agent.Agent, wanted string, log *slog.Logger) error {
	pcsc, err := scard.EstablishContext()
	if err != nil {
		return fmt.Errorf("reach pcscd: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = pcsc.Cancel() }) // wakes GetStatusChange
	defer func() {
		stop()
		_ = pcsc.Release() // it goes with the connection
	}()
	name, err := find(pcsc, wanted)
	if err != nil {
		return err
	}
	state := []scard.ReaderState{{Reader: name, CurrentState: scard.StateUnaware}}
	var last scard.StateFlag // the card that was brought, 0 for none
	for ctx.Err() == nil {
		// A bounded wait, in case the cancelling came just before it.
		err := pcsc.GetStatusChange(state, 5*time.Second)
		if errors.Is(err, scard.ErrTimeout) || errors.Is(err, scard.ErrCancelled) {
			continue
		}
		if err != nil {
			return fmt.Errorf("watch reader: %w", err)
		}
		now := state[0].EventState
		state[0].CurrentState = now
		if now&(scard.StateUnavailable|scard.StateUnknown) != 0 {
			return errors.New("the reader is gone")
		}
		if now&scard.StatePresent == 0 {
			last = 0
			continue
		}
		// pcscd counts cards put in and taken out in the upper half: one that was out and in
		// again between two looks is another card.
		if this := now>>16<<16 | scard.StatePresent; this != last {
			last = this
			log.Info("a card is in") // its time is when pcscd said so
			card(ctx, pcsc, name, a, log)
		}
	}
	return nil
}

func find(pcsc *scard.Context, wanted string) (string, error) {
	names, err := pcsc.ListReaders()
	if err != nil {
		return "", fmt.Errorf("list readers: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, wanted) {
			return name, nil
		}
	}
	return "", errors.New("there is no such reader")
}

// card has the agent read the card that was put in.
func card(ctx context.Context, pcsc *scard.Context, reader string, a *agent.Agent, log *slog.Logger) {
	c := &chip{pcsc: pcsc, reader: reader}
	defer func() {
		if c.card != nil {
			_ = c.card.Disconnect(scard.LeaveCard) // a reset would fail on a card that is out, and confuse pcscd about the next
		}
	}()
	if _, err := a.Card(ctx, c); err != nil && ctx.Err() == nil {
		log.Error("a card was put in for nothing", "err", err)
	}
}

// chip is a card as hkic reads it. It is connected to with the first command, and so while the server is asked for a session.
type chip struct {
	card   *scard.Card // nil: not connected yet
	pcsc   *scard.Context
	reader string
}

// connect fails for a card that is dirty, put in the wrong way, or out again.
func (c *chip) connect() error {
	card, err := c.pcsc.Connect(c.reader, scard.ShareExclusive, scard.ProtocolAny)
	if removed(err) {
		return fmt.Errorf("%w: %w", hkic.ErrRemoved, err)
	}
	if err != nil {
		return err
	}
	c.card = card
	return nil
}

func (c *chip) Transmit(command []byte) ([]byte, error) {
	if c.card == nil {
		if err := c.connect(); err != nil {
			return nil, err
		}
	}
	response, err := c.card.Transmit(command)
	if err == nil && len(response) == 0 { // how some drivers say it
		err = scard.ErrNotTransacted
	}
	if err != nil && (removed(err) || c.gone()) {
		return nil, fmt.Errorf("%w: %w", hkic.ErrRemoved, err)
	}
	return response, err
}

// notice is how long pcscd may take to see that a card is out: it looks a few times a second.
const notice = time.Second

// gone says whether the card is out. A command that it was pulled out of may be
// answered as a failed transmission, before pcscd has seen why.
func (c *chip) gone() bool {
	state := []scard.ReaderState{{Reader: c.reader, CurrentState: scard.StateUnaware}}
	for until := time.Now().Add(notice); ; {
		if err := c.pcsc.GetStatusChange(state, max(0, time.Until(until))); err != nil {
			return false // ErrTimeout: it is still there
		}
		if state[0].EventState&scard.StateEmpty != 0 {
			return true
		}
		state[0].CurrentState = state[0].EventState
	}
}

func removed(err error) bool {
	return errors.Is(err, scard.ErrRemovedCard) || errors.Is(err, scard.ErrNoSmartcard)
}
