package main

import (
	"chop/signer"
	"chop/signer/cades"
)

type signCMSCommand struct {
	folderFlag
	Credential   string   `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	Policy       string   `placeholder:"P" help:"Signature policy: cades-seal (default)."`
	Level        string   `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policy's, B-LT."`
	Detached     bool     `help:"Leave the file out of the signature, which is then worth nothing without it."`
	AddTo        string   `placeholder:"FILE" help:"Add the signature to those in this signed file, over the same content."`
	On           string   `placeholder:"NAME" help:"With --add-to: sign the signature of this name there, as chop validate prints it (\"signer 1\"), in place of the content."`
	MimeType     string   `placeholder:"T" help:"The file's media type, such as application/pdf."`
	Commitment   string   `default:"" enum:",origin,approval,creation" help:"What the signer commits to: origin, approval or creation."`
	Role         []string `placeholder:"T" help:"A role that the signer claims. Repeatable."`
	City         string   `placeholder:"T" help:"Where it is signed."`
	declareFlags `embed:""`
	In           string `placeholder:"FILE" help:"The file, of any kind. Not needed with --on, unless what it signs is detached."`
	Out          string `required:"" placeholder:"FILE.p7m" help:"Where to write the signed file (by habit .p7m, or .p7s with --detached); it is replaced whole or left alone."`
}

// Help is shown by chop sign cms --help.
func (signCMSCommand) Help() string {
	return `Makes a CAdES signature (EN 319 122-1), DER, which programs for signed mail and openssl cms read too. Without --detached the
file is in it, byte for byte. Exit code 2: this file cannot be signed, and nothing was written.

Examples:
  chop sign cms --dir data --credential 0199… --in plan.dwg --out plan.dwg.p7m
  chop sign cms --dir data --credential 0199… --detached --level B-LTA --in plan.dwg --out plan.dwg.p7s
  chop sign cms --dir data --credential 0199… --add-to plan.dwg.p7s --in plan.dwg --out plan.dwg.p7s
  chop sign cms --dir data --credential 0199… --add-to plan.dwg.p7m --on "signer 1" --out plan.dwg.p7m
  openssl cms -verify -cades -binary -inform DER -in plan.dwg.p7s -content plan.dwg -CAfile root.pem -purpose any -out /dev/null`
}

func (c *signCMSCommand) Run(env *environment) (err error) {
	declared, err := c.policy()
	if err != nil {
		return err
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	err = service.SignCMS(env.ctx, signer.CMSRequest{
		Credential: c.Credential, Policy: c.Policy, Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out,
		Detached: c.Detached, Beside: c.AddTo, On: c.On, MIMEType: c.MimeType,
		Commitment: cades.Commitment(c.Commitment), Roles: c.Role, Place: cades.Place{City: c.City}, Declared: declared,
	})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: signed", c.Out)
}

type extendCMSCommand struct {
	folderFlag
	Level    string `required:"" enum:"B-T,B-LT,B-LTA" help:"The level to reach: ${enum}. B-LTA on a B-LTA renews its archive timestamp."`
	Detached string `placeholder:"FILE" help:"The file that a detached signature covers. B-LTA needs it."`
	In       string `required:"" placeholder:"A.p7m" help:"The signed file: DER, BER or PEM."`
	Out      string `required:"" placeholder:"B.p7m" help:"Where to write the extended file, DER."`
}

// Help is shown by chop extend cms --help.
func (extendCMSCommand) Help() string {
	return `Uses no signer's key: it adds timestamps and proof of the certificates' status.

Example:
  chop extend cms --dir data --level B-LTA --detached plan.dwg --in plan.dwg.p7s --out plan.dwg.p7s`
}

func (c *extendCMSCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	err = service.ExtendCMS(env.ctx, signer.ExtendCMSRequest{Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out, Detached: c.Detached})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: extended to %s", c.Out, c.Level)
}
