package main

import (
	"fmt"
	"net"

	"chop/registration/immd"
)

// immdReferenceCommand stands in for the Immigration Department.
type immdReferenceCommand struct {
	folderFlag
	Listen string `default:"127.0.0.1:8444" placeholder:"HOST:PORT" help:"TCP address to listen on."`
	People bool   `help:"List the made-up people and end."`
}

// Help is shown by chop immd-reference --help.
func (immdReferenceCommand) Help() string {
	return `Answers verifications as the Immigration Department would, over mutual TLS, with signed answers, about ten people who do not
exist. For trying out and for tests; a real appliance is configured with the real address (immigration in chop.yaml).

Example:
  chop immd-reference --dir data --people`
}

func (c *immdReferenceCommand) Run(env *environment) (err error) {
	if c.People {
		return c.list(env)
	}
	app, err := openAppliance(env, c.Dir)
	if err != nil {
		return err
	}
	defer app.closeInto(&err)
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return hinted{fmt.Errorf("serve the immigration reference: %w", err), "another program has that address; choose one with --listen", 1}
	}
	fmt.Fprintf(env.out, "answering as the Immigration Department on https://%s; Ctrl-C ends it\n", listener.Addr())
	return app.serveReference(env.ctx, listener)
}

func (c *immdReferenceCommand) list(env *environment) error {
	people := immd.People(now())
	if env.json {
		return env.print(people, "")
	}
	for _, p := range people {
		fmt.Fprintf(env.out, "%-12s %-28s %-8s born %s  issued %s  %s\n", p.Card.Number.Secret(), p.Card.EnglishName(),
			p.Card.ChineseName, p.Card.Birth, p.Card.Issued, p.Note)
	}
	return nil
}
