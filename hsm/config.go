package hsm

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"
)

// Config says which token to open, and how to log in.
type Config struct {
	// Module is the absolute path of the PKCS#11 module (a shared library).
	Module string
	// Label is the token's label; exactly one token may carry it.
	Label string
	// PIN is the normal user's PIN.
	PIN string
	// SoftHSMDir is the folder that CreateSoftHSM made, wherever it lies now.
	// Empty for any other module, which finds its own configuration.
	SoftHSMDir string
	// Sessions is the most sessions that work at the same time, beside the
	// one that keeps the login. 0 means 8, and for SoftHSM two a processor: it
	// computes here, and more callers in it than can run wait for its locks.
	// Hardware scales up to its thread count (about 30).
	Sessions int
	// Log receives what an operator should know; nil means slog.Default().
	Log *slog.Logger
	// Now is the clock of the circuit breaker; nil means time.Now.
	Now func() time.Time
}

const maxSessions = 1024

func (c *Config) check() error {
	switch {
	case !filepath.IsAbs(c.Module):
		return fmt.Errorf("hsm configuration: module %q is not an absolute path", c.Module)
	case c.Label == "" || len(c.Label) > 32: // CK_TOKEN_INFO.label, PKCS#11 2.40, 3.2
		return fmt.Errorf("hsm configuration: token label %q is not of 1 to 32 bytes", c.Label)
	case c.PIN == "":
		return fmt.Errorf("hsm configuration: token %q has no PIN", c.Label)
	case c.Sessions < 0 || c.Sessions > maxSessions:
		return fmt.Errorf("hsm configuration: %d sessions, not 0 to %d", c.Sessions, maxSessions)
	}
	if c.Sessions == 0 {
		c.Sessions = 8
		if c.SoftHSMDir != "" {
			c.Sessions = min(max(4, 2*runtime.NumCPU()), maxSessions)
		}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}
