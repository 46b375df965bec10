// Command chop-card plays identity cards of people who do not exist, in the
// virtual reader of pcscd (vpcd): for tests, for trying out and for the demo.
// docs/hkic-card.md is the protocol; it is a stand-in, as the card is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
)

type commandLine struct {
	Issuer issuerCommand `cmd:"" help:"Make a made-up issuer in a folder: country CA and document signer."`
	People peopleCommand `cmd:"" help:"List the made-up people whose cards can be made."`
	Insert insertCommand `cmd:"" help:"Put a card into the virtual reader, until Ctrl-C."`
}

const description = `Plays made-up identity cards in pcscd's virtual reader.

Examples:
  chop-card issuer --dir cards
  chop-card people
  chop-card insert --dir cards --person 1
  chop-card insert --dir cards --person 9 --kind replaced
  chop-card insert --dir cards --person 1 --pull-out 3`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line: 0 done, 1 failed, 2 bad usage.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var cli commandLine
	exit := -1
	k, err := kong.New(&cli, kong.Name("chop-card"), kong.Description(description), kong.UsageOnError(), kong.Writers(out, errOut),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintf(errOut, "chop-card: %v\nhint: this is a defect of chop-card: please report it\n", err)
		return 1
	}
	kctx, err := k.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(errOut, "chop-card: %v\nhint: `chop-card --help` shows the forms of the command\n", err)
		return 2
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	kctx.BindTo(out, (*io.Writer)(nil))
	if err := kctx.Run(); err != nil {
		fmt.Fprintf(errOut, "chop-card: %v\nhint: %s\n", err, hint(err))
		return 1
	}
	return 0
}

func hint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "`chop-card issuer --dir DIR` makes an issuer; --person takes a number of `chop-card people` or a file"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "start pcscd with the virtual reader: apt-get install pcscd vsmartcard-vpcd; pcscd --foreground"
	}
	return "`chop-card people` says whose cards there are; only those with an earlier card can have --kind replaced"
}

type issuerCommand struct {
	Dir string `required:"" type:"path" placeholder:"DIR" help:"Folder of the issuer."`
}

func (c issuerCommand) Run(out io.Writer) error {
	if _, err := issuer.Load(c.Dir); err == nil {
		fmt.Fprintf(out, "there is an issuer; readers trust %s\n", filepath.Join(c.Dir, issuer.CountryFile))
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	i, err := issuer.New(time.Now())
	if err == nil {
		err = i.Save(c.Dir)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "made; readers trust %s\n", filepath.Join(c.Dir, issuer.CountryFile))
	return nil
}

type peopleCommand struct{}

func (peopleCommand) Run(out io.Writer) error {
	for i, p := range immd.People(time.Now()) {
		fmt.Fprintf(out, "%4d  %-28s %s\n", i+1, p.Card.EnglishName(), p.Note)
	}
	return nil
}

// readPerson reads a person from the reference's, by their place among them, or from a file: immd.Person as JSON.
func readPerson(from string, now time.Time) (issuer.Person, error) {
	var n int
	people := immd.People(now)
	if _, err := fmt.Sscanf(from, "%d", &n); err == nil && fmt.Sprint(n) == from {
		if n < 1 || n > len(people) {
			return issuer.Person{}, fmt.Errorf("there is no person %d", n)
		}
		return person(people[n-1]), nil
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return issuer.Person{}, fmt.Errorf("read person: %w", err)
	}
	var p immd.Person
	if err := json.Unmarshal(text, &p); err != nil {
		return issuer.Person{}, fmt.Errorf("read person from %s: %w", from, err)
	}
	if p.Card, err = p.Card.Check(now); err != nil {
		return issuer.Person{}, fmt.Errorf("read person from %s: %w", from, err)
	}
	return person(p), nil
}

func person(p immd.Person) issuer.Person {
	out := issuer.Person{Card: p.Card}
	if len(p.Before) > 0 {
		out.Before = p.Before[0]
	}
	return out
}

type insertCommand struct {
	Dir     string      `required:"" type:"path" placeholder:"DIR" help:"Folder of the issuer."`
	Person  string      `required:"" placeholder:"N|FILE" help:"Whose card: a number of chop-card people, or a file with a person as JSON."`
	Kind    issuer.Kind `default:"genuine" enum:"genuine,cloned,tampered,expired,replaced,foreign,other" help:"What is the matter with it: ${enum}."`
	PullOut int         `placeholder:"N" help:"Pull the card out at its Nth command, and end."`
	Reader  string      `default:"127.0.0.1:35963" placeholder:"HOST:PORT" help:"The virtual reader's slot."`
}

func (c insertCommand) Run(ctx context.Context, out io.Writer) error {
	i, err := issuer.Load(c.Dir)
	if err != nil {
		return err
	}
	p, err := readPerson(c.Person, time.Now())
	if err != nil {
		return err
	}
	card, err := i.Make(c.Kind, p, time.Now())
	if err != nil {
		return err
	}
	var chip hkic.Chip = card
	if c.PullOut > 0 {
		chip = issuer.PulledOut(card, c.PullOut)
	}
	slot, err := dial(ctx, c.Reader)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a card (%s) is in the virtual reader\n", c.Kind)
	n, err := slot.play(ctx, chip, card.Reset)
	fmt.Fprintf(out, "the card is out after %d commands\n", n)
	return err
}
