package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"chop/ca"
	"chop/internal/audit"
)

// initCommand creates the appliance.
type initCommand struct {
	folderFlag
	PublicURL string `name:"public-url" placeholder:"URL" help:"Where relying parties reach this appliance; baked into certificates. Default http://localhost:8080."`
}

// Help is shown by chop init --help.
func (initCommand) Help() string {
	return `Every step is skipped where its result is there, so a run that was interrupted is finished by running it again.

Example:
  chop init --dir data --public-url http://pki.example.gov.hk`
}

func (c *initCommand) Run(env *environment) (err error) {
	f := folder(c.Dir)
	if conf, err := f.open(); err == nil && c.PublicURL != "" && c.PublicURL != conf.PublicURL {
		return unusable(fmt.Errorf("%s says public_url %s, and certificates carry it already", f.config(), conf.PublicURL),
			"leave --public-url out, or make another appliance in another folder")
	}
	done, err := initialise(env.ctx, f, func(conf *config) {
		if c.PublicURL != "" {
			conf.PublicURL = c.PublicURL
		}
	}, env.log)
	if err != nil {
		return err
	}
	text := "nothing was missing"
	if len(done) > 0 {
		text = strings.Join(done, "; ")
	} else {
		done = []string{} // a program reads a list, not null
	}
	return env.print(map[string]any{"dir": c.Dir, "done": done}, "%s: %s", c.Dir, text)
}

// initialise creates what is missing of the appliance in f, and says in plain words what that was. A configuration
// that is written new is the default one, changed by adapt.
func initialise(ctx context.Context, f folder, adapt func(*config), log *slog.Logger) (done []string, err error) {
	if err := f.create(); err != nil {
		return nil, err
	}
	turn, err := lockFile(ctx, f.path("run", "init.lock"))
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	conf, err := loadOrWriteConfig(f.config(), adapt)
	if err != nil {
		return nil, err
	}
	app, err := connect(ctx, f, conf, log)
	if err != nil {
		return nil, err
	}
	defer app.closeInto(&err)

	var made []string
	for _, role := range roles {
		created, err := app.tokens.create(ctx, role)
		if err != nil {
			return nil, err
		}
		if created {
			made = append(made, role)
		}
	}
	if len(made) > 0 {
		done = append(done, "tokens "+strings.Join(made, ", "))
	}
	result, err := app.ensureCeremony(ctx)
	if err != nil {
		return nil, err
	}
	if result != nil && !result.AlreadyDone {
		done = append(done, "ceremony: "+result.Root.Subject.CommonName+" and "+result.Issuing.Subject.CommonName)
	}
	if err := app.ensureVaults(ctx); err != nil {
		return nil, err
	}
	authority, err := app.authority(ctx)
	if err != nil {
		return nil, err
	}
	if err := authority.EnsureResponder(ctx); err != nil {
		return nil, err
	}
	changed, err := app.ensureUnit(ctx)
	if err != nil {
		return nil, err
	}
	if changed {
		done = append(done, "timestamp unit")
	}
	if len(done) > 0 {
		err = app.record(ctx, audit.Event{Action: "appliance.init", Subject: "appliance", Detail: map[string]any{"done": done}})
	}
	return done, err
}

// ensureCeremony runs the built-in plan unless a ceremony has been finished: public/issuing.pem is its last file.
func (a *appliance) ensureCeremony(ctx context.Context) (*ca.CeremonyResult, error) {
	if _, err := readCertificate(filepath.Join(a.folder.path("public"), "issuing.pem")); err == nil {
		return nil, nil
	}
	return a.ceremony(ctx, ca.DefaultPlan())
}

// ensureVaults makes the wrapping and data keys. Opening a vault runs the attacks that its token must resist.
func (a *appliance) ensureVaults(ctx context.Context) error {
	token, err := a.tokens.get(ctx, roleSeals)
	if err != nil {
		return err
	}
	if _, err := token.Vault(ctx, kekSeals); err != nil {
		return fmt.Errorf("open the vault of token %s: %w", roleSeals, err)
	}
	if _, err := a.ensureActivation(ctx); err != nil {
		return err
	}
	if token, err = a.tokens.get(ctx, roleSealer); err != nil {
		return err
	}
	if _, err := token.Sealer(ctx, sealerLabel); err != nil {
		return fmt.Errorf("open the sealer: %w", err)
	}
	return nil
}
