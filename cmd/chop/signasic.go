package main

import (
	"errors"

	"chop/signer"
	"chop/signer/asic"
)

type signASiCCommand struct {
	folderFlag
	Credential    string   `placeholder:"ID" help:"The seal's id (chop seal list). Not with --timestamp-only."`
	TimestampOnly bool     `help:"No signature: a time-stamp alone, which proves that the files existed, and nothing of who had them."`
	Policy        string   `placeholder:"P" help:"Signature policy: asic-seal (default)."`
	Level         string   `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policy's, B-LT."`
	AddTo         string   `placeholder:"FILE" help:"Add the signature to those in this container, over all the files in it."`
	Type          string   `default:"e" enum:"s,e" help:"s: a container around one file (ASiC-S). e: around one or more (ASiC-E)."`
	Form          string   `default:"xades" enum:"xades,cades" help:"The signature in it: ${enum}."`
	Commitment    string   `default:"" enum:",origin,approval,creation" help:"What the signer commits to: origin, approval or creation."`
	Role          []string `placeholder:"T" help:"A role that the signer claims. Repeatable."`
	City          string   `placeholder:"T" help:"Where it is signed."`
	In            []string `sep:"none" placeholder:"FILE" help:"A file to be signed, of any kind; it keeps its last name. Repeatable."`
	Out           string   `required:"" placeholder:"FILE.asice" help:"Where to write the container (by habit .asics or .asice); it is replaced whole or left alone."`
}

// Help is shown by chop sign asic --help.
func (signASiCCommand) Help() string {
	return `Puts files and a signature over all of them into one ZIP file (EN 319 162-1), from which any program unpacks them, byte for
byte. Exit code 2: these files cannot be signed so, and nothing was written.

Examples:
  chop sign asic --dir data --credential 0199… --in letter.pdf --in plan.dwg --out both.asice
  chop sign asic --dir data --credential 0199… --type s --form cades --level B-LTA --in plan.dwg --out plan.asics
  chop sign asic --dir data --credential 0199… --add-to both.asice --out both.asice
  chop sign asic --dir data --timestamp-only --type s --in plan.dwg --out plan.asics`
}

var kinds = map[string]asic.Kind{"s": asic.Simple, "e": asic.Extended}

func (c *signASiCCommand) Run(env *environment) (err error) {
	switch {
	case c.TimestampOnly && (c.Credential != "" || c.AddTo != "" || c.Policy != "" || c.Level != ""):
		return unusable(errors.New("--timestamp-only makes no signature"), "leave --credential, --add-to, --policy and --level out")
	case !c.TimestampOnly && c.Credential == "":
		return unusable(errors.New("no seal"), "name one with --credential, or make a time-stamp alone with --timestamp-only")
	case (len(c.In) == 0) != (c.AddTo != ""):
		return unusable(errors.New("either files or a container"), "name files with --in, or a signed container with --add-to")
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
	if c.TimestampOnly {
		if err := service.StampASiC(env.ctx, signer.StampASiCRequest{Operator: localActor(), Kind: kinds[c.Type], In: c.In, Out: c.Out}); err != nil {
			return err
		}
		return env.print(map[string]string{"file": c.Out}, "%s: time-stamped", c.Out)
	}
	request := signer.ASiCRequest{
		Credential: c.Credential, Policy: c.Policy, Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out, Beside: c.AddTo,
		Kind: kinds[c.Type], Form: asic.Form(c.Form), Commitment: c.Commitment, Roles: c.Role, City: c.City,
	}
	if c.AddTo != "" {
		request.Kind, request.Form = "", "" // the container's
	}
	err = service.SignASiC(env.ctx, request)
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: signed", c.Out)
}

type extendASiCCommand struct {
	folderFlag
	Level string `required:"" enum:"B-T,B-LT,B-LTA" help:"The level to reach: ${enum}. B-LTA on a B-LTA renews its archive timestamp."`
	In    string `required:"" placeholder:"A.asice" help:"The signed container."`
	Out   string `required:"" placeholder:"B.asice" help:"Where to write the extended container."`
}

// Help is shown by chop extend asic --help.
func (extendASiCCommand) Help() string {
	return `Uses no signer's key: it adds timestamps and proof of the certificates' status.

Example:
  chop extend asic --dir data --level B-LTA --in both.asice --out archived.asice`
}

func (c *extendASiCCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	err = service.ExtendASiC(env.ctx, signer.ExtendASiCRequest{Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: extended to %s", c.Out, c.Level)
}
