package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"chop/ca/infra"
	"chop/registration/hkic"
	"chop/registration/officers"
)

// officerCommand appoints registration officers.
type officerCommand struct {
	Propose officerProposeCommand `cmd:"" help:"Propose an officer and make their client certificate."`
	Approve officerApproveCommand `cmd:"" help:"Approve a proposed officer who has made a passkey; two persons are needed."`
	Shift   officerShiftCommand   `cmd:"" help:"Plan a shift."`
	List    officerListCommand    `cmd:"" help:"List the officers."`
	Pin     officerPinCommand     `cmd:"" help:"Let the activation process take the active officers' word, and nobody else's."`
}

// operator is the local user, as an operator; by names another one who stands beside them.
func operator(by string) officers.Caller {
	actor := localActor()
	if by != "" {
		actor = "local:" + by
	}
	return officers.Caller{Actor: actor, Role: "operator", Place: "command line"}
}

type officerProposeCommand struct {
	folderFlag
	ID    string   `required:"" help:"The officer's id: small letters, digits, hyphens."`
	Name  string   `required:"" help:"The name by which colleagues know them."`
	Role  []string `required:"" help:"counter, hotline, reviewer or supervisor; may be repeated."`
	Place []string `required:"" help:"Where they work, by its id on the list of places (registration/places/places.yaml); may be repeated."`
	HKIC  string   `name:"hkic-file" required:"" placeholder:"FILE" help:"File with their own identity card number: nobody registers themself. Only a keyed digest is kept."`
	Out   string   `required:"" placeholder:"FILE.p12" help:"Where the client certificate and its key go, for the officer's browser."`
}

// Help is shown by chop officer propose --help.
func (officerProposeCommand) Help() string {
	return `The officer takes the file into their browser (the password is printed once), opens the desk and makes a passkey there. Then two
persons approve, a shift is planned, and "chop officer pin" lets the activation process take their word.

Example:
  chop officer propose --dir data --id wong --name "WONG Siu Ling" --role counter --place counter-wan-chai \
      --hkic-file wong.hkic --out wong.p12
  chop officer approve --dir data --id wong --by first
  chop officer approve --dir data --id wong --by second
  chop officer shift   --dir data --id wong --role counter --place counter-wan-chai --hours 8
  chop officer pin     --dir data`
}

func (c *officerProposeCommand) Run(env *environment) (err error) {
	text, err := readSecretFile(c.HKIC)
	if err != nil {
		return unusable(fmt.Errorf("read the identity card number: %w", err), "put the number, with its check digit, into a file")
	}
	own, err := hkic.Parse(text)
	if err != nil {
		return unusable(err, "as on the card, with the digit in brackets")
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
	book, err := app.officerBook(env.ctx)
	if err != nil {
		return err
	}
	pem, cert, err := newMachineKey(env.ctx, authority, infra.Request{Kind: infra.Officer, ID: c.ID, Actor: localActor()})
	if err != nil {
		return err
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	err = book.Propose(env.ctx, operator(""), officers.Officer{ID: c.ID, Name: c.Name, Roles: c.Role, Places: c.Place, Certificate: digest[:]}, own)
	if errors.Is(err, officers.ErrPlace) {
		return unusable(err, "name a place by its id, as counter-kwun-tong: registration/places/places.yaml has them; kiosks have no officers")
	}
	if err != nil {
		return err
	}
	p12, password, err := browserFile(pem, cert)
	if err != nil {
		return err
	}
	if err := writeFile(c.Out, p12, 0o600); err != nil {
		return err
	}
	return env.print(map[string]string{"id": c.ID, "file": c.Out, "password": password, "desk": app.config.deskOrigin()},
		"%s is proposed. %s has their client certificate; its password, shown once: %s\nThey open %s and make their passkey.",
		c.ID, c.Out, password, app.config.deskOrigin())
}

type officerApproveCommand struct {
	folderFlag
	ID string `required:"" help:"The officer's id."`
	By string `required:"" help:"The person who approves: two different ones are needed, neither of them the officer."`
}

// Help is shown by chop officer approve --help.
func (officerApproveCommand) Help() string {
	return `Example:
  chop officer approve --dir data --id wong --by first`
}

func (c *officerApproveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	book, err := app.officerBook(env.ctx)
	if err != nil {
		return err
	}
	state, err := book.Approve(env.ctx, operator(c.By), c.ID)
	if err != nil {
		return err
	}
	next := "a second person approves next"
	if state == officers.Active {
		next = "plan a shift, and run: chop officer pin"
	}
	return env.print(map[string]string{"id": c.ID, "state": string(state)}, "%s is %s: %s", c.ID, state, next)
}

type officerShiftCommand struct {
	folderFlag
	ID    string `required:"" help:"The officer's id."`
	Role  string `required:"" help:"One of the officer's roles."`
	Place string `required:"" help:"One of the officer's places."`
	Hours int    `default:"8" help:"How long, from now on; 24 at most."`
}

// Help is shown by chop officer shift --help.
func (officerShiftCommand) Help() string {
	return `Example:
  chop officer shift --dir data --id wong --role counter --place counter-wan-chai --hours 8`
}

func (c *officerShiftCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	book, err := app.officerBook(env.ctx)
	if err != nil {
		return err
	}
	begins := now()
	id, err := book.PlanShift(env.ctx, operator(""), officers.Shift{
		Officer: c.ID, Role: c.Role, Place: c.Place, Begins: begins, Ends: begins.Add(time.Duration(c.Hours) * time.Hour),
	})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"shift": id}, "shift %s is planned", id)
}

type officerListCommand struct{ folderFlag }

// Help is shown by chop officer list --help.
func (officerListCommand) Help() string {
	return `Example:
  chop officer list --dir data`
}

func (c *officerListCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	book, err := app.officerBook(env.ctx)
	if err != nil {
		return err
	}
	list, err := book.Officers(env.ctx)
	if err != nil {
		return err
	}
	if env.json {
		rows := []map[string]any{}
		for _, o := range list {
			rows = append(rows, map[string]any{"id": o.ID, "name": o.Name, "state": o.State, "roles": o.Roles, "places": o.Places})
		}
		return env.print(rows, "")
	}
	for _, o := range list {
		fmt.Fprintf(env.out, "%-20s %-10s %-24s %s\n", o.ID, o.State, strings.Join(o.Roles, ","), strings.Join(o.Places, ", "))
	}
	return nil
}

type officerPinCommand struct{ folderFlag }

// Help is shown by chop officer pin --help.
func (officerPinCommand) Help() string {
	return `Writes the passkeys of all active officers, the Immigration Department's keys and the issuing CA into the activation process's
own configuration, which it reads again by itself. Run it after an officer was approved or has left.

Example:
  chop officer pin --dir data`
}

func (c *officerPinCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	pins, err := app.writePins(env.ctx)
	if err != nil {
		return err
	}
	return env.print(map[string]any{"file": app.pinsFile(), "bytes": len(pins)}, "%s is written", shown(app.pinsFile()))
}
