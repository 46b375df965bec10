package main

import (
	"fmt"
	"net"
)

// serveCommand runs the appliance's servers and its housekeeping.
type serveCommand struct {
	folderFlag
	Listen        string `placeholder:"HOST:PORT" help:"TCP address to listen on, instead of the configured one."`
	OfficerListen string `name:"officer-listen" placeholder:"HOST:PORT" help:"TCP address of the officers' desk, instead of the configured one; none: no desk."`
}

// Help is shown by chop serve --help.
func (serveCommand) Help() string {
	return `Serves until SIGINT or SIGTERM, then lets running requests end. Certificates, signatures and status changes made by
other commands on the same folder show within seconds.

Example:
  chop serve --dir data --listen 127.0.0.1:8080`
}

func (c *serveCommand) Run(env *environment) (err error) {
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	address := app.config.Listen
	if c.Listen != "" {
		address = c.Listen
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return hinted{fmt.Errorf("serve: %w", err), "another program has that address; choose one with --listen", 1}
	}
	if c.OfficerListen != "" {
		app.config.OfficerListen = c.OfficerListen
	}
	desk, err := app.listenDesk()
	if err != nil {
		listener.Close()
		return err
	}
	fmt.Fprintf(env.out, "serving on http://%s for %s; Ctrl-C ends it\n", listener.Addr(), app.config.PublicURL)
	return app.serve(env.ctx, listener, desk)
}
