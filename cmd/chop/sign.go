package main

import (
	"fmt"
	"strconv"
	"strings"

	"chop/signer"
	"chop/signer/pades"
)

// signCommand signs documents.
type signCommand struct {
	PDF  signPDFCommand  `cmd:"" name:"pdf" help:"Sign a PDF (PAdES)."`
	XML  signXMLCommand  `cmd:"" name:"xml" help:"Sign an XML document, or any file by one (XAdES)."`
	CMS  signCMSCommand  `cmd:"" name:"cms" help:"Sign any file (CAdES)."`
	ASiC signASiCCommand `cmd:"" name:"asic" help:"Sign one or more files in a container (ASiC)."`
	JSON signJSONCommand `cmd:"" name:"json" help:"Sign a JSON document, or any file, in JSON (JAdES)."`

	Batch signBatchCommand `cmd:"" help:"Sign all files of a folder; go on where an earlier run ended."`
}

type signPDFCommand struct {
	folderFlag
	Credential string `required:"" placeholder:"ID" help:"The seal's id (chop seal list)."`
	Policy     string `placeholder:"P" help:"Signature policy: pades-seal (default) or adobe-legacy."`
	Level      string `placeholder:"LEVEL" help:"B-B, B-T (timestamp), B-LT (with proof of the certificates' status) or B-LTA (with an archive timestamp). Default: the policy's, B-LT."`
	Certify    bool   `help:"Make it a certification: afterwards only forms may be filled in and signatures added. Must be the first signature."`
	Field      string `placeholder:"NAME" help:"Sign this existing, empty signature field."`
	Visible    string `placeholder:"PAGE,X,Y,W,H" help:"Draw the signature there, in points from the lower left corner."`
	Reason     string `placeholder:"T" help:"Why it is signed."`
	Location   string `placeholder:"T" help:"Where it is signed."`
	In         string `required:"" placeholder:"A.pdf" help:"The document."`
	Out        string `required:"" placeholder:"B.pdf" help:"Where to write the signed document; it is replaced whole or left alone."`
}

// Help is shown by chop sign pdf --help.
func (signPDFCommand) Help() string {
	return `The original bytes stay as they are; everything is added behind them. Exit code 2: this file cannot be signed, and nothing
was written.

Examples:
  chop sign pdf --dir data --credential 0199… --in letter.pdf --out signed.pdf
  chop sign pdf --dir data --credential 0199… --level B-LTA --visible 1,340,60,200,80 --reason 批准 --in a.pdf --out b.pdf`
}

func (c *signPDFCommand) Run(env *environment) (err error) {
	request := signer.PDFRequest{
		Credential: c.Credential, Policy: c.Policy, Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out,
		Field: c.Field, Reason: c.Reason, Location: c.Location,
	}
	if c.Certify {
		request.Certify = pades.FormsAndSigning
	}
	if c.Visible != "" {
		if request.Place, err = parsePlace(c.Visible); err != nil {
			return unusable(err, "for example --visible 1,340,60,200,80: page 1, 340 and 60 points from the lower left corner, 200 wide, 80 high")
		}
	}
	return c.sealing(env, func(service *signer.Service) error {
		if err := service.SignPDF(env.ctx, request); err != nil {
			return err
		}
		return env.print(map[string]string{"file": c.Out}, "%s: signed", c.Out)
	})
}

// parsePlace reads PAGE,X,Y,W,H.
func parsePlace(s string) (*signer.Place, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 5 {
		return nil, fmt.Errorf("--visible %q: five numbers are wanted, PAGE,X,Y,W,H", s)
	}
	page, err := strconv.Atoi(strings.TrimSpace(parts[0]))
	if err != nil || page < 1 {
		return nil, fmt.Errorf("--visible %q: the page is a number from 1", s)
	}
	place := &signer.Place{Page: page}
	for i, to := range []*float64{&place.X, &place.Y, &place.Width, &place.Height} {
		if *to, err = strconv.ParseFloat(strings.TrimSpace(parts[i+1]), 64); err != nil {
			return nil, fmt.Errorf("--visible %q: %q is not a number", s, parts[i+1])
		}
	}
	return place, nil
}

// extendCommand raises the level of what is signed already.
type extendCommand struct {
	PDF  extendPDFCommand  `cmd:"" name:"pdf" help:"Extend a signed PDF."`
	XML  extendXMLCommand  `cmd:"" name:"xml" help:"Extend a signed XML document."`
	CMS  extendCMSCommand  `cmd:"" name:"cms" help:"Extend a file that is signed with CAdES."`
	ASiC extendASiCCommand `cmd:"" name:"asic" help:"Extend a signed container."`
	JSON extendJSONCommand `cmd:"" name:"json" help:"Extend a JSON web signature."`
}

type extendPDFCommand struct {
	folderFlag
	Level string `required:"" enum:"B-T,B-LT,B-LTA" help:"The level to reach: ${enum}. B-LTA on a B-LTA renews its archive timestamp."`
	In    string `required:"" placeholder:"A.pdf" help:"The signed document."`
	Out   string `required:"" placeholder:"B.pdf" help:"Where to write the extended document."`
}

// Help is shown by chop extend pdf --help.
func (extendPDFCommand) Help() string {
	return `Uses no signer's key: it adds timestamps and proof of the certificates' status.

Example:
  chop extend pdf --dir data --level B-LTA --in signed.pdf --out archived.pdf`
}

func (c *extendPDFCommand) Run(env *environment) error {
	return c.sealing(env, func(service *signer.Service) error {
		if err := service.ExtendPDF(env.ctx, signer.ExtendRequest{Level: c.Level, Operator: localActor(), In: c.In, Out: c.Out}); err != nil {
			return err
		}
		return env.print(map[string]string{"file": c.Out}, "%s: extended to %s", c.Out, c.Level)
	})
}
