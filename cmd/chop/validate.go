package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chop/ca"
	"chop/validation"
)

// validateCommand judges a document. It needs no appliance: --dir only adds that appliance's root.
type validateCommand struct {
	Dir      string    `placeholder:"DIR" help:"Trust the root of the appliance in this data folder, and ask its records for the status of its certificates."`
	Trust    []string  `placeholder:"FILE" help:"Trust these certificates (PEM or DER). Repeatable."`
	At       time.Time `placeholder:"RFC3339" help:"Judge as if it were this time. It proves nothing about when the signature existed."`
	Offline  bool      `help:"Ask no OCSP responder and fetch no CRL; use what the document carries."`
	Detached []string  `placeholder:"FILE" help:"Files that a detached signature covers. Repeatable."`
	File     string    `arg:"" help:"The document."`
}

// Help is shown by chop validate --help.
func (validateCommand) Help() string {
	return `Exit code 0: at least one signature, every one TOTAL-PASSED, no suspicious change. 1: any other verdict.
2: no verdict was possible.

Examples:
  chop validate --trust root.pem letter.pdf
  chop validate --dir data --at 2036-01-01T00:00:00Z --offline --json letter.pdf`
}

func (c *validateCommand) Run(env *environment) (err error) {
	if len(c.Detached) > 0 {
		return unusable(fmt.Errorf("--detached: %s is judged as a PDF, and a PDF signature covers its own file only", c.File),
			"leave --detached out")
	}
	trust := c.Trust
	if c.Dir != "" {
		if _, err := folder(c.Dir).open(); err != nil {
			return unusable(err, "")
		}
		trust = append(trust, filepath.Join(c.Dir, "public", "root.pem"))
	}
	anchors, err := readCertificates(trust)
	if err != nil {
		return unusable(err, "give certificates as PEM or DER files")
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return unusable(err, "")
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return unusable(fmt.Errorf("validate %s: it is not a regular file", c.File), "check the path")
	}
	doc, err := os.Open(c.File)
	if err != nil {
		return unusable(err, "")
	}
	defer doc.Close()
	own, closeOwn := c.appliance(env)
	defer closeOwn(&err)
	v, err := newValidator(anchors, newFetcher(own))
	if err != nil {
		return err
	}
	report, err := v.Validate(env.ctx, doc, info.Size(), validation.Options{At: c.At, Offline: c.Offline})
	if err != nil {
		return unusable(fmt.Errorf("validate %s: %w", c.File, err), "")
	}
	if err := env.print(report, "%s", reportText(c.File, report)); err != nil {
		return err
	}
	if !report.Passed() {
		return exitCode(1)
	}
	return nil
}

// appliance opens the CA in --dir when its word on a certificate is first wanted; there may be none.
func (c *validateCommand) appliance(env *environment) (own func(context.Context) (*ca.Authority, error), done func(*error)) {
	if c.Dir == "" {
		return nil, func(*error) {}
	}
	var app lazy[*appliance]
	own = func(ctx context.Context) (*ca.Authority, error) {
		a, err := app.get(func() (*appliance, error) { return openAppliance(env, c.Dir) })
		if err != nil {
			return nil, err
		}
		return a.authority(ctx)
	}
	return own, func(err *error) {
		if app.made {
			app.value.closeInto(err)
		}
	}
}

// reportText is the report for a person: a line of verdict a signature, then what did not pass.
func reportText(file string, r *validation.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", file)
	switch {
	case len(r.Signatures) == 0:
		b.WriteString("not signed")
	case r.Passed():
		b.WriteString("passed")
	default:
		b.WriteString("NOT PASSED")
	}
	fmt.Fprintf(&b, "; changes after signing: %s", r.Document.Modifications)
	for _, s := range r.Signatures {
		verdict := string(s.Indication)
		if s.SubIndication != "" {
			verdict += "/" + string(s.SubIndication)
		}
		fmt.Fprintf(&b, "\n  %-22s %s  %s", s.Field, verdict, s.Format)
		if s.Level != "" {
			fmt.Fprintf(&b, " %s", s.Level)
		}
		if s.Signer != "" {
			fmt.Fprintf(&b, "\n    signer       %s", s.Signer)
		}
		if s.SigningTime != nil {
			fmt.Fprintf(&b, "\n    signed       %s (claimed)", s.SigningTime.Format(time.RFC3339))
		}
		if s.BestSignatureTime != nil {
			fmt.Fprintf(&b, "\n    existed at   %s (proven)", s.BestSignatureTime.Format(time.RFC3339))
		}
		for _, check := range s.Checks {
			if check.Status != "PASSED" {
				fmt.Fprintf(&b, "\n    %-7s %-4s %s", check.Status, check.Name, strings.ReplaceAll(check.Detail, "\n", "; "))
			}
		}
	}
	return b.String()
}
