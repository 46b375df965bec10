package ca

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"chop/ca/journal"
	"chop/internal/postgres"
	"chop/policies"
)

// Keys are the tokens as the ceremony needs them.
type Keys interface {
	// GenerateKey makes a key in the token of a role: "p256", "p384", "rsa3072", …
	GenerateKey(ctx context.Context, role, label, spec string) (crypto.Signer, error)
	// Key returns the key; an error that is ErrKeyNotFound when there is none.
	Key(ctx context.Context, role, label string) (crypto.Signer, error)
}

// CeremonyConfig is what a ceremony needs.
type CeremonyConfig struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Policies are the profiles.
	Policies *policies.Set
	// Plan is the reviewed file, exactly.
	Plan []byte
	// Keys are the tokens.
	Keys Keys
	// URLs are placed into the issuing CA's certificate.
	URLs URLs
	// PublicDir, when not empty, gets root.pem and issuing.pem, each written
	// whole or not at all.
	PublicDir string
	// Tools are programs and tokens with their versions, for the transcript.
	Tools map[string]string
	// DryRun checks the plan, lints what would be signed, and does nothing.
	DryRun bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// CeremonyResult is what a ceremony made.
type CeremonyResult struct {
	// Root and Issuing are nil after a dry run.
	Root, Issuing *x509.Certificate
	// ARL is the list that the root signed, nil after a dry run.
	ARL []byte
	// Transcript is the text that the people present sign.
	Transcript string
	// AlreadyDone says that this very plan had been finished before. Nothing
	// was signed; Transcript is that of the day.
	AlreadyDone bool
}

// RunCeremony carries out a plan. It may be killed at any moment and run again
// with the same plan: each step's intent is recorded before it is done and its
// result after, and what a killed run left is found and used, or closed. A plan
// other than the one that was begun or finished is ErrOtherPlan.
func RunCeremony(ctx context.Context, cfg CeremonyConfig) (*CeremonyResult, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Policies == nil || cfg.URLs == (URLs{}) || (!cfg.DryRun && (cfg.DB == nil || cfg.Keys == nil)) {
		return nil, errors.New("run ceremony: DB, Policies, Keys and URLs are wanted")
	}
	p, err := ParsePlan(cfg.Plan)
	if err != nil {
		return nil, err
	}
	c := &ceremony{cfg: cfg, plan: p}
	if c.linter, err = newLinter(); err != nil {
		return nil, fmt.Errorf("run ceremony: %w", err)
	}
	if c.suite, err = cfg.Policies.Suite("default"); err != nil {
		return nil, fmt.Errorf("run ceremony: %w", err)
	}
	if p.Ceremony == createCeremony {
		if err := c.rehearse(); err != nil { // before anything is touched
			return nil, err
		}
	}
	if cfg.DryRun {
		return &CeremonyResult{Transcript: c.announcement()}, nil
	}
	return c.run(ctx)
}

// ceremony is one run.
type ceremony struct {
	cfg     CeremonyConfig
	plan    *Plan
	linter  *linter
	suite   *policies.Suite
	store   *store
	journal *journal.Journal
}

func (c *ceremony) actor() string { return "ceremony:" + c.plan.Reference }

func (c *ceremony) run(ctx context.Context) (*CeremonyResult, error) {
	c.store = newStore(c.cfg.DB)
	j, err := journal.Open(ctx, c.cfg.DB, journal.Plan{Kind: c.plan.Ceremony, Reference: c.plan.Reference, Text: c.cfg.Plan}, c.actor(), c.cfg.Now)
	if errors.Is(err, journal.ErrOther) {
		return nil, fmt.Errorf("%w: %w", ErrOtherPlan, err)
	}
	if err != nil {
		return nil, err
	}
	defer j.Close()
	c.journal = j
	t, err := c.steps(ctx)
	if err != nil {
		return nil, fmt.Errorf("ceremony %s: %w", c.plan.Reference, err)
	}
	result := &CeremonyResult{Root: t.root.cert, Issuing: t.issuing.cert, ARL: t.arl.DER, AlreadyDone: j.Transcript != nil}
	if err := c.publish(result); err != nil {
		return nil, fmt.Errorf("ceremony %s: %w", c.plan.Reference, err)
	}
	if result.AlreadyDone {
		result.Transcript = *j.Transcript
		return result, nil
	}
	end := c.cfg.Now()
	result.Transcript = c.transcript(t, j.StartedAt, end)
	if err := j.Finish(ctx, result.Transcript, end); err != nil {
		return nil, fmt.Errorf("ceremony %s: %w", c.plan.Reference, err)
	}
	return result, nil
}

// steps does the plan's steps, or finds them done.
func (c *ceremony) steps(ctx context.Context) (t *made, err error) {
	if c.plan.Ceremony == renewARLCeremony {
		return c.renew(ctx)
	}
	t = new(made)
	if t.root, err = c.create(ctx, "root", c.plan.Root, nil); err != nil {
		return nil, err
	}
	if t.issuing, err = c.create(ctx, "issuing-ca", c.plan.Issuing, t.root); err != nil {
		return nil, err
	}
	t.arl, err = c.signARL(ctx, t.root)
	return t, err
}
