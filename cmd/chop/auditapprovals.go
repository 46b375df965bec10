package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"chop/ca/issued"
	"chop/signer"
	proofs "chop/signer/evidence"
)

type auditApprovalsCommand struct {
	Dir      string `placeholder:"DIR" type:"path" help:"The appliance's data folder, to export from."`
	Export   string `placeholder:"FILE" type:"path" help:"Keep the export, for somebody else to check."`
	From     string `placeholder:"FILE" type:"path" help:"Check an export, with nothing else at hand."`
	Identity string `placeholder:"FILE" type:"path" help:"The activation process's public key (PEM), had from elsewhere; with --dir: DIR/public/activation.pem."`
}

// Help is shown by chop audit approvals --help.
func (auditApprovalsCommand) Help() string {
	return `For each resident's signature in the log: was it approved by the passkey that was enrolled at the counter, over exactly these
documents? The check needs no network, no database and no token. Exit code 0: each one was. 1: one was not, named in the output.

Without --identity, --from believes the activation process's key in the export and prints its digest: compare it.
An export names documents and services that residents have approved: it is for auditors.

Examples:
  chop audit approvals --dir data
  chop audit approvals --dir data --export approvals.jsonl
  chop audit approvals --from approvals.jsonl --identity activation.pem`
}

func (c *auditApprovalsCommand) Run(env *environment) (err error) {
	if (c.Dir == "") == (c.From == "") || c.From != "" && c.Export != "" {
		return unusable(errors.New("either --dir, with or without --export, or --from is wanted"), "`chop audit approvals --help` shows the forms")
	}
	var identity []byte
	if c.Identity != "" {
		if identity, err = readIdentity(c.Identity); err != nil {
			return unusable(err, "--identity names the file public/activation.pem of the appliance")
		}
	}
	file := c.From
	if c.Dir != "" {
		app, err := openAppliance(env, c.Dir)
		if err != nil {
			return err
		}
		defer app.closeInto(&err)
		export, pinned, err := app.exportApprovals(env.ctx, c.Export)
		if err != nil {
			return err
		}
		defer export.discard()
		file = export.Name()
		if identity == nil {
			identity = pinned
		}
		if c.Export != "" {
			if err := export.commit(nil); err != nil {
				return err
			}
			file = export.target
		}
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	report, err := proofs.Check(in, identity)
	if errors.Is(err, proofs.ErrExport) {
		return unusable(err, "an export is made with `chop audit approvals --dir DIR --export FILE`")
	}
	if err != nil {
		return err
	}
	return env.printReport(report, fmt.Sprintf("approvals: %d of %d signings proven, %d documents, %d approvals never collected; identity key SHA-256 %s",
		report.Proven, report.Signings, report.Documents, report.Unfinished, report.Identity))
}

// printReport prints what was found, and makes a problem an exit code.
func (e *environment) printReport(report *proofs.Report, summary string) error {
	verdict := "all proven"
	if !report.OK() {
		verdict = "NOT PROVEN:\n  " + strings.Join(report.Problems, "\n  ")
	}
	if err := e.print(report, "%s: %s", summary, verdict); err != nil {
		return err
	}
	if !report.OK() {
		return exitCode(1)
	}
	return nil
}

// exportApprovals writes an export, beside target or into the folder's own, for its owner only.
func (a *appliance) exportApprovals(ctx context.Context, target string) (*newFile, []byte, error) {
	identity, err := readIdentity(a.folder.path("public", "activation.pem"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the activation process's identity: %w", err)
	}
	var profiles []string
	for _, name := range a.policies.Profiles() {
		if p, err := a.policies.Profile(name); err == nil && p.NeedsStatement() {
			profiles = append(profiles, name)
		}
	}
	certs, err := issued.ByProfiles(ctx, a.db, profiles)
	if err != nil {
		return nil, nil, err
	}
	x := signer.Export{DB: a.db, Identity: identity, At: now(), Settle: a.settleEvents}
	for _, c := range certs {
		x.Certificates = append(x.Certificates, proofs.Certificate{
			Serial: c.Serial, Profile: c.Profile, Credential: c.Credential, DER: c.DER, Statement: c.Statement,
		})
	}
	if target == "" {
		target = a.folder.path("run", "approvals.jsonl")
	}
	out, err := createNew(target, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := signer.ExportApprovals(ctx, x, out); err != nil {
		out.discard()
		return nil, nil, err
	}
	_, err = out.Seek(0, io.SeekEnd)
	return out, identity, err
}

// readIdentity reads a public key as a SubjectPublicKeyInfo.
func readIdentity(path string) ([]byte, error) {
	key, err := readPublicKey(path)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(key)
}
