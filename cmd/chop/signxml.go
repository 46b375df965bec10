package main

import (
	"chop/signer"
	"chop/signer/xades"
)

type signXMLCommand struct {
	folderFlag
	Credential   string   `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	Policy       string   `placeholder:"P" help:"Signature policy: xades-seal (default)."`
	Level        string   `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policy's, B-LT."`
	Packaging    string   `default:"enveloped" enum:"enveloped,enveloping,detached" help:"Where the signature stands: within the document, around it, or in a file of its own (${enum})."`
	C14N         string   `name:"c14n" default:"" enum:",exclusive,inclusive" help:"Canonical form, inclusive or exclusive. Exclusive leaves namespaces that only content uses unsigned, and is the default for detached only."`
	AddTo        string   `placeholder:"FILE" help:"With --on: the signed document."`
	On           string   `placeholder:"ID" help:"With --add-to: sign the signature of this id there, as chop validate prints it, in place of a document."`
	Commitment   string   `default:"" enum:",origin,approval,creation" help:"What the signer commits to: origin, approval or creation."`
	Role         []string `placeholder:"T" help:"A role that the signer claims. Repeatable."`
	City         string   `placeholder:"T" help:"Where it is signed."`
	declareFlags `embed:""`
	In           string `placeholder:"A.xml" help:"The document; any file, unless it is enveloped. Not needed with --on, unless what it signs is detached."`
	Out          string `required:"" placeholder:"B.xml" help:"Where to write the signed document; it is replaced whole or left alone."`
}

// Help is shown by chop sign xml --help.
func (signXMLCommand) Help() string {
	return `The bytes of the document stay as they are, and so does every earlier signature in it. Exit code 2: this document cannot
be signed, and nothing was written.

Examples:
  chop sign xml --dir data --credential 0199… --in record.xml --out signed.xml
  chop sign xml --dir data --credential 0199… --packaging detached --level B-LTA --in plan.dwg --out plan.xml
  chop sign xml --dir data --credential 0199… --add-to signed.xml --on chop-5f0c… --out signed.xml`
}

// commitments are the words of --commitment.
var commitments = map[string]xades.Commitment{
	"origin": xades.ProofOfOrigin, "approval": xades.ProofOfApproval, "creation": xades.ProofOfCreation,
}

func (c *signXMLCommand) Run(env *environment) error {
	declared, err := c.policy()
	if err != nil {
		return err
	}
	return c.sealing(env, func(service *signer.Service) error {
		err := service.SignXML(env.ctx, signer.XMLRequest{
			Credential: c.Credential, Policy: c.Policy, Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out, Beside: c.AddTo, On: c.On,
			Packaging: xades.Packaging(c.Packaging), C14N: xades.C14N(c.C14N), Commitment: commitments[c.Commitment],
			Roles: c.Role, Place: xades.Place{City: c.City}, Declared: declared,
		})
		if err != nil {
			return err
		}
		return env.print(map[string]string{"file": c.Out}, "%s: signed", c.Out)
	})
}

type extendXMLCommand struct {
	folderFlag
	Level    string `required:"" enum:"B-T,B-LT,B-LTA" help:"The level to reach: ${enum}. B-LTA on a B-LTA renews its archive timestamp."`
	Detached string `placeholder:"FILE" help:"The file that a detached signature covers."`
	In       string `required:"" placeholder:"A.xml" help:"The signed document."`
	Out      string `required:"" placeholder:"B.xml" help:"Where to write the extended document."`
}

// Help is shown by chop extend xml --help.
func (extendXMLCommand) Help() string {
	return `Uses no signer's key: it adds timestamps and proof of the certificates' status.

Example:
  chop extend xml --dir data --level B-LTA --in signed.xml --out archived.xml`
}

func (c *extendXMLCommand) Run(env *environment) error {
	return c.sealing(env, func(service *signer.Service) error {
		err := service.ExtendXML(env.ctx, signer.ExtendXMLRequest{Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out, Detached: c.Detached})
		if err != nil {
			return err
		}
		return env.print(map[string]string{"file": c.Out}, "%s: extended to %s", c.Out, c.Level)
	})
}
