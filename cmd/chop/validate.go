package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chop/ca"
	"chop/validation"
	"chop/validation/eto"
	"chop/validation/sigpolicy"
)

// validateCommand judges a document. It needs no appliance: --dir only adds that appliance's root.
type validateCommand struct {
	Dir             string    `placeholder:"DIR" help:"Trust the root of the appliance in this data folder, and ask its records for the status of its certificates."`
	Trust           []string  `placeholder:"FILE" help:"Trust these certificates (PEM or DER), or the services of a trusted list (TS 119 612) while they were approved. Repeatable."`
	Operator        []string  `placeholder:"FILE" help:"Who must have signed the trusted lists: certificates (PEM or DER). Repeatable."`
	At              time.Time `placeholder:"RFC3339" help:"Judge as if it were this time. It proves nothing about when the signature existed."`
	Offline         bool      `help:"Ask no OCSP responder and fetch no CRL; use what the document carries."`
	Detached        []string  `placeholder:"FILE" help:"Files that a detached signature covers. Repeatable."`
	SignaturePolicy []string  `placeholder:"DIR|FILE" help:"Signature policies that you hold (docs/signature-policies.md): those that signers name are compared with them and applied. Repeatable."`
	RequirePolicy   bool      `help:"Every signature must name one of --signature-policy."`
	etoFlags        `embed:""`

	reportFlags `embed:""`
	bundleFlags `embed:""`
	File        string `arg:"" optional:"" help:"The document."`
}

// Help is shown by chop validate --help.
func (validateCommand) Help() string {
	return `Exit code 0: at least one signature, every one TOTAL-PASSED, no suspicious change. 1: any other verdict.
2: no verdict was possible. With --eto, 0 wants every signature to satisfy the Ordinance too.

Examples:
  chop validate --trust root.pem letter.pdf
  chop validate --trust root.pem --detached plan.dwg plan.xml
  chop validate --trust root.pem record.jws
  chop validate --trust list.xml --operator commissioner.pem letter.pdf
  chop validate --trust list.xml --operator commissioner.pem --eto --kind other --lang zh-Hant letter.pdf
  chop validate --trust root.pem --detached plan.dwg plan.dwg.p7s
  chop validate --trust root.pem both.asice
  chop validate --trust root.pem --signature-policy policies --require-policy contract.xml
  chop validate --dir data --report letter.txt --lang zh-Hant letter.pdf
  chop validate --dir data --report letter.xml --credential 0199… letter.pdf
  chop validate --dir data --bundle letter.zip letter.pdf
  chop validate --trust root.pem --offline --evidence letter.zip
  chop validate --dir data --at 2036-01-01T00:00:00Z --offline --json letter.pdf`
}

func (c *validateCommand) Run(env *environment) (err error) {
	structured, err := c.reportFlags.check(c.Dir)
	if err != nil {
		return err
	}
	trust := c.Trust
	if c.Dir != "" {
		if _, err := folder(c.Dir).open(); err != nil {
			return unusable(err, "")
		}
		trust = append(trust, filepath.Join(c.Dir, "public", "root.pem"))
	}
	anchors, lists, err := readTrust(env.ctx, readTrustFile, trust, c.Operator)
	if errors.Is(err, validation.ErrTrustList) {
		return unusable(err, "name its operator with --operator, from a source that you trust")
	}
	if err != nil {
		return unusable(err, "give certificates as PEM or DER files, and trusted lists as XML")
	}
	policies, err := sigpolicy.Read(c.SignaturePolicy...)
	if err != nil {
		return unusable(err, "docs/signature-policies.md says how they are written")
	}
	if c.RequirePolicy && policies.Len() == 0 {
		return unusable(errors.New("--require-policy without a policy"), "name those that you hold with --signature-policy")
	}
	in, err := c.open()
	if err != nil {
		return err
	}
	defer in.close()
	own, closeOwn := c.appliance(env)
	defer closeOwn(&err)
	v, err := newValidator(anchors, newFetcher(own))
	if err != nil {
		return err
	}
	o := in.given
	o.At, o.Offline, o.Lists, o.Collect = c.At, c.Offline, lists, c.Bundle != "" || structured
	o.Policies, o.RequirePolicy = policies, c.RequirePolicy
	report, err := v.Validate(env.ctx, in.doc, in.size, o)
	if errors.Is(err, validation.ErrOptions) {
		return unusable(fmt.Errorf("validate %s: --detached: %w", in.name, err), "give each file that a signature covers once, and none with a PDF")
	}
	if err != nil {
		return unusable(fmt.Errorf("validate %s: %w", in.name, err), "")
	}
	var shown any = report
	text, good := reportText(in.name, report), report.Passed()
	var verdicts []eto.Verdict
	if c.ETO {
		var satisfied bool
		if verdicts, satisfied, err = c.answer(report, c.Dir); err != nil {
			return err
		}
		shown, text, good = etoReport{report, verdicts}, text+etoText(verdicts, c.Lang), good && satisfied
	}
	if err := c.writeReports(env, in, report, verdicts, shown); err != nil {
		return err
	}
	if c.Bundle != "" {
		if err := c.keep(in, report, shown, text); err != nil {
			return err
		}
	}
	if err := env.print(shown, "%s", text); err != nil {
		return err
	}
	if !good {
		return exitCode(1)
	}
	return nil
}

// maxDetached is how large a file may be that a detached signature covers, in bytes.
const maxDetached = 512 << 20

func readDetached(paths []string) ([]validation.File, error) {
	var files []validation.File
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > maxDetached {
			return nil, fmt.Errorf("--detached %s: it is not a regular file, or larger than %d bytes", path, maxDetached)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, validation.File{Name: filepath.Base(path), Content: b})
	}
	return files, nil
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

// reportText is the report for a person: a line of verdict a signature, then what did not pass. What strangers
// wrote is made plain.
func reportText(file string, r *validation.Report) string {
	var b strings.Builder
	plain := validation.Plain
	fmt.Fprintf(&b, "%s: ", plain(file))
	switch {
	case len(r.Signatures) == 0:
		b.WriteString("not signed")
	case r.Passed():
		b.WriteString("passed")
	default:
		b.WriteString("NOT PASSED")
	}
	fmt.Fprintf(&b, "; changes after signing: %s", r.Document.Modifications)
	for _, place := range r.Document.Unsigned {
		fmt.Fprintf(&b, "\n  NOT SIGNED   %s", plain(place))
	}
	for _, fault := range r.Document.Faults {
		fmt.Fprintf(&b, "\n  WRONG        %s", plain(fault))
	}
	for _, s := range r.Signatures {
		verdict := string(s.Indication)
		if s.SubIndication != "" {
			verdict += "/" + string(s.SubIndication)
		}
		fmt.Fprintf(&b, "\n  %-22s %s  %s", plain(s.Field), verdict, plain(s.Format))
		if s.Level != "" {
			fmt.Fprintf(&b, " %s", s.Level)
		}
		for _, what := range s.Signed {
			fmt.Fprintf(&b, "\n    signs        %s", plain(what))
		}
		if s.Signer != "" {
			fmt.Fprintf(&b, "\n    signer       %s", plain(s.Signer))
		}
		if s.Anchor != nil && s.Anchor.List != nil {
			l := s.Anchor.List
			fmt.Fprintf(&b, "\n    recognised   %s: %s since %s (list %s %d)", l.Service, l.Status, l.Since.Format(time.RFC3339), l.Territory, l.Sequence)
		}
		if s.SigningTime != nil {
			fmt.Fprintf(&b, "\n    signed       %s (claimed)", s.SigningTime.Format(time.RFC3339))
		}
		if s.BestSignatureTime != nil {
			fmt.Fprintf(&b, "\n    existed at   %s (proven)", s.BestSignatureTime.Format(time.RFC3339))
		}
		for _, check := range s.Checks {
			if check.Status != "PASSED" {
				fmt.Fprintf(&b, "\n    %-7s %-4s %s", check.Status, check.Name, plain(strings.ReplaceAll(check.Detail, "\n", "; ")))
			}
		}
	}
	return b.String()
}
