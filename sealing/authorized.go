package sealing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"chop/internal/solecontrol"
)

// Use is one use of a seal's key that somebody wants.
type Use struct {
	// Batch is under which authorization.
	Batch string
	// Department is the seal's, and Seal its credential's id.
	Department, Seal string
	// Policy and Level are those of the signature.
	Policy, Level string
	// Documents are the SHA-256 of everything that it covers.
	Documents [][]byte
}

// policyOf is the signature policy of a document's format: each seals in one.
var policyOf = map[string]string{"PDF": "pades-seal", "XML": "xades-seal", "JSON": "jades-seal", "CMS": "cades-seal", "ASiC": "asic-seal"}

// Authorized says whether operators had exactly this sealed. It believes the pins, and of the database only what their
// passkeys signed. ErrUnauthorized, with the reason.
func (b *Book) Authorized(ctx context.Context, u Use) error {
	batch, documents, err := b.whole(ctx, u.Department, u.Batch)
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%w: no such batch of this department", ErrUnauthorized)
	}
	if err != nil {
		return err
	}
	switch {
	case batch.State != Approved:
		return fmt.Errorf("%w: the batch is %s", ErrUnauthorized, batch.State)
	case batch.Seal != u.Seal || batch.Level != u.Level:
		return fmt.Errorf("%w: another seal or level", ErrUnauthorized)
	case len(u.Documents) == 0:
		return fmt.Errorf("%w: no document", ErrUnauthorized)
	}
	for _, digest := range u.Documents {
		if !slices.ContainsFunc(documents, func(d *Document) bool {
			return bytes.Equal(d.SHA256, digest) && policyOf[d.Format] == u.Policy
		}) {
			return fmt.Errorf("%w: a document that is not in the batch, or not in this format", ErrUnauthorized)
		}
	}
	return b.worded(ctx, batch, documents)
}

// worded checks the operators' words on a batch.
func (b *Book) worded(ctx context.Context, batch *Batch, documents []*Document) error {
	if b.c.Pins == nil {
		return errors.New("authorize a seal: no operators are pinned here")
	}
	pins, err := b.c.Pins.Operators(ctx)
	if err != nil {
		return err
	}
	words, err := selectWords(ctx, b.c.DB, batch.ID)
	if err != nil {
		return err
	}
	wanted := map[string]string{ActAsk: Sealer, ActApprove: Approver}
	if b.Single(batch.Department) {
		delete(wanted, ActApprove)
	}
	said := map[string]string{}
	for act, role := range wanted {
		i := slices.IndexFunc(words, func(w word) bool { return w.act == act })
		if i < 0 {
			return fmt.Errorf("%w: nobody signed to %s", ErrUnauthorized, act)
		}
		w := words[i]
		j := slices.IndexFunc(pins, func(p Pin) bool { return p.ID == w.operator })
		if j < 0 {
			return fmt.Errorf("%w: %s is no operator (any more)", ErrUnauthorized, w.operator)
		}
		pin := pins[j]
		if pin.Department != batch.Department || !slices.Contains(pin.Roles, role) {
			return fmt.Errorf("%w: %s is no %s of this department", ErrUnauthorized, pin.ID, role)
		}
		var a solecontrol.Assertion
		if err := json.Unmarshal(w.assertion, &a); err != nil {
			return fmt.Errorf("%w: %s's word cannot be read", ErrUnauthorized, pin.ID)
		}
		if err := b.verifyWord(pin.PasskeyID, pin.PasskeyKey, stated(act, pin.ID, batch, documents), a); err != nil {
			return fmt.Errorf("%w: %s did not sign this: %w", ErrUnauthorized, pin.ID, err)
		}
		if slices.ContainsFunc(pins, func(p Pin) bool { return p.ID != pin.ID && bytes.Equal(p.PasskeyID, pin.PasskeyID) }) {
			return fmt.Errorf("%w: one passkey of two operators", ErrUnauthorized)
		}
		said[act] = pin.ID
	}
	if len(said) == 2 && said[ActAsk] == said[ActApprove] {
		return fmt.Errorf("%w: one person asked and approved", ErrUnauthorized)
	}
	return nil
}
