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
	result, err := c.hold(env, plan)
	if err != nil {
		return err
	}
	return env.print(map[string]any{"already_done": result.AlreadyDone, "transcript": result.Transcript}, "%s", result.Transcript)
}

// hold runs the plan. It comes before init, which then finds the CA made: so it makes what it needs of the folder,
// and a dry run makes nothing.
func (c *ceremonyCommand) hold(env *environment, plan []byte) (result *ca.CeremonyResult, err error) {
	f := folder(c.Dir)
	if c.DryRun {
		conf, err := f.open()
		if errors.Is(err, errNoAppliance) {
			conf, err = defaultConfig(), nil
		}
		if err != nil {
			return nil, err
		}
		return rehearse(env.ctx, conf, plan)
	}
	if err := f.create(); err != nil {
		return nil, err
	}
	conf, err := loadOrWriteConfig(f.config(), func(*config) {})
	if err != nil {
		return nil, err
	}
	app, err := connect(env.ctx, f, conf, env.log)
	if err != nil {
		return nil, err
	}
	defer app.closeInto(&err)
	for _, role := range []string{roleRoot, roleCA} {
		if _, err := app.tokens.create(env.ctx, role); err != nil {
			return nil, err
		}
	}
	return app.ceremony(env.ctx, plan)
}

// rehearse says what a plan would do.
func rehearse(ctx context.Context, conf config, plan []byte) (*ca.CeremonyResult, error) {
	set, err := conf.policies()
	if err != nil {
		return nil, err
	}
	urls, err := ca.URLsUnder(conf.PublicURL)
	if err != nil {
		return nil, err
	}
	return ca.RunCeremony(ctx, ca.CeremonyConfig{
		Policies: set, Plan: plan, URLs: urls, Tools: ceremonyTools(conf.HSM), DryRun: true, Now: now,
	})
}

// ceremony runs a plan. The root's worker ends with it: the root signs at no other time.
func (a *appliance) ceremony(ctx context.Context, plan []byte) (result *ca.CeremonyResult, err error) {
	defer func() { err = errors.Join(err, a.tokens.release(roleRoot)) }()
	urls, err := ca.URLsUnder(a.config.PublicURL)
	if err != nil {
		return nil, err
	}
	result, err = ca.RunCeremony(ctx, ca.CeremonyConfig{
		DB: a.db, Policies: a.policies, Plan: plan, Keys: ceremonyKeys{a.tokens}, URLs: urls,
		PublicDir: a.folder.path("public"), Tools: ceremonyTools(a.config.HSM), Now: now,
	})
	if err != nil || result.AlreadyDone {
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
