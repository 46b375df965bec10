package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"chop/signer/activation"
	proofs "chop/signer/evidence"
)

type auditReconcileCommand struct {
	folderFlag
}

// Help is shown by chop audit reconcile --help.
func (auditReconcileCommand) Help() string {
	return `Each certificate of a resident must have the activation process's statement, the enrolment ticket that it names, and the activation
process's own record; each signature its evidence. What is too much on one side or the other is listed: a certificate that somebody
with the CA's PIN had issued in a resident's name, for example. Beside a running ` + "`chop serve`" + ` the activation process is asked, too.
Exit code 0: nothing is. 1: something is, named in the output.

Example:
  chop audit reconcile --dir data`
}

func (c *auditReconcileCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	export, identity, err := app.exportApprovals(env.ctx, "")
	if err != nil {
		return err
	}
	defer export.discard()
	in, err := os.Open(export.Name())
	if err != nil {
		return err
	}
	defer in.Close()
	live, asked, err := app.registrar()
	if err != nil {
		return err
	}
	report, err := proofs.Reconcile(env.ctx, in, identity, live)
	if err != nil {
		return err
	}
	return env.printReport(report, fmt.Sprintf("reconciled: %d of %d residents' certificates have their enrolment, %d of %d signings their evidence; %s",
		report.Enrolled, report.Certificates, report.Proven, report.Signings, asked))
}

// registrar is the activation process, if it is running.
func (a *appliance) registrar() (proofs.Registrar, string, error) {
	sockets, err := a.folder.sockets()
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(filepath.Join(sockets, socketAPI)); err != nil {
		return nil, "the activation process is not running, and its log alone was read", nil
	}
	client, err := a.activation()
	return activationRecords{client}, "the activation process was asked", err
}

type activationRecords struct{ client *activation.Client }

func (r activationRecords) Account(ctx context.Context, credential string) (string, error) {
	status, err := r.client.Credential(ctx, credential)
	if err != nil {
		return "", err
	}
	return status.Account, nil
}
