package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"chop/ca/infra"
	"chop/sealing"
)

// operatorsName is the file in the sealing process's folder with the operators whose word has something sealed.
const operatorsName = "operators.json"

func (a *appliance) operatorsFile() string { return a.folder.path(processSealing, operatorsName) }

// ensureOperators writes the file if there is none yet: with nobody in it.
func (a *appliance) ensureOperators(ctx context.Context) error {
	if _, err := os.Stat(a.operatorsFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.pinOperators(ctx)
}

// pinOperators lets the sealing process take the word of the operators that are active now. It is done by who works on
// this machine, never by the server: who holds the database alone cannot have anything sealed.
func (a *appliance) pinOperators(ctx context.Context) error {
	book, err := a.sealingBook(nil)
	if err != nil {
		return err
	}
	text, err := book.Pinned(ctx)
	if err != nil {
		return err
	}
	own, err := a.roleFolder(processSealing)
	if err != nil {
		return err
	}
	own.Close()
	if err := writeFile(a.operatorsFile(), text, 0o600); err != nil {
		return fmt.Errorf("write the operators: %w", err)
	}
	if uid := a.uid(processSealing); uid >= 0 {
		return os.Lchown(a.operatorsFile(), uid, uid)
	}
	return nil
}

// operatorCommand keeps departments' operators.
type operatorCommand struct {
	Add    operatorAddCommand    `cmd:"" help:"Add an operator and make their client certificate."`
	Admit  operatorAdmitCommand  `cmd:"" help:"Admit an operator who has made a passkey: from then on their word counts."`
	List   operatorListCommand   `cmd:"" help:"List the operators."`
	Remove operatorRemoveCommand `cmd:"" help:"Refuse an operator from now on, and what they asked for and is not sealed."`
}

type operatorAddCommand struct {
	folderFlag
	ID         string   `name:"id" required:"" help:"The operator's id: small letters, digits, hyphens."`
	Department string   `required:"" help:"The department, by its short word (chop department add, chop seal create --department)."`
	Name       string   `required:"" help:"The name by which colleagues know them."`
	Role       []string `required:"" help:"verifier, sealer or approver; may be repeated."`
	Out        string   `required:"" placeholder:"FILE.p12" help:"Where the client certificate and its key go, for the operator's browser."`
}

// Help is shown by chop department operator add --help.
func (operatorAddCommand) Help() string {
	return `A verifier checks what the department receives. A sealer brings letters and asks for the department's seal; an approver says
yes to what another asked for. The operator takes the file into their browser (the password is printed once), opens the
departments' desk, and makes a passkey there unless they only verify; then they are admitted.

Example:
  chop department operator add   --dir data --department transport --id chan --name "CHAN Tai Man" --role sealer --out chan.p12
  chop department operator admit --dir data --id chan`
}

func (c *operatorAddCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	book, err := app.sealingBook(nil)
	if err != nil {
		return err
	}
	err = book.Propose(env.ctx, localActor(), sealing.Operator{ID: c.ID, Department: c.Department, Name: c.Name, Roles: c.Role})
	if errors.Is(err, sealing.ErrTaken) {
		return unusable(fmt.Errorf("operator %s: %w", c.ID, err), "choose another id: that of somebody who was removed is not given again")
	}
	if errors.Is(err, sealing.ErrInvalid) {
		return unusable(err, "chop department operator add --help has an example")
	}
	if err != nil {
		return err
	}
	pem, cert, err := newMachineKey(env.ctx, authority, infra.Request{Kind: infra.Operator, ID: c.ID, Actor: localActor()})
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
	return env.print(map[string]string{"id": c.ID, "file": c.Out, "password": password, "desk": app.config.departmentOrigin()},
		"%s has the client certificate of %s; its password, shown once: %s\nThey open %s", c.Out, c.ID, password, app.config.departmentOrigin())
}

type operatorAdmitCommand struct {
	folderFlag
	ID string `name:"id" required:"" help:"The operator's id."`
}

// Help is shown by chop department operator admit --help.
func (operatorAdmitCommand) Help() string {
	return `Make sure first that the passkey was made by the person: they say so themselves, at the telephone or in front of you.

Example:
  chop department operator admit --dir data --id chan`
}

func (c *operatorAdmitCommand) Run(env *environment) error {
	return c.change(env, c.ID, "is active", func(ctx context.Context, _ *infra.Authority, book *sealing.Book) error {
		err := book.Admit(ctx, localActor(), c.ID)
		if errors.Is(err, sealing.ErrState) {
			return unusable(fmt.Errorf("admit %s: %w", c.ID, err), "they open the departments' desk and make a passkey first; chop department operator list shows how far they are")
		}
		return err
	})
}

type operatorRemoveCommand struct {
	folderFlag
	ID     string `name:"id" required:"" help:"The operator's id."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Help is shown by chop department operator remove --help.
func (operatorRemoveCommand) Help() string {
	return `Their next request is refused, and so is each document that they asked for or approved and that is not sealed yet.

Example:
  chop department operator remove --dir data --id chan --reason "left the department"`
}

func (c *operatorRemoveCommand) Run(env *environment) error {
	return c.change(env, c.ID, "is refused from now on", func(ctx context.Context, authority *infra.Authority, book *sealing.Book) error {
		err := book.Remove(ctx, localActor(), c.ID, c.Reason)
		if errors.Is(err, sealing.ErrUnknown) {
			return unusable(fmt.Errorf("remove %s: %w", c.ID, err), "chop department operator list shows all")
		}
		if err != nil {
			return err
		}
		return authority.Withdraw(ctx, infra.Holder{Kind: infra.Operator, ID: c.ID}, localActor(), c.Reason)
	})
}

// change does something to an operator, and pins who is active afterwards.
func (f folderFlag) change(env *environment, id, now string, do func(context.Context, *infra.Authority, *sealing.Book) error) (err error) {
	app, err := openAppliance(env, f.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.infrastructure(env.ctx)
	if err != nil {
		return err
	}
	book, err := app.sealingBook(nil)
	if err != nil {
		return err
	}
	if err := do(env.ctx, authority, book); err != nil {
		return err
	}
	if err := app.pinOperators(env.ctx); err != nil {
		return err
	}
	return env.print(map[string]string{"id": id}, "%s %s", id, now)
}

type operatorListCommand struct{ folderFlag }

// Help is shown by chop department operator list --help.
func (operatorListCommand) Help() string {
	return `Example:
  chop department operator list --dir data`
}

func (c *operatorListCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	book, err := app.sealingBook(nil)
	if err != nil {
		return err
	}
	list, err := book.Operators(env.ctx)
	if err != nil {
		return err
	}
	if env.json {
		rows := []map[string]any{}
		for _, o := range list {
			rows = append(rows, map[string]any{"id": o.ID, "department": o.Department, "name": o.Name, "state": o.State, "roles": o.Roles})
		}
		return env.print(rows, "")
	}
	for _, o := range list {
		fmt.Fprintf(env.out, "%-16s %-20s %-9s %-24s %s\n", o.Department, o.ID, o.State, strings.Join(o.Roles, ","), o.Name)
	}
	return nil
}
