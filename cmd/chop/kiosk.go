package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"chop/ca/infra"
	"chop/registration/officers"
	"chop/registration/places"
)

// kioskCommand keeps the kiosks. A kiosk is named by its place; each place has one.
type kioskCommand struct {
	Add    kioskAddCommand    `cmd:"" help:"Make a kiosk's client certificate, and let its signed tickets count."`
	Remove kioskRemoveCommand `cmd:"" help:"Refuse a kiosk from now on."`
}

type kioskAddCommand struct {
	folderFlag
	Place string `required:"" help:"Where it stands, by its id on the list of places (registration/places/places.yaml)."`
	Out   string `required:"" placeholder:"FILE.pem" help:"Where the client certificate and its key go, for chop-kiosk; FILE.pem.p12 is the same for the kiosk's browser."`
}

// Help is shown by chop kiosk add --help.
func (kioskAddCommand) Help() string {
	return `The kiosk's certificate opens the kiosk listener of "chop serve" (kiosk_listen), and its key signs the tickets of people who register
there. One that the place had before is refused from then on. chop.yaml names whose cards are believed (card_issuers).

Example:
  chop kiosk add --dir data --place kiosk-ho-man-tin-sports-centre --out kiosk.pem
  chop-kiosk --server https://localhost:8445 --cert kiosk.pem --key kiosk.pem --ca data/public/infrastructure.pem --issuer issuers.pem`
}

func (c *kioskAddCommand) Run(env *environment) (err error) {
	list, err := places.Load()
	if err != nil {
		return err
	}
	if p := list.Place(c.Place); p == nil || p.Kind != places.Kiosk {
		return unusable(fmt.Errorf("no kiosk stands at %q", c.Place), "registration/places/places.yaml has the ids of the places with a kiosk")
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	if err := authority.Withdraw(env.ctx, infra.Holder{Kind: infra.Kiosk, ID: c.Place}, localActor(), "another certificate is made"); err != nil {
		return err
	}
	text, cert, err := newMachineKey(env.ctx, authority, infra.Request{Kind: infra.Kiosk, ID: c.Place, Actor: localActor()})
	if err != nil {
		return err
	}
	p12, password, err := browserFile(text, cert)
	if err != nil {
		return err
	}
	if err := errors.Join(writeFile(c.Out, text, 0o600), writeFile(c.Out+".p12", p12, 0o600)); err != nil {
		return err
	}
	if err := os.MkdirAll(app.folder.path("kiosks"), 0o700); err != nil {
		return fmt.Errorf("make the folder of the kiosks: %w", err)
	}
	if err := writeFile(app.kioskFile(c.Place), cert.Raw, 0o600); err != nil {
		return err
	}
	if _, err := app.writePins(env.ctx); err != nil {
		return err
	}
	return env.print(map[string]string{"place": c.Place, "file": c.Out, "browser": c.Out + ".p12", "password": password, "server": app.config.kioskOrigin()},
		"%s has a kiosk. %s is for chop-kiosk; %s for its browser, with the password, shown once: %s\nBoth ask %s.",
		c.Place, c.Out, c.Out+".p12", password, app.config.kioskOrigin())
}

type kioskRemoveCommand struct {
	folderFlag
	Place  string `required:"" help:"Where it stands."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Help is shown by chop kiosk remove --help.
func (kioskRemoveCommand) Help() string {
	return `Its connections are refused at once, and no ticket that it signs counts.

Example:
  chop kiosk remove --dir data --place kiosk-ho-man-tin-sports-centre --reason "stolen"`
}

func (c *kioskRemoveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	file := app.kioskFile(c.Place)
	if _, err := os.Stat(file); err != nil || filepath.Base(c.Place) != c.Place {
		return unusable(fmt.Errorf("no kiosk was added for %q", c.Place), "kiosks/ in the data folder has a file for each")
	}
	if err := authority.Withdraw(env.ctx, infra.Holder{Kind: infra.Kiosk, ID: c.Place}, localActor(), c.Reason); err != nil {
		return err
	}
	if _, err := app.writePins(env.ctx); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	return env.print(map[string]string{"place": c.Place}, "the kiosk at %s is refused from now on", c.Place)
}

// kioskFile is the certificate of a place's kiosk, DER. An operator writes it: who holds the database alone cannot make
// the activation process believe another key.
func (a *appliance) kioskFile(place string) string { return a.folder.path("kiosks", place+".der") }

// pinnedKiosks are the keys of the kiosks that are not withdrawn, for pins.json.
func (a *appliance) pinnedKiosks(ctx context.Context) ([]officers.Key, error) {
	entries, err := os.ReadDir(a.folder.path("kiosks"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kiosks' certificates: %w", err)
	}
	authority, err := a.infrastructure(ctx)
	if err != nil {
		return nil, err
	}
	var keys []officers.Key
	for _, e := range entries {
		place, ok := strings.CutSuffix(e.Name(), ".der")
		if !ok {
			continue // what a command that was killed left
		}
		der, err := os.ReadFile(a.kioskFile(place))
		if err != nil {
			return nil, fmt.Errorf("read a kiosk's certificate: %w", err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read a kiosk's certificate: %w", err)
		}
		holder, err := authority.Known(ctx, cert)
		switch {
		case errors.Is(err, infra.ErrUnknown):
			continue
		case err != nil:
			return nil, err
		case holder != infra.Holder{Kind: infra.Kiosk, ID: place}:
			return nil, fmt.Errorf("%s is another's certificate: %w", shown(a.kioskFile(place)), infra.ErrUnknown)
		}
		keys = append(keys, officers.Key{ID: place, Key: slices.Clone(cert.RawSubjectPublicKeyInfo)})
	}
	return keys, nil
}
