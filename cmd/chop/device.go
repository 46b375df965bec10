package main

import (
	"errors"
	"fmt"

	"chop/signer"
	"chop/signer/approval/device"
)

// deviceCommand is a scripted device: for whoever has no browser with passkeys and PRF, and for trying things out.
type deviceCommand struct {
	Approve deviceApproveCommand `cmd:"" help:"Look at what waits for an approval, and approve it."`
	Decline deviceDeclineCommand `cmd:"" help:"Decline it."`
	Enrol   deviceEnrolCommand   `cmd:"" help:"Set the device up at a counter: its passkey is made, and the key sealed for it."`
	Sign    deviceSignCommand    `cmd:"" help:"Let the demo's resident sign another form, from asking to the signed file."`
}

// deviceFlags name a device's file and the approval origin.
type deviceFlags struct {
	File   string `required:"" placeholder:"FILE" type:"path" help:"The device: whoever has this file can approve. Made if it is absent."`
	Origin string `default:"http://approve.localhost:8080" placeholder:"URL" help:"The approval origin."`
}

func (f deviceFlags) page() (*device.Page, error) {
	d, err := device.Open(f.File)
	if err != nil {
		return nil, err
	}
	return &device.Page{Device: d, Origin: f.Origin}, nil
}

type deviceApproveCommand struct {
	deviceFlags
	Code string `help:"The four digits that the other screen shows; another code is declined."`
	Tx   string `arg:"" help:"The transaction: what follows #sign/ in the approval page's address."`
}

// Help is shown by chop device approve --help.
func (deviceApproveCommand) Help() string {
	return `Downloads the documents, compares them with what would be signed, and approves with the file's passkey. It asks nobody: it is for
scripts and trials, not for a resident's own key.

Example:
  chop device approve --file phone.json --code 0417 Zm9vYmFyZm9vYmFyZm9vYg`
}

func (c *deviceApproveCommand) Run(env *environment) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	page.Show = func(r device.Request) error {
		fmt.Fprintf(env.out, "%s asks for a signature, code %s\n", r.Service.Name, r.Code)
		for _, d := range r.Documents {
			fmt.Fprintf(env.out, "  %s, %d bytes\n", d.Name, len(d.PDF))
		}
		if c.Code != "" && c.Code != r.Code {
			return errors.New("the code is another one: declined")
		}
		return nil
	}
	if err := page.Sign(env.ctx, c.Tx); err != nil {
		return err
	}
	return env.print(map[string]string{"state": "approved"}, "approved")
}

type deviceDeclineCommand struct {
	deviceFlags
	NotMe bool   `name:"not-me" help:"Say that you did not ask for this: signing is suspended at once."`
	Tx    string `arg:"" help:"The transaction."`
}

// Help is shown by chop device decline --help.
func (deviceDeclineCommand) Help() string {
	return `Example:
  chop device decline --file phone.json --not-me Zm9vYmFyZm9vYmFyZm9vYg`
}

func (c *deviceDeclineCommand) Run(env *environment) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	reason := "declined"
	if c.NotMe {
		reason = "not-me"
	}
	if err := page.Decline(env.ctx, c.Tx, reason); err != nil {
		return err
	}
	return env.print(map[string]string{"state": "declined"}, "declined")
}

type deviceEnrolCommand struct {
	deviceFlags
	Number    string `required:"" help:"The two digits that the counter shows."`
	Enrolment string `arg:"" help:"The enrolment: what follows #enrol/ in the approval page's address."`
}

// Help is shown by chop device enrol --help.
func (deviceEnrolCommand) Help() string {
	return `Waits for the officer's ticket after the passkey was made.

Example:
  chop device enrol --file phone.json --number 47 Zm9vYmFyZm9vYmFyZm9vYg`
}

func (c *deviceEnrolCommand) Run(env *environment) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	if err := page.Enrol(env.ctx, c.Enrolment, c.Number); err != nil {
		return err
	}
	return env.print(map[string]string{"state": "made"}, "the key is made; the certificate follows")
}

type deviceSignCommand struct {
	folderFlag
}

// Help is shown by chop device sign --help.
func (deviceSignCommand) Help() string {
	return `Needs "chop demo" or "chop serve" running on the folder, and the resident whom the demo made.

Example:
  chop device sign --dir data`
}

func (c *deviceSignCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	say := func(format string, args ...any) { fmt.Fprintf(env.out, format+"\n", args...) }
	err = app.residentJob(env.ctx, say)
	if errors.Is(err, signer.ErrBusy) {
		return hinted{err, "an approval waits for this device already: approve or decline it, or wait five minutes", 1}
	}
	return err
}
