package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"chop/ca/infra"
	"chop/registration/kiosk"
	"chop/registration/places"
)

// readerCommand keeps the card readers at counters. A place may have several, by number.
type readerCommand struct {
	Add    readerAddCommand    `cmd:"" help:"Make the client certificate of a counter's card reader."`
	Remove readerRemoveCommand `cmd:"" help:"Refuse a counter's card reader from now on."`
}

// readerFlags name a reader.
type readerFlags struct {
	Place  string `required:"" help:"The counter or team, by its id on the list of places (registration/places/places.yaml)."`
	Number int    `default:"1" help:"Which of the readers there, 1 to 99; it stands on the desk's button."`
}

// holder checks the flags.
func (f readerFlags) holder() (infra.Holder, error) {
	list, err := places.Load()
	if err != nil {
		return infra.Holder{}, err
	}
	if p := list.Place(f.Place); p == nil || p.Kind != places.Counter && p.Kind != places.Team {
		return infra.Holder{}, unusable(fmt.Errorf("no counter or team is at %q", f.Place), "registration/places/places.yaml has the ids of the places; a kiosk is added by chop kiosk add")
	}
	if f.Number < 1 || f.Number > 99 {
		return infra.Holder{}, unusable(fmt.Errorf("reader %d", f.Number), "choose a number from 1 to 99")
	}
	return infra.Holder{Kind: infra.Kiosk, ID: kiosk.ReaderID(f.Number, f.Place)}, nil
}

type readerAddCommand struct {
	folderFlag
	readerFlags
	Out string `required:"" placeholder:"FILE.pem" help:"Where the client certificate and its key go, for chop-kiosk."`
}

// Help is shown by chop reader add --help.
func (readerAddCommand) Help() string {
	return `The certificate opens the kiosk listener of "chop serve" (kiosk_listen) to an agent that reads cards for the officers at a
counter, and to nothing else: it shows no page and signs no ticket. One that this reader had before is refused from then on.

Example:
  chop reader add --dir data --place counter-wan-chai --number 2 --out reader.pem
  chop-kiosk --server https://localhost:8445 --cert reader.pem --key reader.pem --ca data/public/infrastructure.pem --issuer issuers.pem`
}

func (c *readerAddCommand) Run(env *environment) (err error) {
	holder, err := c.holder()
	if err != nil {
		return err
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
	if err := authority.Withdraw(env.ctx, holder, localActor(), "another certificate is made"); err != nil {
		return err
	}
	text, _, err := newMachineKey(env.ctx, authority, infra.Request{Kind: holder.Kind, ID: holder.ID, Actor: localActor()})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(app.folder.path("readers"), 0o700); err != nil {
		return fmt.Errorf("make the folder of the readers: %w", err)
	}
	if err := errors.Join(writeFile(c.Out, text, 0o600), writeFile(app.folder.path("readers", holder.ID), []byte(c.Out+"\n"), 0o600)); err != nil {
		return err
	}
	return env.print(map[string]string{"reader": holder.ID, "file": c.Out, "server": app.config.kioskOrigin()},
		"%s has reader %d. %s is for chop-kiosk, which asks %s.", c.Place, c.Number, c.Out, app.config.kioskOrigin())
}

type readerRemoveCommand struct {
	folderFlag
	readerFlags
	Reason string `required:"" help:"Why, for the audit log."`
}

// Help is shown by chop reader remove --help.
func (readerRemoveCommand) Help() string {
	return `Its connections are refused at once.

Example:
  chop reader remove --dir data --place counter-wan-chai --number 2 --reason "stolen"`
}

func (c *readerRemoveCommand) Run(env *environment) (err error) {
	holder, err := c.holder()
	if err != nil {
		return err
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
	file := app.folder.path("readers", holder.ID)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return unusable(fmt.Errorf("no reader %d was added for %q", c.Number, c.Place), "readers/ in the data folder has a file for each")
	}
	if err := authority.Withdraw(env.ctx, holder, localActor(), c.Reason); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	return env.print(map[string]string{"reader": holder.ID}, "reader %d at %s is refused from now on", c.Number, c.Place)
}
