package main

import (
	"strings"

	"chop/internal/audit"
)

type auditCommand struct {
	Verify    auditVerifyCommand    `cmd:"" help:"Recompute the audit log's chain: any event changed, removed or inserted shows."`
	Approvals auditApprovalsCommand `cmd:"" help:"Prove that each resident's signature was approved by their own passkey; offline, from an export."`
	Reconcile auditReconcileCommand `cmd:"" help:"Compare residents' certificates and signatures with enrolments and evidence: anything too much shows."`
}

type auditVerifyCommand struct {
	folderFlag
}

// Help is shown by chop audit verify --help.
func (auditVerifyCommand) Help() string {
	return `Exit code 0: every event is where it was recorded. 1: a gap or a change, named in the output.
Events of the last second may not be chained yet: they are counted as "not yet sequenced".

Example:
  chop audit verify --dir data`
}

func (c *auditVerifyCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	report, err := audit.Verify(env.ctx, app.db)
	if err != nil {
		return err
	}
	verdict := "whole"
	if !report.OK() {
		verdict = "NOT WHOLE:\n  " + strings.Join(report.Problems, "\n  ")
	}
	err = env.print(report, "audit log: %d events in %d batches, %d not yet sequenced: %s",
		report.Events, report.Batches, report.Unsequenced, verdict)
	if err == nil && !report.OK() {
		return exitCode(1)
	}
	return err
}

type configCommand struct {
	Check configCheckCommand `cmd:"" help:"Read the configuration as a start would, and say what is wrong with it."`
}

type configCheckCommand struct {
	folderFlag
}

// Help is shown by chop config check --help.
func (configCheckCommand) Help() string {
	return `Exit code 2: the file is refused; the first mistake is named.

Example:
  chop config check --dir data`
}

func (c *configCheckCommand) Run(env *environment) error {
	f := folder(c.Dir)
	conf, err := f.open()
	if err == nil {
		err = conf.checkBeyond()
	}
	if err != nil {
		return err
	}
	return env.print(map[string]any{"ok": true, "file": f.config()}, "%s: good; public URL %s", f.config(), conf.PublicURL)
}
