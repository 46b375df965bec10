package main

import (
	"chop/signer"
	"chop/signer/jades"
)

type signJSONCommand struct {
	folderFlag
	Credential   string   `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	Policy       string   `placeholder:"P" help:"Signature policy: jades-seal (default)."`
	Level        string   `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policy's, B-LT; B-B if compact."`
	Compact      bool     `xor:"form" help:"The compact serialisation: one line, for a URL or a header. It has no place for timestamps, so it is B-B."`
	General      bool     `xor:"form" help:"The general JSON serialisation, a list of signatures, instead of the flattened one."`
	Detached     bool     `help:"Leave the document out; the signature names it and has its digest."`
	AddTo        string   `placeholder:"FILE" help:"Add the signature to those in this signed file, over the same content."`
	On           string   `placeholder:"NAME" help:"With --add-to: sign the signature of this name there, as chop validate prints it (\"Signature 1\"), in place of the content."`
	Commitment   string   `default:"" enum:",origin,approval,creation" help:"What the signer commits to: origin, approval or creation."`
	Role         []string `placeholder:"T" help:"A role that the signer claims. Repeatable."`
	City         string   `placeholder:"T" help:"Where it is signed."`
	declareFlags `embed:""`
	In           string `placeholder:"F.json" help:"The document; any file. Not needed with --on, unless what it signs is detached."`
	Out          string `required:"" placeholder:"F.jws" help:"Where to write the signature, and the document in it unless it is detached; replaced whole or left alone."`
}

// Help is shown by chop sign json --help.
func (signJSONCommand) Help() string {
	return `Signs the file's bytes as they are, in a JSON web signature (JAdES, ETSI TS 119 182-1). Exit code 2: this document cannot
be signed so, and nothing was written.

Examples:
  chop sign json --dir data --credential 0199… --in record.json --out record.jws
  chop sign json --dir data --credential 0199… --level B-B --compact --in claim.json --out claim.jws
  chop sign json --dir data --credential 0199… --level B-LTA --detached --in plan.dwg --out plan.jws
  chop sign json --dir data --credential 0199… --add-to plan.jws --in plan.dwg --out plan.jws
  chop sign json --dir data --credential 0199… --add-to record.jws --on "Signature 1" --out record.jws`
}

func (c *signJSONCommand) Run(env *environment) (err error) {
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
	request := signer.JSONRequest{
		Credential: c.Credential, Policy: c.Policy, Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out,
		Detached: c.Detached, Beside: c.AddTo, On: c.On, Commitment: jades.Commitment(commitments[c.Commitment]), Roles: c.Role, Place: jades.Place{City: c.City}, Declared: declared,
	}
	switch {
	case c.Compact:
		request.Serialization = jades.Compact
		if c.Level == "" {
			request.Level = "B-B"
		}
	case c.General:
		request.Serialization = jades.General
	}
	if err := service.SignJSON(env.ctx, request); err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: signed", c.Out)
}

type extendJSONCommand struct {
	folderFlag
	Level    string `required:"" enum:"B-T,B-LT,B-LTA" help:"The level to reach: ${enum}. B-LTA on a B-LTA renews its archive timestamp."`
	Detached string `placeholder:"FILE" help:"The file that a detached signature covers."`
	In       string `required:"" placeholder:"A.jws" help:"The signature; a compact one becomes JSON."`
	Out      string `required:"" placeholder:"B.jws" help:"Where to write the extended signature."`
}

// Help is shown by chop extend json --help.
func (extendJSONCommand) Help() string {
	return `Uses no signer's key: it adds timestamps and proof of the certificates' status.

Examples:
  chop extend json --dir data --level B-LTA --in record.jws --out archived.jws
  chop extend json --dir data --level B-LTA --detached plan.dwg --in plan.jws --out archived.jws`
}

func (c *extendJSONCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	service, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	err = service.ExtendJSON(env.ctx, signer.ExtendJSONRequest{Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out, Detached: c.Detached})
	if err != nil {
		return err
	}
	return env.print(map[string]string{"file": c.Out}, "%s: extended to %s", c.Out, c.Level)
}
