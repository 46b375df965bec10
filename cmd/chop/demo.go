package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"chop/internal/audit"
	"chop/signer"
	"chop/signer/pades"
	"chop/validation"
)

// demoCommand is the appliance's main job, from nothing.
type demoCommand struct {
	folderFlag
	Once bool   `help:"End after the job instead of serving on."`
	In   string `placeholder:"FILE.pdf" help:"The PDF to sign; by default a sample form is made."`
}

// Help is shown by chop demo --help.
func (demoCommand) Help() string {
	return `Creates the appliance in DIR if it is not there, makes a department's seal, signs a PDF at B-LT, validates it, and
serves until Ctrl-C. Run again, it carries on with what is there.

Example:
  chop demo --dir data --once --in letter.pdf`
}

const demoDepartment = "Transport Department (demo)"

func (c *demoCommand) Run(env *environment) (err error) {
	f := folder(c.Dir)
	say := func(format string, args ...any) { fmt.Fprintf(env.out, format+"\n", args...) }
	if err := f.create(); err != nil {
		return err
	}
	turn, err := f.serveAlone(env.ctx)
	if err != nil {
		return err
	}
	defer turn.Close()
	listener, err := c.listen(f, say)
	if err != nil {
		return err
	}
	defer listener.Close()

	say("1. The appliance in %s", shown(c.Dir))
	done, err := initialise(env.ctx, f, func(conf *config) {
		conf.Listen = listener.Addr().String()
		conf.PublicURL = localURL(listener)
	}, env.log)
	if err != nil {
		return err
	}
	for _, d := range done {
		say("   made: %s", d)
	}
	if len(done) == 0 {
		say("   is there, carrying on with it")
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)

	desk, err := app.demoDesk(say)
	if err != nil {
		return err
	}
	serving := make(chan error, 1)
	ctx, stop := context.WithCancel(env.ctx)
	defer stop()
	go func() { serving <- app.serve(ctx, turn, doors{public: listener, officers: desk}) }()
	end := func() error { // a server that was still starting says that it was stopped: so it was, by us
		stop()
		if err := <-serving; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
	if err := c.job(env, app, say); err != nil {
		return errors.Join(err, end())
	}
	if err := c.resident(ctx, app, listener, say); err != nil {
		return errors.Join(err, end())
	}
	if c.Once {
		return end()
	}
	say("\nServing on http://%s until Ctrl-C.", listener.Addr())
	say("   Residents:      %s", app.config.portalURL())
	say("   Approving:      %s   (a phone's signing page; its own origin and process)", app.config.approveURL())
	say("   Relying parties: %s/pki", app.config.PublicURL)
	if desk != nil {
		say("   Officers:       %s   (needs a client certificate: chop officer propose --help says how)", app.config.deskOrigin())
	}
	say("   Another signature by the scripted resident: bin/chop device sign --dir %s", shown(c.Dir))
	return <-serving
}

// resident lets the demo's resident sign. Passkeys belong to an address: at another port than the configured one there
// are none.
func (c *demoCommand) resident(ctx context.Context, app *appliance, listener net.Listener, say func(string, ...any)) error {
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	if u, err := url.Parse(app.config.approveURL()); err != nil || u.Port() != port {
		say("5. No resident signs this time: their devices know %s only.", app.config.approveURL())
		return err
	}
	if err := app.awaitServing(ctx); err != nil {
		return err
	}
	if err := app.residentJob(ctx, say); err != nil {
		return err
	}
	return app.demoVerdict(ctx, app.folder.path("out", "resident-signed.pdf"), say)
}

// job signs and validates one PDF.
func (c *demoCommand) job(env *environment, app *appliance, say func(string, ...any)) error {
	in := c.In
	place := &signer.Place{Page: 1, X: 210, Y: 300, Width: 330, Height: 80}
	field := ""
	if in == "" {
		in = app.folder.path("out", "form.pdf")
		if err := writeFile(in, sampleForm(), 0o644); err != nil {
			return err
		}
		place, field = nil, "Signature"
	}
	sealing, err := app.sealing(env.ctx)
	if err != nil {
		return err
	}
	say("2. The seal of the %s", demoDepartment)
	credential, err := app.demoSeal(env.ctx)
	if err != nil {
		return err
	}
	say("   its key was made in the HSM and left it wrapped; certificate %s", credential.Serial)

	out := app.folder.path("out", "signed.pdf")
	say("3. Signing %s", shown(in))
	request := signer.PDFRequest{
		Credential: credential.ID, Level: "B-LT", Operator: localActor(), In: in, Out: out,
		Place: place, Field: field, Reason: "Issued under the sample policy", Location: "Hong Kong 香港",
	}
	err = sealing.SignPDF(env.ctx, request)
	if errors.Is(err, pades.ErrAppearance) {
		say("   there is no room on its first page for a visible signature: it gets an invisible one")
		request.Place = nil
		err = sealing.SignPDF(env.ctx, request)
	}
	if err != nil {
		return err
	}
	say("   %s is signed: one use of the key, one timestamp, and the proof of the certificates' status inside", shown(out))

	say("4. Validating it, as whoever receives it would")
	if err := app.demoVerdict(env.ctx, out, say); err != nil {
		return err
	}
	root := app.folder.path("public", "root.pem")
	if _, err := audit.Sequence(env.ctx, app.db); err != nil {
		return err
	}
	say("\nFiles: %s (signed), %s (trust this root to check it elsewhere)", shown(out), shown(root))
	say("Try:   bin/chop validate --trust %s %s", shown(root), shown(out))
	return nil
}

// listen takes the configured port, or any other if that is taken.
func (c *demoCommand) listen(f folder, say func(string, ...any)) (net.Listener, error) {
	conf, err := f.open()
	if errors.Is(err, errNoAppliance) {
		conf, err = defaultConfig(), nil
	}
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", conf.Listen)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, _, _ := net.SplitHostPort(conf.Listen)
	listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	say("%s is taken by another program: using %s instead.", conf.Listen, listener.Addr())
	if _, err := os.Stat(f.config()); !errors.Is(err, fs.ErrNotExist) {
		say("The certificates made before point at %s, where they will not be answered this time.", conf.PublicURL)
	}
	return listener, nil
}

// demoDesk takes the officers' address, or none if it is taken.
func (a *appliance) demoDesk(say func(string, ...any)) (net.Listener, error) {
	desk, err := a.listenDesk()
	if errors.Is(err, syscall.EADDRINUSE) {
		say("%s is taken by another program: there is no officers' desk this time.", a.config.OfficerListen)
		return nil, nil
	}
	return desk, err
}

// localURL is what a new appliance's certificates carry: this machine, at the port that was found free.
func localURL(listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // a listener's address always has a port
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}).String()
}

// demoVerdict validates a file with nothing but the root.
func (a *appliance) demoVerdict(ctx context.Context, file string, say func(string, ...any)) error {
	doc, err := os.Open(file)
	if err != nil {
		return err
	}
	defer doc.Close()
	info, err := doc.Stat()
	if err != nil {
		return err
	}
	root := a.folder.path("public", "root.pem")
	anchors, err := readCertificates([]string{root})
	if err != nil {
		return err
	}
	v, err := newValidator(anchors, nil)
	if err != nil {
		return err
	}
	report, err := v.Validate(ctx, doc, info.Size(), validation.Options{})
	if err != nil {
		return err
	}
	say("   %s", strings.ReplaceAll(reportText(shown(file), report), "\n", "\n   "))
	if !report.Passed() {
		return fmt.Errorf("the demo's own signature did not pass")
	}
	return nil
}
