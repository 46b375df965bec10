package main

import (
	"errors"
	"fmt"
	"net"

	"chop/hsm"
	"chop/internal/supervisor"
)

// serveCommand runs the appliance's servers and its housekeeping.
type serveCommand struct {
	folderFlag
	Listen        string `placeholder:"HOST:PORT" help:"TCP address to listen on, instead of the configured one."`
	OfficerListen string `name:"officer-listen" placeholder:"HOST:PORT" help:"TCP address of the officers' desk, instead of the configured one; none: no desk."`
	KioskListen   string `name:"kiosk-listen" placeholder:"HOST:PORT" help:"TCP address of the kiosks, instead of the configured one; none: no kiosks."`
}

// Help is shown by chop serve --help.
func (serveCommand) Help() string {
	return `Serves until SIGINT or SIGTERM, then lets running requests end. Certificates, signatures and status changes made by
other commands on the same folder show within seconds.

If a token refuses its PIN, it ends with exit code 78: whoever started it again would have the token lock itself.

Started by root, it runs what answers the network, and each token, as users of their own (roles.first_uid in chop.yaml).

Example:
  chop serve --dir data --listen 127.0.0.1:8080`
}

// forGood gives an error after which nobody must start the server again an exit code that a service manager can know.
func forGood(err error) error {
	if errors.Is(err, hsm.ErrPIN) {
		_, hint := explain(err)
		return hinted{err, hint, supervisor.ExitFinal}
	}
	return err
}

func (c *serveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	turn, served := app.folder.serveAlone(env.ctx) // first, so that a killed server has left the address
	if served == nil {
		defer turn.Close()
	}
	address := app.config.Listen
	if c.Listen != "" {
		address = c.Listen
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return hinted{fmt.Errorf("serve: %w", err), "another program has that address; choose one with --listen", 1}
	}
	if served != nil {
		listener.Close()
		return served
	}
	if c.OfficerListen != "" {
		app.config.OfficerListen = c.OfficerListen
	}
	if c.KioskListen != "" {
		app.config.KioskListen = c.KioskListen
	}
	d := doors{public: listener}
	if d.officers, err = app.listenDesk(); err == nil {
		d.kiosks, err = app.listenKiosks()
	}
	if err == nil {
		d.departments, err = app.listenDepartments()
	}
	if err != nil {
		d.close()
		return err
	}
	defer func() { err = forGood(err) }()
	fmt.Fprintf(env.out, "serving on http://%s for %s; Ctrl-C ends it\n", listener.Addr(), app.config.PublicURL)
	return app.serve(env.ctx, turn, d)
}
