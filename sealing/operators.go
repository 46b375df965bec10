package sealing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"chop/internal/audit"
	"chop/internal/solecontrol"
)

// Roles of an operator, who may have several.
const (
	Verifier = "verifier" // checks what the department receives
	Sealer   = "sealer"   // brings letters and asks for the seal
	Approver = "approver" // says yes or no to what another asks for
)

// States of an operator.
const (
	Proposed = "proposed" // has a client certificate, and no passkey
	Enrolled = "enrolled" // has made a passkey, which the appliance's operator has not seen
	Active   = "active"
	Removed  = "removed" // for ever
)

// Operator is a person who works for one department.
type Operator struct {
	ID, Department, Name string
	Roles                []string
	State                string
	PasskeyID            []byte
	PasskeyKey           []byte // COSE
}

// Has reports whether the operator is active in a role.
func (o *Operator) Has(role string) bool { return o.State == Active && slices.Contains(o.Roles, role) }

// Pin is an operator whose word counts.
type Pin struct {
	ID         string            `json:"id"`
	Department string            `json:"department"`
	Roles      []string          `json:"roles"`
	PasskeyID  solecontrol.Bytes `json:"passkey_id"`
	PasskeyKey solecontrol.Bytes `json:"passkey_key"` // COSE
}

// PinsFile is pins in a file, which an operator of the appliance writes. It is read anew each time.
type PinsFile string

// Operators reads the file.
func (p PinsFile) Operators(context.Context) ([]Pin, error) {
	text, err := os.ReadFile(string(p))
	if err != nil {
		return nil, fmt.Errorf("read the operators: %w", err)
	}
	var list []Pin
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read the operators: %w", err)
	}
	return list, nil
}

// Pinned is the text of a PinsFile with the operators that are active now.
func (b *Book) Pinned(ctx context.Context) ([]byte, error) {
	operators, err := b.Operators(ctx)
	if err != nil {
		return nil, err
	}
	list := []Pin{}
	for _, o := range operators {
		if o.State == Active && o.PasskeyID != nil {
			list = append(list, Pin{o.ID, o.Department, o.Roles, o.PasskeyID, o.PasskeyKey})
		}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return append(text, '\n'), err
}

// Propose records an operator. One who only verifies is active at once; others make a passkey first.
func (b *Book) Propose(ctx context.Context, actor string, o Operator) error {
	o.Name = strings.TrimSpace(o.Name)
	switch {
	case !plainID(o.ID) || !plainID(o.Department):
		return fmt.Errorf("%w: an id has 2 to 40 small letters, digits and hyphens", ErrInvalid)
	case o.Name == "" || len(o.Name) > maxName:
		return fmt.Errorf("%w: a name is wanted", ErrInvalid)
	case len(o.Roles) == 0:
		return fmt.Errorf("%w: a role is wanted", ErrInvalid)
	}
	for i, role := range o.Roles {
		if !slices.Contains([]string{Verifier, Sealer, Approver}, role) || slices.Contains(o.Roles[:i], role) {
			return fmt.Errorf("%w: roles are verifier, sealer and approver, each once", ErrInvalid)
		}
	}
	o.State = Proposed
	if slices.Equal(o.Roles, []string{Verifier}) {
		o.State = Active
	}
	return insertOperator(ctx, b.c.DB, o, b.event(actor, "operator-propose", "operator:"+o.ID, "", map[string]any{
		"department": o.Department, "roles": o.Roles,
	}))
}

func plainID(id string) bool {
	return len(id) >= 2 && len(id) <= 40 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Operator returns one. ErrUnknown.
func (b *Book) Operator(ctx context.Context, id string) (*Operator, error) {
	return selectOperator(ctx, b.c.DB, id)
}

// Operators lists all, by department and id.
func (b *Book) Operators(ctx context.Context) ([]*Operator, error) {
	return selectOperators(ctx, b.c.DB)
}

// challengeLife is how long the making of a passkey may take.
const challengeLife = 10 * time.Minute

// PasskeyChallenge begins the making of an operator's passkey.
func (b *Book) PasskeyChallenge(ctx context.Context, id string) ([]byte, error) {
	challenge := make([]byte, 32)
	if _, err := rand.Read(challenge); err != nil {
		return nil, err
	}
	return challenge, setChallenge(ctx, b.c.DB, id, challenge, b.c.Now().Add(challengeLife))
}

// Enrol keeps the passkey that was made, which counts when it is approved.
func (b *Book) Enrol(ctx context.Context, id string, made solecontrol.Creation) error {
	challenge, err := takeChallenge(ctx, b.c.DB, id, b.c.Now())
	if err != nil {
		return err
	}
	created, err := made.Verify(solecontrol.Digest(challenge), b.c.Origin, b.c.RPID)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	if _, err := solecontrol.ParseCOSE(created.Attested.COSE); err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	return setPasskey(ctx, b.c.DB, id, created.Attested.ID, created.Attested.COSE,
		b.event("operator:"+id, "operator-enrol", "operator:"+id, "", map[string]any{"passkey": fmt.Sprintf("%x", created.Attested.ID)}))
}

// Admit makes an operator with a passkey active. It is the word of the appliance's operator, who then pins them.
func (b *Book) Admit(ctx context.Context, actor, id string) error {
	return moveOperator(ctx, b.c.DB, id, Enrolled, Active, b.event(actor, "operator-admit", "operator:"+id, "", nil))
}

// Remove refuses an operator for ever, and what they asked for or approved and is not sealed yet.
func (b *Book) Remove(ctx context.Context, actor, id, reason string) error {
	if reason == "" {
		return fmt.Errorf("%w: a reason is wanted", ErrInvalid)
	}
	o, err := b.Operator(ctx, id)
	if err != nil {
		return err
	}
	if o.State == Removed {
		return nil
	}
	err = moveOperator(ctx, b.c.DB, id, o.State, Removed, b.event(actor, "operator-remove", "operator:"+id, reason, nil))
	if errors.Is(err, ErrState) {
		return fmt.Errorf("remove operator %s: %w: somebody else changed them; try again", id, ErrState)
	}
	return err
}

func (b *Book) event(actor, action, subject, reason string, detail map[string]any) audit.Event {
	return audit.Event{At: b.c.Now(), Actor: actor, Action: "sealing." + action, Subject: subject, Reason: reason, Detail: detail}
}
