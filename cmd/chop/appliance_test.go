package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An appliance is a data folder and the program that works on it.
type appliance struct {
	dir     string
	program string // a name of its own, by which its processes are told from others
}

func (a *appliance) path(elem ...string) string {
	return filepath.Join(append([]string{a.dir}, elem...)...)
}
func (a *appliance) root() string    { return a.path("public", "root.pem") }
func (a *appliance) issuing() string { return a.path("public", "issuing.pem") }

// command is `chop WORDS --dir DIR ARGS`.
func (a *appliance) command(ctx context.Context, words string, args ...string) *exec.Cmd {
	line := append(strings.Fields(words), "--dir", a.dir)
	return exec.CommandContext(ctx, a.program, append(line, args...)...)
}

// run runs a command to its end, whichever that is.
func (a *appliance) run(t testing.TB, words string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	return run(t, a.command(ctx, words, args...))
}

// must runs a command that has to succeed.
func (a *appliance) must(t testing.TB, words string, args ...string) result {
	t.Helper()
	r := a.run(t, words, args...)
	if r.code != 0 {
		t.Fatalf("%v", r)
	}
	return r
}

// refuses runs a command that has to end with exit code 2, an error and a hint.
func (a *appliance) refuses(t testing.TB, words string, args ...string) result {
	t.Helper()
	r := a.run(t, words, args...)
	if r.code != 2 || !strings.HasPrefix(r.stderr, "chop: ") || !strings.Contains(r.stderr, "\nhint: ") {
		t.Errorf("want exit code 2, an error and a hint: %v", r)
	}
	return r
}

// credential is what `seal create --json` prints.
type credential struct{ ID, Serial string }

func (a *appliance) seal(t testing.TB, name string, args ...string) credential {
	t.Helper()
	r := a.must(t, "seal create --json", append([]string{"--name", name}, args...)...)
	var c credential
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || c.ID == "" || c.Serial == "" {
		t.Fatalf("%v\n%v", err, r)
	}
	return c
}

// sign signs the file in and returns the signed one.
func (a *appliance) sign(t testing.TB, credential, level, in string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "signed-"+level+".pdf")
	a.must(t, "sign pdf", append([]string{"--credential", credential, "--level", level, "--in", in, "--out", out}, args...)...)
	return out
}

// A server is a running `chop serve`.
type server struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
}

// serve starts the server, without the officers' desk, and waits until it says that it listens.
func (a *appliance) serve(address string, args ...string) (*server, error) {
	args = append([]string{"--listen", address, "--officer-listen", "none"}, args...)
	s := &server{a.command(context.Background(), "serve", args...), &strings.Builder{}}
	s.cmd.Stderr = s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "serving on http://"+address) {
		return nil, fmt.Errorf("chop serve said %q, %v\n%v", line, err, s.stop())
	}
	go io.Copy(io.Discard, lines)
	return s, nil
}

// stop interrupts the server, which must end in order.
func (s *server) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if err := errors.Join(err, s.cmd.Wait()); err != nil {
		return fmt.Errorf("chop serve: %w\n%s", err, s.stderr)
	}
	return nil
}

// initialised is what making an appliance said and took.
type initialised struct {
	said [2]string
	took time.Duration
}

// template is a new appliance that nobody works on, to be copied: `init` takes seconds. It is made by two `init` at
// the same time, which TestInitTwiceAtOnce looks at.
var template = sync.OnceValues(func() (made initialised, err error) {
	a := &appliance{filepath.Join(scratch, "template"), program}
	start := time.Now()
	var errs [2]error
	var both sync.WaitGroup
	for i := range made.said {
		both.Go(func() {
			out, err := a.command(context.Background(), "init --json", "--public-url", shared.url).CombinedOutput()
			if made.said[i] = string(out); err != nil {
				errs[i] = fmt.Errorf("chop init: %w\n%s", err, out)
			}
		})
	}
	both.Wait()
	made.took = time.Since(start)
	return made, errors.Join(errs[:]...)
})

// newAppliance copies the template: a folder for one test, which nobody serves.
func newAppliance(t testing.TB) *appliance {
	t.Helper()
	dir := t.TempDir()
	a, err := copyTemplate(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func copyTemplate(dir string) (*appliance, error) {
	a := &appliance{filepath.Join(dir, "data"), filepath.Join(dir, "chop")}
	if _, err := template(); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(scratch, "template"), a.dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the appliance: %w\n%s", err, out)
	}
	return a, os.Link(program, a.program)
}

// freePort is an address of this machine that nobody listens on.
func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}
