package signer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/policies"
	"chop/signer/enrolled"
	"chop/signer/ledger"
	"chop/signer/pades"
)

// ResidentPolicy is the signature policy of residents.
const ResidentPolicy = "pades-resident"

// Accounts knows the residents. It is asked before every signature, and again before
// what was approved is collected.
type Accounts interface {
	// MaySign returns nil if the account is active and of the kind that signs;
	// otherwise an error that wraps ErrLite, ErrAccount or what went wrong.
	MaySign(ctx context.Context, account string) error
	// NotMe suspends the account: its holder says that somebody else asked in their name, and the activation process
	// has stopped the key. An account that is suspended or closed already is no error.
	NotMe(ctx context.Context, account string) error
}

// A Notifier tells a person something if and only if tx commits.
type Notifier interface {
	Notify(ctx context.Context, tx postgres.Tx, n Notice) error
}

// A Notice is one message to a resident: "signed", "declined", "not-me" or "failed".
type Notice struct {
	Account string
	Kind    string
	// Params are the signing's id, the service's name and the number of documents;
	// never a document's name.
	Params map[string]string
}

// A Sealer seals small secrets; the sealer token serves. Only data keys are given to it.
type Sealer interface {
	Seal(ctx context.Context, plaintext, aad []byte) ([]byte, error)
	Open(ctx context.Context, sealed, aad []byte) ([]byte, error)
}

// ResidentConfig is what Residents needs.
type ResidentConfig struct {
	DB       *postgres.DB
	Policies *policies.Set
	// Activation is the process that alone may use a resident's key.
	Activation Activation
	Accounts   Accounts
	Notifier   Notifier
	// Sealer seals the data keys under which documents lie in the database.
	Sealer Sealer
	// Timestamper and Evidence serve levels T and LT.
	Timestamper pades.Timestamper
	Evidence    pades.EvidenceSource
	TokenSize   int
	// Checker judges every file before it is handed out.
	Checker Checker
	// Status is asked before every signature.
	Status CertificateStatus
	// Font is as in Config.
	Font string
	// Node names this process in lease rows; empty: a new name.
	Node string
	Log  *slog.Logger
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
}

// Residents makes residents' signatures: it prepares documents, has the activation
// process ask the resident's device, and finishes what was approved. It holds no key and
// cannot use one. It is safe for concurrent use, on any number of nodes.
type Residents struct {
	c        ResidentConfig
	store    ledger.Store
	enrolled enrolled.Store
	font     func() (*pades.Font, error)
	policy   *policies.Signature
	kept     residentPeriods
	heavy    chan struct{} // documents being prepared or finished, in memory
}

// residentPeriods are the retention policy's.
type residentPeriods struct{ signed, prepared, finishing policies.Period }

// heavyWork is how many signings are in memory at once: 40 MB of documents each.
const heavyWork = 4

// NewResidents checks the configuration.
func NewResidents(c ResidentConfig) (*Residents, error) {
	switch {
	case c.DB == nil || c.Policies == nil:
		return nil, errors.New("new residents' signer: no database or no policies")
	case c.Activation == nil || c.Accounts == nil:
		return nil, errors.New("new residents' signer: no activation or no accounts")
	case c.Notifier == nil || c.Sealer == nil:
		return nil, errors.New("new residents' signer: no notifier or no sealer")
	case c.Timestamper == nil || c.Evidence == nil:
		return nil, errors.New("new residents' signer: no timestamper or no source of evidence")
	case c.Checker == nil:
		return nil, errors.New("new residents' signer: no checker; nothing may be handed out unchecked")
	case c.Status == nil:
		return nil, errors.New("new residents' signer: no certificate status")
	}
	r := &Residents{store: ledger.Store{DB: c.DB}, enrolled: enrolled.Store{DB: c.DB}, heavy: make(chan struct{}, heavyWork)}
	var err error
	if r.policy, err = c.Policies.Signature(ResidentPolicy); err != nil {
		return nil, fmt.Errorf("new residents' signer: %w", err)
	}
	for name, into := range map[string]*policies.Period{
		"signed-file": &r.kept.signed, "prepared-document": &r.kept.prepared, "finishing": &r.kept.finishing,
	} {
		rule, err := c.Policies.Retention(name)
		if err != nil {
			return nil, fmt.Errorf("new residents' signer: %w", err)
		}
		*into = rule.Period
	}
	if c.Node == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("name node: %w", err)
		}
		c.Node = id.String()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	face := 0
	if c.Font == "" {
		c.Font, face = pades.DefaultFont, pades.DefaultFontFace
	}
	r.c, r.font = c, sync.OnceValues(func() (*pades.Font, error) { return pades.LoadFont(c.Font, face) })
	return r, nil
}
