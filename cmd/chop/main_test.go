// The tests of this package drive the built program as a stranger would: by its command line, its exit codes, its
// files and its URLs, and let other people's tools judge what it made.
package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	program string // the chop under test
	scratch string // a folder for this run
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if os.Getenv(intruder) != "" {
		return intrude()
	}
	var err error
	if scratch, err = os.MkdirTemp("", "chop-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	program = filepath.Join(scratch, "bin", "chop")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
		return 1
	}
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// hang is when a command that should take a second is taken for hung. It says nothing about speed.
const hang = 3 * time.Minute

// A result is what a program said and how it ended.
type result struct {
	command        string
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("%s: exit code %d\n%s%s", r.command, r.code, r.stdout, r.stderr)
}

// line is what the command printed, without white space around it.
func (r result) line() string { return strings.TrimSpace(r.stdout) }

// run runs a command to its end, whichever that is.
func run(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%v: %v\n%s%s", cmd, err, stdout.String(), stderr.String())
	}
	return result{strings.Join(cmd.Args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// tool runs one of other people's programs.
func tool(t testing.TB, name string, args ...string) result {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v; hint: make deps-test", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	return run(t, cmd)
}

// accepts runs one of other people's programs, which must not complain.
func accepts(t testing.TB, name string, args ...string) result {
	t.Helper()
	r := tool(t, name, args...)
	if r.code != 0 {
		t.Errorf("%v", r)
	}
	return r
}

// eventually waits for what happens by itself after a moment.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hang); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", hang, what)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// saved writes data to a file of its own.
func saved(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
