package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"chop/archive"
	"chop/internal/audit"
	"chop/validation"
)

// storeCommand is the long-term store of departments' files.
type storeCommand struct {
	Add    storeAddCommand    `cmd:"" help:"Take a signed file, and extend it to B-LTA."`
	List   storeListCommand   `cmd:"" help:"List what is kept, and when its proof fades."`
	Renew  storeRenewCommand  `cmd:"" help:"Give what fades a new archive time-stamp; serve does so by itself."`
	Verify storeVerifyCommand `cmd:"" help:"Recompute, validate and compare with the audit log; or judge an export, offline."`
	Export storeExportCommand `cmd:"" help:"Write a document with its evidence and the audit log's proof into a folder."`
	Remove storeRemoveCommand `cmd:"" help:"Delete a document. Nothing else deletes one."`
}

// onStore opens the store for one command of whoever operates the appliance.
func onStore(env *environment, dir string, do func(context.Context, *archive.Store, archive.Caller) error) (err error) {
	app, err := openAppliance(env, dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	store, err := app.archived(env.ctx)
	if err != nil {
		return err
	}
	return do(env.ctx, store, archive.Caller{Actor: localActor()})
}

type storeAddCommand struct {
	folderFlag
	Department string   `required:"" placeholder:"ID" help:"Whose it is: the department's short word, as in chop department add."`
	Detached   []string `placeholder:"FILE" help:"Files that a detached signature covers; they are kept too. Repeatable."`
	File       string   `arg:"" help:"The signed file: PDF, XML, CMS, JSON or a container."`
}

// Help is shown by chop store add --help.
func (storeAddCommand) Help() string {
	return `The file is validated first, and refused unless every signature is TOTAL-PASSED. A form that cannot be renewed (a plain XML or
CMS signature) is refused: put the file into a container (chop sign asic), and add that. The same file again is not taken twice.
If no time-stamp can be had at the moment, the file is taken all the same, and serve goes on with it.

Example:
  chop store add --dir data --department transport signed.pdf
  chop store add --dir data --department lands --detached plan.dwg plan.dwg.p7s`
}

func (c *storeAddCommand) Run(env *environment) error {
	document, err := readLarge(c.File)
	if err != nil {
		return unusable(err, "name a regular file")
	}
	covered, err := readDetached(c.Detached)
	if err != nil {
		return unusable(err, "")
	}
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		d, already, err := s.Add(ctx, who, archive.AddRequest{Department: c.Department, Name: filepath.Base(c.File), Document: document, Covered: covered})
		if err != nil {
			return fmt.Errorf("add %s: %w", c.File, err)
		}
		text := "kept, at B-LTA; its proof fades " + day(d.FadesAt)
		switch {
		case d.State == archive.Adding:
			text = "taken; its archive time-stamp is made later, because: " + d.Failure
		case already:
			text = "was here before; its proof fades " + day(d.FadesAt)
		}
		return env.print(d, "%s  %s", d.ID, text)
	})
}

// readLarge reads a file that the store may keep.
func readLarge(path string) ([]byte, error) {
	files, err := readDetached([]string{path})
	if err != nil {
		return nil, err
	}
	return files[0].Content, nil
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

type storeListCommand struct {
	folderFlag
	Department string `placeholder:"ID" help:"Only this department's."`
	Fading     bool   `help:"Only what fades within the margin, or could not be renewed; the most urgent first."`
	Removed    bool   `help:"Also what was removed."`
	After      string `placeholder:"ID" help:"Go on after this document."`
	Limit      int    `default:"100" help:"How many, at most 1000."`
}

// Help is shown by chop store list --help.
func (storeListCommand) Help() string {
	return `The newest first. The margin, before which serve renews, is in policies/files/preservation.yaml.

Example:
  chop store list --dir data --department transport
  chop store list --dir data --fading --json`
}

func (c *storeListCommand) Run(env *environment) error {
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		if err := s.Reassess(ctx); err != nil {
			return err
		}
		list, err := s.List(ctx, who, archive.Filter{Department: c.Department, Fading: c.Fading, Removed: c.Removed, After: c.After, Limit: c.Limit})
		if err != nil {
			return err
		}
		counts, err := s.Counts(ctx)
		if err != nil {
			return err
		}
		var b strings.Builder
		for _, d := range list {
			fmt.Fprintf(&b, "%s  %-8s %-4s  generation %d  fades %s (%s)  %s  %s\n", d.ID, d.State, d.Format, d.Generation, day(d.FadesAt), d.FadesBy, d.Department, d.Name)
			if d.Failure != "" {
				fmt.Fprintf(&b, "    after %d attempts, again at %s: %s\n", d.Attempts, d.RetryAt.Format(time.RFC3339), d.Failure)
			}
		}
		return env.print(map[string]any{"documents": list, "counts": counts}, "%s%d kept in all, %d fade within the margin, %d could not be extended", &b, counts.Documents, counts.Due, counts.Failing)
	})
}

type storeRenewCommand struct {
	folderFlag
	Before string   `placeholder:"DATE" help:"Renew what fades before this day (2006-01-02), instead of within the margin."`
	All    bool     `help:"Renew everything, also what waits for its next attempt."`
	ID     []string `arg:"" optional:"" help:"Only these documents, due or not."`
}

// Help is shown by chop store renew --help.
func (storeRenewCommand) Help() string {
	return `One after another; it may be interrupted at any time, and the next run goes on. Exit code 1: some could not be renewed.

Example:
  chop store renew --dir data
  chop store renew --dir data --before 2031-01-01`
}

func (c *storeRenewCommand) Run(env *environment) error {
	var before time.Time
	if c.Before != "" {
		var err error
		if before, err = time.Parse(time.DateOnly, c.Before); err != nil {
			return unusable(fmt.Errorf("--before %q is no day", c.Before), "write it as 2031-01-01")
		}
	}
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		var p archive.Pass
		var failures []error
		for _, id := range c.ID {
			if _, err := s.Renew(ctx, who, id, true); err != nil {
				p.Failed++
				failures = append(failures, fmt.Errorf("renew %s: %w", id, err))
				continue
			}
			p.Renewed++
		}
		if len(c.ID) == 0 {
			var err error
			if p, err = s.Pass(ctx, who.Actor, before, c.All); err != nil {
				return err
			}
		}
		if err := env.print(p, "%d renewed, %d could not be, %d are worked on by others", p.Renewed, p.Failed, p.Busy); err != nil {
			return err
		}
		if len(failures) > 0 {
			return errors.Join(failures...)
		}
		if p.Failed > 0 {
			return hinted{errors.New("some could not be renewed"), "`chop store list --fading` shows them with the reasons", 1}
		}
		return nil
	})
}

type storeExportCommand struct {
	folderFlag
	ID     string `arg:"" help:"The document."`
	Folder string `arg:"" help:"The folder to be made."`
}

// Help is shown by chop store export --help.
func (storeExportCommand) Help() string {
	return `The folder is there whole or not at all: document/ (the newest generation), original/, covered/, evidence.zip (which
chop validate --evidence reads), audit.json (the audit log's proof) and store.json (what the store says of it).

Example:
  chop store export --dir data 0199… handed-over
  chop store verify --export handed-over --trust root.pem`
}

func (c *storeExportCommand) Run(env *environment) error {
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		record, err := s.Export(ctx, who, c.ID, c.Folder)
		if err != nil {
			return fmt.Errorf("export %s: %w", c.ID, err)
		}
		return env.print(record, "%s: %s, generation %d, with its proof", c.Folder, c.ID, len(record.Generations))
	})
}

type storeRemoveCommand struct {
	folderFlag
	ID     string `arg:"" help:"The document."`
	Reason string `required:"" help:"Why, for the audit log."`
}

// Help is shown by chop store remove --help.
func (storeRemoveCommand) Help() string {
	return `Its bytes and its data key are deleted; its digests stay in the record and in the audit log. No backup that is older is touched.

Example:
  chop store remove --dir data 0199… --reason "kept for the seven years of the schedule"`
}

func (c *storeRemoveCommand) Run(env *environment) error {
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		if err := s.Remove(ctx, who, c.ID, c.Reason); err != nil {
			return fmt.Errorf("remove %s: %w", c.ID, err)
		}
		return env.print(map[string]string{"id": c.ID}, "%s: removed", c.ID)
	})
}

type storeVerifyCommand struct {
	Dir    string   `placeholder:"DIR" type:"path" help:"The appliance's data folder."`
	Export string   `placeholder:"FOLDER" help:"Judge what chop store export wrote, offline, instead."`
	Trust  []string `placeholder:"FILE" help:"With --export: trust these certificates (PEM or DER). With --dir too, that appliance's root. Repeatable."`
	Head   []string `placeholder:"HEAD" help:"With --export: a head of the audit log (batch:sequence:hash, as chop audit verify --json prints) that you kept; it must be in the proof. Repeatable."`
	ID     []string `arg:"" optional:"" help:"The documents; none: all."`
}

// Help is shown by chop store verify --help.
func (storeVerifyCommand) Help() string {
	return `Exit code 0: every file is what was received, extended and not changed, passes validation now, and is proven by the audit log.
1: something is not so; it is named. An export is judged by its own evidence, as of the moment at which it was written.

Example:
  chop store verify --dir data
  chop store verify --export handed-over --trust root.pem --head 12:340:5f…`
}

func (c *storeVerifyCommand) Run(env *environment) error {
	if c.Export != "" {
		return c.offline(env)
	}
	if c.Dir == "" || len(c.Trust)+len(c.Head) > 0 {
		return unusable(errors.New("verify: no store"), "name the data folder with --dir, or an export with --export and --trust")
	}
	return onStore(env, c.Dir, func(ctx context.Context, s *archive.Store, who archive.Caller) error {
		results := []*archive.Verification{}
		one := func(id string) error {
			v, err := s.Verify(ctx, who, id)
			if err != nil {
				return fmt.Errorf("verify %s: %w", id, err)
			}
			results = append(results, v)
			return nil
		}
		for _, id := range c.ID {
			if err := one(id); err != nil {
				return err
			}
		}
		for after := ""; len(c.ID) == 0; {
			page, err := s.List(ctx, who, archive.Filter{After: after, Limit: 1000})
			if err != nil {
				return err
			}
			for _, d := range page {
				if err := one(d.ID); err != nil && !errors.Is(err, archive.ErrRemoved) {
					return err
				}
				after = d.ID
			}
			if len(page) < 1000 {
				break
			}
		}
		return printVerified(env, results)
	})
}

// offline judges an export.
func (c *storeVerifyCommand) offline(env *environment) error {
	if len(c.ID) > 0 {
		return unusable(errors.New("verify: an export is of one document"), "leave the ids out")
	}
	trust := c.Trust
	if c.Dir != "" {
		trust = append(trust, folder(c.Dir).path("public", "root.pem"))
	}
	if len(trust) == 0 {
		return unusable(errors.New("verify: nobody is trusted"), "name the root's certificate with --trust")
	}
	anchors, err := readCertificates(trust)
	if err != nil {
		return unusable(err, "give certificates as PEM or DER files")
	}
	var heads []audit.Head
	for _, text := range c.Head {
		h, err := audit.ParseHead(text)
		if err != nil {
			return unusable(err, "`chop audit verify --json` prints one")
		}
		heads = append(heads, h)
	}
	judge, err := newValidator(anchors, nil)
	if err != nil {
		return err
	}
	v, _, err := archive.VerifyExport(env.ctx, judge, validation.Options{}, c.Export, heads...)
	if err != nil {
		return unusable(err, "name a folder that chop store export wrote")
	}
	return printVerified(env, []*archive.Verification{v})
}

// printVerified prints what verifications found.
func printVerified(env *environment, results []*archive.Verification) error {
	var b strings.Builder
	good := 0
	for _, v := range results {
		verdict := "NOT WHOLE"
		if v.OK {
			verdict = "whole"
			good++
		}
		fmt.Fprintf(&b, "%s  %s, generation %d, %s at %s; %d events, in the audit log %s\n", v.ID, verdict, v.Generation, v.Indication, v.ValidAt.Format(time.RFC3339), v.Events, v.Head)
		for _, p := range v.Problems {
			fmt.Fprintf(&b, "    %s\n", p)
		}
	}
	if err := env.print(results, "%s%d of %d whole and proven", &b, good, len(results)); err != nil {
		return err
	}
	if good < len(results) {
		return exitCode(1)
	}
	return nil
}
