package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"chop/policies"
	"chop/validation/corpus"
)

// corpusCommand judges other projects' files, and compares the verdicts. It needs no appliance.
type corpusCommand struct {
	Folder string   `arg:"" type:"path" help:"The folder with the manifests (NAME.tsv) and their data."`
	Out    string   `arg:"" optional:"" type:"path" help:"With --json: write every row, what was expected, what was found and why, to this file."`
	Suite  string   `default:"default" help:"The algorithm suite, one of policies/files/suites.yaml."`
	Only   []string `placeholder:"PROJECT" help:"Run these projects alone. Repeatable."`
}

// Help is shown by chop corpus --help.
func (corpusCommand) Help() string {
	return `Each row is run with the trust, time and revocation data that it names. Rows that are not scored are run for
information. Exit code 0: nothing passed that must not. 1: something did. 2: the corpus could not be run.

Examples:
  chop corpus ../shared/corpora --json corpus.json
  chop corpus ../shared/corpora --only pyHanko`
}

var errPassed = errors.New("files passed that must not")

func (c *corpusCommand) Run(env *environment) error {
	set, err := policies.Load()
	if err != nil {
		return err
	}
	suite, err := set.Suite(c.Suite)
	if err != nil {
		return unusable(err, "")
	}
	results, err := corpus.Run(env.ctx, corpus.Config{Dir: c.Folder, Suite: suite, Only: c.Only})
	if err != nil {
		return unusable(err, "name the folder that holds the manifests, as "+strings.Join(corpus.Projects(), ".tsv, ")+".tsv, and their data")
	}
	fine, coarse := corpus.Tally(results)
	whole := map[string]any{"projects": coarse, "agreement": fine, "rows": results}
	switch {
	case c.Out != "":
		b, err := json.MarshalIndent(whole, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Out, append(b, '\n'), 0o644); err != nil {
			return unusable(err, "")
		}
		corpus.Write(env.out, results)
	case env.json:
		if err := env.print(whole, ""); err != nil {
			return err
		}
	default:
		corpus.Write(env.out, results)
	}
	unsafe := 0
	for _, a := range coarse {
		unsafe += a.Unsafe
	}
	if unsafe > 0 {
		return fmt.Errorf("%w: %d", errPassed, unsafe)
	}
	return nil
}
