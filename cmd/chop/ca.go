package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strings"

	"chop/ca"
)

// caCommand is the CA operator's desk.
type caCommand struct {
	Issue   caIssueCommand          `cmd:"" help:"Issue a certificate for a certificate signing request (PKCS #10)."`
	Suspend caSuspendCommand        `cmd:"" help:"Put a certificate on hold at once; it can be resumed."`
	Resume  caResumeCommand         `cmd:"" help:"Take a certificate off hold."`
	Revoke  caRevokeCommand         `cmd:"" help:"Revoke a certificate for ever."`
	Status  caStatusCommand         `cmd:"" help:"Show a certificate's status."`
	Renew   caRenewResponderCommand `cmd:"" name:"renew-responder" help:"Replace the OCSP responder's key and certificate (RFC 6960)."`
	CRL     caCRLCommand            `cmd:"" name:"crl" help:"Write the certificate revocation list (RFC 5280)."`
}

// Help is shown by chop ca --help.
func (caCommand) Help() string {
	return `Examples:
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out req.pem \
      -subj "/C=HK/O=Lands Department/CN=Lands Department"
  chop ca issue --dir data --profile department-seal --csr req.pem --out cert.pem
  chop ca revoke --dir data --serial 5f0c… --reason keyCompromise
  chop ca status --dir data --serial 5f0c… --json
  chop ca crl --dir data --out issuing.crl
  chop ca renew-responder --dir data`
}

type caIssueCommand struct {
	folderFlag
	Profile string `required:"" help:"Certificate profile: department-seal or tsa-unit."`
	CSR     string `required:"" name:"csr" placeholder:"FILE" help:"The request, PEM or DER."`
	Out     string `required:"" placeholder:"FILE" help:"Where to write the certificate (PEM)."`
}

// Help is shown by chop ca issue --help.
func (caIssueCommand) Help() string {
	return `The request proves that whoever asks has the key. What it asks for is checked against the profile; the certificate is
recorded before it is signed. Residents' certificates are not issued here: they need the activation process's statement that
it made the key for this person.

Example:
  chop ca issue --dir data --profile department-seal --csr req.pem --out cert.pem`
}

func (c *caIssueCommand) Run(env *environment) (err error) {
	csr, err := os.ReadFile(c.CSR)
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(csr); block != nil {
		csr = block.Bytes
	}
	out, err := createOut(c.Out)
	if err != nil {
		return err
	}
	defer out.discard()
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	if p, err := app.policies.Profile(c.Profile); err == nil && p.NeedsStatement() {
		return fmt.Errorf("%w: profile %q is for residents, and a command line has none", ca.ErrStatement, c.Profile)
	}
	authority, err := app.authority(env.ctx)
	if err != nil {
		return err
	}
	cert, err := authority.Issue(env.ctx, ca.Request{Profile: c.Profile, CSR: csr, Actor: localActor()})
	if err != nil {
		return err
	}
	if err := out.commit(encodeCertificate(cert)); err != nil {
		return fmt.Errorf("the certificate %s is issued and recorded, but: %w", ca.FormatSerial(cert.SerialNumber), err)
	}
	serial := ca.FormatSerial(cert.SerialNumber)
	return env.print(map[string]string{"serial": serial, "file": c.Out, "not_after": cert.NotAfter.Format("2006-01-02T15:04:05Z")},
		"%s: certificate %s for %s, valid until %s", c.Out, serial, cert.Subject.CommonName, cert.NotAfter.Format("2 January 2006"))
}

// serialFlag names a certificate.
type serialFlag struct {
	Serial string `required:"" placeholder:"HEX" help:"The certificate's serial number, in hexadecimal."`
}

func (f serialFlag) parse() (*big.Int, error) {
	serial, err := ca.ParseSerial(f.Serial)
	return serial, unusable(err, "the serial is printed by `openssl x509 -serial -noout -in cert.pem`")
}

type (
	caSuspendCommand struct{ caStatusChange }
	caResumeCommand  struct{ caStatusChange }
	caRevokeCommand  struct{ caStatusChange }
)

// Help is shown by chop ca suspend --help.
func (caSuspendCommand) Help() string {
	return `OCSP answers say so at once, the next CRL says it too.

Example:
  chop ca suspend --dir data --serial 015f0c… --reason "the token is being looked for"`
}

// Help is shown by chop ca resume --help.
func (caResumeCommand) Help() string {
	return `Example:
  chop ca resume --dir data --serial 015f0c…`
}

// Help is shown by chop ca revoke --help.
func (caRevokeCommand) Help() string {
	return `What was signed and timestamped before stays valid; nothing signed afterwards is.

Example:
  chop ca revoke --dir data --serial 015f0c… --reason keyCompromise`
}

func (c *caSuspendCommand) Run(env *environment) error { return c.run(env, (*ca.Authority).Suspend) }
func (c *caResumeCommand) Run(env *environment) error  { return c.run(env, (*ca.Authority).Resume) }
func (c *caRevokeCommand) Run(env *environment) error  { return c.run(env, (*ca.Authority).Revoke) }

// caStatusChange is what suspend, resume and revoke have in common.
type caStatusChange struct {
	folderFlag
	serialFlag
	Reason string `help:"Why: a reason of RFC 5280 (keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn), or words for the record."`
}

func (c *caStatusChange) run(env *environment, act func(*ca.Authority, context.Context, string, *big.Int, ca.Reason) error) (err error) {
	serial, err := c.parse()
	if err != nil {
		return err
	}
	reason, err := ca.ParseReason(c.Reason)
	if err != nil {
		return unusable(err, "")
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.authority(env.ctx)
	if err != nil {
		return err
	}
	if err := act(authority, env.ctx, localActor(), serial, reason); err != nil {
		return err
	}
	return printStatus(env, authority, serial)
}

type caStatusCommand struct {
	folderFlag
	serialFlag
}

// Help is shown by chop ca status --help.
func (caStatusCommand) Help() string {
	return `Prints good, suspended, revoked or unknown. A serial that is not in this CA's records is unknown.

Example:
  chop ca status --dir data --serial 015f0c… --json`
}

func (c *caStatusCommand) Run(env *environment) (err error) {
	serial, err := c.parse()
	if err != nil {
		return err
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.authority(env.ctx)
	if err != nil {
		return err
	}
	return printStatus(env, authority, serial)
}

func printStatus(env *environment, authority *ca.Authority, serial *big.Int) error {
	status, err := authority.Status(env.ctx, serial)
	if err != nil {
		return err
	}
	hex := ca.FormatSerial(serial)
	return env.print(map[string]string{"serial": hex, "status": status.State}, "%s: %s", hex, statusText(status))
}

func statusText(s ca.Status) string {
	if s.Since.IsZero() {
		return s.State
	}
	return fmt.Sprintf("%s since %s", s.State, s.Since.UTC().Format("2006-01-02T15:04:05Z"))
}

type caCRLCommand struct {
	folderFlag
	Out string `required:"" placeholder:"FILE" help:"Where to write the base CRL: DER, or PEM if the name ends in .pem."`
}

// Help is shown by chop ca crl --help.
func (caCRLCommand) Help() string {
	return `Example:
  chop ca crl --dir data --out issuing.crl`
}

func (c *caCRLCommand) Run(env *environment) (err error) {
	out, err := createOut(c.Out)
	if err != nil {
		return err
	}
	defer out.discard()
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	authority, err := app.authority(env.ctx)
	if err != nil {
		return err
	}
	crl, err := authority.CRL(env.ctx)
	if err != nil {
		return err
	}
	if strings.HasSuffix(c.Out, ".pem") {
		crl = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl})
	}
	if err := out.commit(crl); err != nil {
		return err
	}
	return env.print(map[string]any{"file": c.Out, "bytes": len(crl)}, "%s: written, %d bytes", c.Out, len(crl))
}
