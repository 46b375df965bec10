package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"chop/ca"
	"chop/hsm"
)

// ceremonyCommand creates the root and the issuing CA.
type ceremonyCommand struct {
	folderFlag
	File   string `required:"" placeholder:"F.yaml" help:"The reviewed plan."`
	DryRun bool   `help:"Say what would be done, and do nothing."`
}

// Help is shown by chop ceremony --help.
func (ceremonyCommand) Help() string {
	return `The plan is one YAML file that people have reviewed; the transcript names its SHA-256. Running a finished plan again
does nothing. ` + "`chop init`" + ` runs a built-in plan, for trials.

Example:
  chop ceremony --dir data --file ceremony.yaml --dry-run`
}

func (c *ceremonyCommand) Run(env *environment) (err error) {
	plan, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	for _, role := range []string{roleRoot, roleCA} {
		if c.DryRun {
			break
		}
		if _, err := app.tokens.create(env.ctx, role); err != nil {
			return err
		}
	}
	result, err := app.ceremony(env.ctx, plan, c.DryRun)
	if err != nil {
		return err
	}
	return env.print(map[string]any{"already_done": result.AlreadyDone, "transcript": result.Transcript}, "%s", result.Transcript)
}

// ceremony runs a plan. The root's worker ends with it: the root signs at no other time.
func (a *appliance) ceremony(ctx context.Context, plan []byte, dryRun bool) (result *ca.CeremonyResult, err error) {
	defer func() { err = errors.Join(err, a.tokens.release(roleRoot)) }()
	urls, err := ca.URLsUnder(a.config.PublicURL)
	if err != nil {
		return nil, err
	}
	result, err = ca.RunCeremony(ctx, ca.CeremonyConfig{
		DB: a.db, Policies: a.policies, Plan: plan, Keys: ceremonyKeys{a.tokens}, URLs: urls,
		PublicDir: a.folder.path("public"), Tools: ceremonyTools(a.config.HSM), DryRun: dryRun, Now: now,
	})
	if err != nil || dryRun || result.AlreadyDone {
		return result, err
	}
	name := "transcript-" + now().UTC().Format("20060102T150405Z") + ".txt"
	return result, writeFile(filepath.Join(a.folder.path("ceremony"), name), []byte(result.Transcript), 0o600)
}

// ceremonyKeys shows the tokens to the ceremony in its own words.
type ceremonyKeys struct{ *tokens }

// Key finds a key; ca.ErrKeyNotFound when there is none.
func (k ceremonyKeys) Key(ctx context.Context, role, label string) (crypto.Signer, error) {
	key, err := k.tokens.Key(ctx, role, label)
	if errors.Is(err, hsm.ErrKeyNotFound) {
		return nil, fmt.Errorf("%w: %w", ca.ErrKeyNotFound, err)
	}
	return key, err
}

// ceremonyTools names what made the keys, for the transcript.
func ceremonyTools(c hsmConfig) map[string]string {
	module := c.Module
	if module == "" {
		module = "SoftHSM2"
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version + ", " + info.GoVersion
	}
	return map[string]string{"chop": version, "PKCS#11 module": module}
}
