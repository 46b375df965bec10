package sealing

import (
	"context"
	"encoding/json"
	"fmt"

	"chop/internal/solecontrol"
)

// Challenge is what an operator's passkey is asked to answer to: it holds every document's digest, and is computed, not
// kept, so that a batch that changed voids it.
func (b *Book) Challenge(ctx context.Context, o *Operator, batch, act string) (solecontrol.Digest, error) {
	row, documents, err := b.whole(ctx, o.Department, batch)
	if err != nil {
		return solecontrol.Digest{}, err
	}
	return stated(act, o.ID, row, documents).challenge()
}

func (b *Book) whole(ctx context.Context, department, id string) (*Batch, []*Document, error) {
	row, err := b.Batch(ctx, department, id)
	if err != nil {
		return nil, nil, err
	}
	documents, err := b.Documents(ctx, id)
	return row, documents, err
}

// Ask closes a draft: a sealer asks for the seal on exactly these documents. Where one operator is enough, that approves it.
func (b *Book) Ask(ctx context.Context, o *Operator, batch string, a solecontrol.Assertion) error {
	if !o.Has(Sealer) {
		return fmt.Errorf("%w: only a sealer asks", ErrForbidden)
	}
	to := Asked
	if b.Single(o.Department) {
		to = Approved
	}
	return b.say(ctx, o, batch, ActAsk, Draft, to, a)
}

// Approve says yes to what another operator asked for.
func (b *Book) Approve(ctx context.Context, o *Operator, batch string, a solecontrol.Assertion) error {
	if !o.Has(Approver) {
		return fmt.Errorf("%w: only an approver says yes", ErrForbidden)
	}
	row, err := b.Batch(ctx, o.Department, batch)
	if err != nil {
		return err
	}
	if row.AskedBy == o.ID {
		return fmt.Errorf("%w: %w: whoever asks does not approve", ErrForbidden, ErrFourEyes)
	}
	return b.say(ctx, o, batch, ActApprove, Asked, Approved, a)
}

func (b *Book) say(ctx context.Context, o *Operator, batch, act, from, to string, a solecontrol.Assertion) error {
	return inBatch(ctx, b.c.DB, o.Department, batch, from, to, b.c.Now(), func(row *Batch, documents []*Document) (*word, error) {
		if len(documents) == 0 {
			return nil, fmt.Errorf("%w: there is no document", ErrInvalid)
		}
		s := stated(act, o.ID, row, documents)
		if err := b.verifyWord(o.PasskeyID, o.PasskeyKey, s, a); err != nil {
			return nil, err
		}
		text, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		challenge, err := s.challenge()
		if err != nil {
			return nil, err
		}
		e := b.event("operator:"+o.ID, act, "batch:"+batch, row.Reason, map[string]any{
			"department": row.Department, "seal": row.Seal, "level": row.Level, "documents": len(documents), "statement": fmt.Sprintf("%x", challenge),
		})
		return &word{act: act, operator: o.ID, assertion: text, event: e}, nil
	})
}

// Decline says no to what another operator asked for; Withdraw takes back what was not approved. The bytes go at once.
func (b *Book) Decline(ctx context.Context, o *Operator, batch, reason string) error {
	if !o.Has(Approver) {
		return fmt.Errorf("%w: only an approver says no", ErrForbidden)
	}
	return b.end(ctx, o, batch, Asked, Declined, "decline", reason)
}

// Withdraw takes a batch back before it is approved.
func (b *Book) Withdraw(ctx context.Context, o *Operator, batch string) error {
	if !o.Has(Sealer) {
		return fmt.Errorf("%w: only a sealer takes letters back", ErrForbidden)
	}
	row, err := b.Batch(ctx, o.Department, batch)
	if err != nil {
		return err
	}
	from := Draft
	if row.State == Asked {
		from = Asked
	}
	return b.end(ctx, o, batch, from, Withdrawn, "withdraw", "")
}

func (b *Book) end(ctx context.Context, o *Operator, batch, from, to, action, reason string) error {
	if len(reason) > maxReason || !printable(reason) {
		return fmt.Errorf("%w: a reason has %d bytes at most", ErrInvalid, maxReason)
	}
	e := b.event("operator:"+o.ID, action, "batch:"+batch, reason, nil)
	return endBatch(ctx, b.c.DB, o.Department, batch, from, to, e)
}
