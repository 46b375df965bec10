package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chop/ca/issued"
	"chop/registration/retention"
)

type retentionCommand struct {
	Show retentionShowCommand `cmd:"" help:"How long what belongs to people is kept, and what is due now."`
	Run  retentionRunCommand  `cmd:"" help:"Delete what is due of closed accounts; serve does it once a day."`
}

// retention keeps the dates of closed accounts' data. It wants the database and no token.
func (a *appliance) retention() (*retention.Keeper, error) {
	return retention.New(retention.Config{DB: a.db, Policies: a.policies, Now: now, Log: a.log, LastEnd: func(ctx context.Context, srn string) (end time.Time, err error) {
		list, err := issued.ByReference(ctx, a.db, srn)
		for _, c := range list {
			if c.Certificate.NotAfter.After(end) {
				end = c.Certificate.NotAfter
			}
		}
		return end, err
	}})
}

// keepRetention deletes daily what is due, until ctx ends.
func (a *appliance) keepRetention(ctx context.Context) error {
	k, err := a.retention()
	if err != nil {
		return err
	}
	return k.Run(ctx)
}

type retentionShowCommand struct{ folderFlag }

// Help is shown by chop retention show --help.
func (retentionShowCommand) Help() string {
	return `The periods and their reasons are data, in policies/files/retention.yaml of the release.

Example:
  chop retention show --dir data`
}

func (c *retentionShowCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	k, err := app.retention()
	if err != nil {
		return err
	}
	due, err := k.Due(env.ctx)
	if err != nil {
		return err
	}
	type entry struct {
		Name   string `json:"name"`
		Period string `json:"period"`
		Why    string `json:"why"`
		Due    *int   `json:"due,omitempty"` // accounts
	}
	var list []entry
	var text strings.Builder
	counted := map[string]*int{retention.Card: &due.Card, retention.Identity: &due.Identity}
	for _, r := range app.policies.Retentions() {
		e := entry{Name: r.Name, Period: r.Period.String(), Why: r.Why, Due: counted[r.Name]}
		list = append(list, e)
		fmt.Fprintf(&text, "%-18s %-8s %s\n", e.Name, e.Period, e.Why)
		if e.Due != nil {
			fmt.Fprintf(&text, "%-18s due now: %d accounts\n", "", *e.Due)
		}
	}
	return env.print(list, "%s", strings.TrimSuffix(text.String(), "\n"))
}

type retentionRunCommand struct {
	folderFlag
	DryRun bool `help:"Only count."`
}

// Help is shown by chop retention run --help.
func (retentionRunCommand) Help() string {
	return `Of accounts that were closed long enough ago, what the card says is deleted, and later all that names the person. It cannot be
undone, but by a backup that has both the database and the token's keys. The log gets the numbers and no name.

Examples:
  chop retention run --dir data --dry-run
  chop retention run --dir data`
}

func (c *retentionRunCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	k, err := app.retention()
	if err != nil {
		return err
	}
	var n retention.Count
	said := "deleted"
	if c.DryRun {
		said = "due"
		n, err = k.Due(env.ctx)
	} else {
		n, err = k.Delete(env.ctx, localActor())
	}
	if err != nil {
		return err
	}
	return env.print(n, "%s: the card's data of %d closed accounts, all that names the person of %d", said, n.Card, n.Identity)
}
