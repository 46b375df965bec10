package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"chop/hsm"
)

// Roles: each has its own token, PIN and worker process, so that what one of them gives away is not what
// another holds (docs/architecture.md, "Tokens"). ocsp keys live in the ca token.
const (
	roleRoot       = "root"       // used by the ceremony only
	roleCA         = "ca"         // issuing CA and OCSP responders
	roleTSA        = "tsa"        // timestamp units
	roleSeals      = "seals"      // departments' seals, wrapped
	roleActivation = "activation" // residents' keys, wrapped
	roleSealer     = "sealer"     // data keys
)

var roles = []string{roleRoot, roleCA, roleTSA, roleSeals, roleActivation, roleSealer}

// The names of wrapping and data keys in their tokens.
const (
	kekSeals      = "kek-seals"
	kekActivation = "kek-activation"
	sealerLabel   = "data"
)

// tokens starts a role's worker when it is first asked for, and keeps it until Close.
type tokens struct {
	folder folder
	config hsmConfig
	log    *slog.Logger

	mu   sync.Mutex
	open map[string]*hsm.Worker
}

func newTokens(f folder, c hsmConfig, log *slog.Logger) *tokens {
	return &tokens{folder: f, config: c, log: log, open: map[string]*hsm.Worker{}}
}

// get returns the role's token. The worker process outlives ctx; Close ends it.
func (t *tokens) get(ctx context.Context, role string) (hsm.Token, error) {
	if !slices.Contains(roles, role) {
		return nil, fmt.Errorf("no token role is called %q; there are %s", role, strings.Join(roles, ", "))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if w, ok := t.open[role]; ok {
		return w, nil
	}
	pin, err := t.folder.secret(role + ".pin")
	if err != nil {
		return nil, fmt.Errorf("open token %s: %w", role, err)
	}
	w, err := hsm.StartWorker(context.WithoutCancel(ctx), hsm.WorkerConfig{
		Role:        role,
		Argv:        []string{"/proc/self/exe", "hsm-worker"},
		Token:       t.tokenConfig(role, pin),
		CallTimeout: t.config.CallTimeout,
		Log:         t.log,
	})
	if err != nil {
		return nil, fmt.Errorf("open token %s: %w", role, err)
	}
	t.open[role] = w
	return w, nil
}

func (t *tokens) tokenConfig(role, pin string) hsm.Config {
	c := hsm.Config{Module: t.config.Module, Label: tokenLabel(role), PIN: pin, Log: t.log}
	if c.Module == "" {
		c.Module, c.SoftHSMDir = hsm.SoftHSMModule, t.folder.token(role)
	}
	return c
}

func tokenLabel(role string) string { return "chop-" + role }

// create initialises the role's SoftHSM token unless it is there. A token appears under its name only when it
// is whole: a kill before leaves a folder that the next run throws away.
func (t *tokens) create(ctx context.Context, role string) (created bool, err error) {
	if t.config.Module != "" {
		if _, err := t.folder.secret(role + ".pin"); err != nil {
			return false, fmt.Errorf("token %s of the configured module: %w", role, err)
		}
		return false, nil
	}
	if _, err := os.Stat(t.folder.token(role)); err == nil {
		return false, nil
	}
	pin, err := t.folder.ensureSecret(role + ".pin")
	if err != nil {
		return false, err
	}
	soPIN, err := t.folder.ensureSecret(role + ".so-pin")
	if err != nil {
		return false, err
	}
	half := t.folder.path("tokens", "."+role+".new")
	if err := os.RemoveAll(half); err != nil {
		return false, fmt.Errorf("remove a half-made token: %w", err)
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return false, fmt.Errorf("create token %s: %w", role, err)
	}
	if err := createToken(ctx, newToken{half, tokenLabel(role), pin, soPIN}); err != nil {
		return false, fmt.Errorf("create token %s: %w", role, err)
	}
	if err := os.Rename(half, t.folder.token(role)); err != nil {
		return false, fmt.Errorf("create token %s: %w", role, err)
	}
	return true, syncFolder(t.folder.path("tokens"))
}

// Key and GenerateKey let the ceremony name keys by role (ca.Keys).
func (t *tokens) Key(ctx context.Context, role, label string) (crypto.Signer, error) {
	token, err := t.get(ctx, role)
	if err != nil {
		return nil, err
	}
	return token.Key(ctx, label)
}

// GenerateKey makes a key pair of the given kind in the role's token.
func (t *tokens) GenerateKey(ctx context.Context, role, label, spec string) (crypto.Signer, error) {
	token, err := t.get(ctx, role)
	if err != nil {
		return nil, err
	}
	return token.GenerateKey(ctx, label, spec)
}

// release ends one role's worker: the root's, as soon as the ceremony is over.
func (t *tokens) release(role string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, ok := t.open[role]
	if !ok {
		return nil
	}
	delete(t.open, role)
	return w.Close()
}

// Close ends all workers.
func (t *tokens) Close() error {
	var errs []error
	for _, role := range roles {
		errs = append(errs, t.release(role))
	}
	return errors.Join(errs...)
}
