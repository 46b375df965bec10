package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
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

// launchedWorker is a worker that serves another process than the one that started it.
const launchedWorker = "hsm-worker-launched"

// tokens starts a role's worker when it is first asked for, and keeps it until Close. As root, each worker is its
// role's user, whichever command starts it: what one command makes, the others can read.
type tokens struct {
	folder  folder
	config  hsmConfig
	user    func(role string) int // -1: ourselves
	sockets string                // where launchers answer, for who may not start workers; else empty
	log     *slog.Logger

	mu   sync.Mutex
	open map[string]*hsm.Worker
}

func newTokens(f folder, c config, log *slog.Logger) *tokens {
	return &tokens{folder: f, config: c.HSM, user: c.uid, log: log, open: map[string]*hsm.Worker{}}
}

// tokensBehind are those that launchers have.
func tokensBehind(sockets string, c config, log *slog.Logger) *tokens {
	t := newTokens("", c, log)
	t.sockets = sockets
	return t
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
	config := hsm.WorkerConfig{Role: role, CallTimeout: t.config.CallTimeout, Log: t.log}
	if t.sockets != "" {
		config.Dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", tokenSocket(t.sockets, role))
		}
	} else if err := t.worker(role, &config); err != nil {
		return nil, fmt.Errorf("open token %s: %w", role, err)
	}
	w, err := hsm.StartWorker(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("open token %s: %w", role, err)
	}
	t.open[role] = w
	return w, nil
}

// worker says how to start a role's worker.
func (t *tokens) worker(role string, c *hsm.WorkerConfig) error {
	pin, err := t.folder.secret(role + ".pin")
	if err != nil {
		return err
	}
	c.Role, c.CallTimeout, c.Log = role, t.config.CallTimeout, t.log
	c.Argv, c.Launched = []string{"/proc/self/exe", "hsm-worker"}, []string{"/proc/self/exe", launchedWorker}
	c.Token, c.UID = t.tokenConfig(role, pin), t.user(role)
	return t.give(role)
}

// give gives a role's token to the role's user. It may be theirs already, or partly: an older release, and a
// command of root's where the separation is off, leave files of root's.
func (t *tokens) give(role string) error {
	uid := t.user(role)
	if uid < 0 || t.config.Module != "" {
		return nil
	}
	if err := giveFolder(t.folder.token(role), uid); err != nil {
		return fmt.Errorf("give a folder to role %s: %w", role, err)
	}
	return nil
}

func (t *tokens) tokenConfig(role, pin string) hsm.Config {
	c := hsm.Config{Module: t.config.Module, Label: tokenLabel(role), PIN: pin, Log: t.log}
	if c.Module == "" {
		c.Module, c.SoftHSMDir = hsm.SoftHSMModule, t.folder.token(role)
		if role == roleTSA { // it signs with copies and does nothing else, so that no session waits for another or the disk
			c.Sessions = max(2, runtime.NumCPU())
		}
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
