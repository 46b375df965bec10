package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"chop/registration/immd"
)

// immdReferenceCommand stands in for the Immigration Department.
type immdReferenceCommand struct {
	folderFlag
	referencePeople
	Listen string `default:"127.0.0.1:8444" placeholder:"HOST:PORT" help:"TCP address to listen on."`
	Fault  string `placeholder:"FAULT" help:"What to do wrong: down, refusing, slow, wrong-signature, unknown-key, other-question, replay, old-answer, garbage, endless."`
	Tell   string `placeholder:"FAULT" help:"Tell the server that runs what to do wrong from now on, or 'none', and end."`
	People bool   `help:"List the made-up people and end."`
}

// referencePeople is the register of made-up people.
type referencePeople struct {
	Seed  string `default:"chop" help:"What the made-up people are drawn from."`
	Count int    `default:"10000" help:"How many there are, from 10 to 1000000."`
}

func (p referencePeople) register() ([]immd.Person, error) {
	if p.Count < 10 || p.Count > 1_000_000 {
		return nil, unusable(fmt.Errorf("--count %d", p.Count), "choose from 10 to 1000000")
	}
	return immd.Register(now(), p.Seed, p.Count), nil
}

// Help is shown by chop immd-reference --help.
func (immdReferenceCommand) Help() string {
	return `Answers verifications and portrait matches as the Immigration Department would, over mutual TLS, with signed answers, about
10,000 people who do not exist: ten that are always the same, and others drawn from a seed. A portrait match is answered by a rule
in the person's record; no face is looked at. It can be told to do wrong, at the start or while it runs. For trying out and
for tests; a real appliance is configured with the real address (immigration in chop.yaml).

Examples:
  chop immd-reference --dir data --people
  chop immd-reference --dir data --fault slow
  chop immd-reference --dir data --tell wrong-signature
  chop immd-reference --dir data --tell none`
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
	if c.Tell != "" {
		return app.tellReference(env, c.Tell)
	}
	people, err := c.register()
	if err != nil {
		return err
	}
	if fault := immd.Fault(c.Fault); fault != immd.Honest && !slices.Contains(immd.Faults, fault) {
		return unusable(fmt.Errorf("--fault: %w", immd.ErrFault), fmt.Sprintf("choose one of %s", immd.Faults))
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return hinted{fmt.Errorf("serve the immigration reference: %w", err), "another program has that address; choose one with --listen", 1}
	}
	fmt.Fprintf(env.out, "answering as the Immigration Department on https://%s about %d people; Ctrl-C ends it\n", listener.Addr(), len(people))
	return app.serveReference(env.ctx, listener, immd.ReferenceConfig{People: people, Fault: immd.Fault(c.Fault)})
}

// tellReference tells the reference server of this data folder what to do wrong.
func (a *appliance) tellReference(env *environment, fault string) error {
	config, err := a.immigrationTLS(env.ctx)
	if err != nil {
		return err
	}
	if fault == "none" {
		fault = string(immd.Honest)
	}
	body, err := json.Marshal(map[string]string{"fault": fault})
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(env.ctx, http.MethodPost, "https://"+a.referenceAddress()+"/v1/fault", bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return hinted{fmt.Errorf("tell the immigration reference: %w", err), "start it with chop immd-reference", 1}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return unusable(fmt.Errorf("tell the immigration reference: %w", immd.ErrFault), fmt.Sprintf("choose one of none, %s", immd.Faults))
	}
	return env.print(map[string]string{"fault": fault}, "told")
}

func (c *immdReferenceCommand) list(env *environment) error {
	people, err := c.register()
	if err != nil {
		return err
	}
	if env.json {
		return env.print(people, "")
	}
	for _, p := range people {
		fmt.Fprintf(env.out, "%-12s %-28s %-8s born %s  issued %s  %s\n", p.Card.Number.Secret(), p.Card.EnglishName(),
			p.Card.ChineseName, p.Card.Birth, p.Card.Issued, p.Note)
	}
	return nil
}
