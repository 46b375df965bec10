package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
	"chop/registration/immd"
)

const (
	// followed is how long after a card was read its ticket is asked for. A phone that takes longer begins again.
	followed = 15 * time.Minute
	// asked is how often.
	asked = 2 * time.Second
	// ahead is how far ahead a ticket may expire.
	ahead = 10 * time.Minute
)

// ErrTicket says that the server wants a signature that this kiosk does not owe it.
var ErrTicket = errors.New("ticket is not about the card that was read here")

// Wait waits until all tickets that are asked for were signed or given up.
func (a *Agent) Wait() { a.follow.Wait() }

// ticket asks for the ticket of a card that was read here, and signs it.
func (a *Agent) ticket(ctx context.Context, session string, card hkic.Card) {
	ctx, cancel := context.WithTimeout(ctx, followed)
	defer cancel()
	tick := time.NewTicker(asked)
	defer tick.Stop()
	for {
		done, err := a.askTicket(ctx, session, card)
		switch {
		case errors.Is(err, ErrTicket):
			a.cfg.Log.Error("the server's ticket is not signed", "session", session, "err", err)
			return
		case err != nil && ctx.Err() == nil:
			a.cfg.Log.Warn("the ticket is asked for again", "session", session, "err", err)
		case done:
			a.cfg.Log.Info("ticket", "session", session)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *Agent) askTicket(ctx context.Context, session string, card hkic.Card) (done bool, err error) {
	t, err := a.cfg.Server.Ticket(ctx, session)
	if err != nil || t.State != TicketSign {
		return err == nil && t.State == TicketOver, err
	}
	if err := a.owes(t, session, card); err != nil {
		return false, err
	}
	signature, err := solecontrol.SignRaw(a.cfg.Key, solecontrol.TicketMessage(t.Ticket))
	if err != nil {
		return false, err
	}
	err = a.cfg.Server.Sign(ctx, &Signed{session, t.Ticket, signature})
	return err == nil, err
}

// owes says whether a ticket is this kiosk's, of this session, and about the holder of the card that was read in it. So
// whoever has the server, and not a card and a kiosk, gets no key made for anybody by a kiosk.
func (a *Agent) owes(t *Ticket, session string, card hkic.Card) error {
	ticket, err := solecontrol.ParseTicket(t.Ticket)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTicket, err)
	}
	subject, err := immd.Subject(card, t.Reference).Digest()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTicket, err)
	}
	now := a.cfg.Now()
	switch {
	case ticket.Case != session:
		return fmt.Errorf("%w: another session", ErrTicket)
	case ticket.Signer != "kiosk:"+a.cfg.ID:
		return fmt.Errorf("%w: for %s to sign", ErrTicket, ticket.Signer)
	case !bytes.Equal(ticket.Subject, subject[:]):
		return fmt.Errorf("%w: another person", ErrTicket)
	case ticket.Expires.Sub(now) > ahead:
		return fmt.Errorf("%w: it lives too long", ErrTicket)
	}
	return nil
}
