// Command verdict reads what `go test -json` prints. It shows each package in a
// line and the output of what failed, and ends with "N passed, N failed".
//
// It fails if a test failed, and, with CI=true, if one was skipped: a check that
// did not run proves nothing. The one exception are the corpora of other
// people's files, which lie beside the repository and not in it: a test may say
// that they are "absent" where they are.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// corpora is where the tests look for other people's files.
const corpora = "../shared/corpora"

func main() {
	_, err := os.Stat(corpora)
	c := newCounter(os.Getenv("CI") == "true", err != nil)
	if err := c.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
	if !c.summary(os.Stdout) {
		os.Exit(1)
	}
}

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// counter holds what has been read so far.
type counter struct {
	strict                   bool // a skipped test is a failure
	absent                   bool // the corpora are not here
	passed, failed, packages int
	skipped                  []string            // tests, with the reason
	output                   map[string][]string // of what has not ended yet
	broken                   map[string]bool     // packages with a failed test
}

func newCounter(strict, absent bool) *counter {
	return &counter{strict: strict, absent: absent, output: map[string][]string{}, broken: map[string]bool{}}
}

func (c *counter) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text()) // not a test's line: go itself speaks
			continue
		}
		c.add(e, out)
	}
	return lines.Err()
}

func (c *counter) add(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "output":
		c.output[key] = append(c.output[key], e.Output)
	case "pass", "skip", "fail":
		said := strings.Join(c.output[key], "")
		delete(c.output, key)
		if e.Test == "" {
			c.endPackage(e, said, out)
			return
		}
		switch e.Action {
		case "pass":
			c.passed++
		case "skip":
			c.skipped = append(c.skipped, key+": "+strings.Join(strings.Fields(said), " "))
		case "fail":
			c.failed++
			c.broken[e.Package] = true
			fmt.Fprint(out, said)
		}
	}
}

func (c *counter) endPackage(e event, said string, out io.Writer) {
	switch e.Action {
	case "pass":
		c.packages++
		fmt.Fprintf(out, "ok    %-40s %6.1fs\n", e.Package, e.Elapsed)
	case "fail":
		// It may fail without a failed test: it does not build, or it exits.
		if !c.broken[e.Package] {
			c.failed++
		}
		fmt.Fprintf(out, "%sFAIL  %-40s %6.1fs\n", said, e.Package, e.Elapsed)
	}
}

// summary prints the last lines, and reports whether all is well.
func (c *counter) summary(out io.Writer) bool {
	good := c.failed == 0
	for _, s := range c.skipped {
		fmt.Fprintln(out, "skipped:", s)
		if c.strict && !(c.absent && strings.Contains(s, "absent")) {
			good = false
		}
	}
	if c.packages == 0 {
		fmt.Fprintln(out, "no package passed")
		good = false
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, len(c.skipped))
	return good
}
