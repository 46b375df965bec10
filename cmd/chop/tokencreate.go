package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"chop/hsm"
)

// newToken says which SoftHSM token to make.
type newToken struct {
	Dir, Label, PIN, SOPIN string
}

// createToken makes a token in a process of its own: no process loads the module for two roles. The PINs travel
// over a pipe.
func createToken(ctx context.Context, t newToken) error {
	input, err := json.Marshal(t)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "hsm-create")
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// hsmCreateCommand is that process.
type hsmCreateCommand struct{}

func (hsmCreateCommand) Run(env *environment) error {
	var t newToken
	if err := json.NewDecoder(env.in).Decode(&t); err != nil {
		return fmt.Errorf("read what token to make: %w", err)
	}
	return hsm.CreateSoftHSM(env.ctx, t.Dir, t.Label, t.PIN, t.SOPIN)
}
