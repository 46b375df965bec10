//go:build browser

package browser

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// appliance is a data folder, the program on it, and where its three sites are.
type appliance struct {
	dir, program, scratch string
	portal, approve, desk string
	kiosk                 string          // of those that have one
	logs                  []*bytes.Buffer // of the processes that serve; whole after stop
	stop                  func()

	reference, server *exec.Cmd
	serving           string // by what the server says that it serves
}

// newAppliance makes one and serves it: chop init, chop immd-reference, chop serve.
// CHOP names a built program; without it one is built. prepare is called before it serves.
func newAppliance(t *testing.T, prepare ...func(*appliance)) *appliance {
	t.Helper()
	scratch, err := os.MkdirTemp("", "chop-browser-") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(scratch) })
	a := &appliance{dir: filepath.Join(scratch, "data"), scratch: scratch, program: os.Getenv("CHOP")}
	if a.program == "" {
		a.program = filepath.Join(scratch, "chop")
		must(t, exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", a.program, "../../cmd/chop"))
	}
	public, officers := freePort(t), freePort(t)
	a.portal, a.approve, a.desk = "http://localhost:"+public, "http://approve.localhost:"+public, "https://localhost:"+officers
	must(t, a.command(t.Context(), "init", "--public-url", a.portal))
	a.configure(t, "127.0.0.1:8080", "127.0.0.1:"+public)
	a.configure(t, "127.0.0.1:8443", "127.0.0.1:"+officers)
	for _, p := range prepare {
		p(a)
	}

	// The server asks the reference at the address that it wrote down: it goes first.
	a.reference = a.start(t, "answering as the Immigration Department", "immd-reference", "--listen", "127.0.0.1:0")
	a.serving = "serving on http://127.0.0.1:" + public
	a.server = a.start(t, a.serving, "serve")
	stopped := false
	a.stop = func() {
		if stopped {
			return
		}
		stopped = true
		for _, p := range []*exec.Cmd{a.server, a.reference} {
			if err := p.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("%v: %v", p, err)
			}
		}
	}
	t.Cleanup(func() {
		a.stop()
		if t.Failed() {
			for _, l := range a.logs {
				t.Logf("%s", l)
			}
		}
	})
	return a
}

// restart kills the server, which has no time to do anything, and starts another one.
func (a *appliance) restart(t *testing.T) {
	if err := a.server.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = a.server.Wait() // killed
	a.server = a.start(t, a.serving, "serve")
}

// temp is where its processes have their temporary files.
func (a *appliance) temp() string { return filepath.Join(a.scratch, "tmp") }

func (a *appliance) path(elem ...string) string {
	return filepath.Join(append([]string{a.dir}, elem...)...)
}

func (a *appliance) command(ctx context.Context, word string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, a.program, append(append(strings.Fields(word), "--dir", a.dir), args...)...)
}

// configure changes one value of chop.yaml.
func (a *appliance) configure(t *testing.T, before, after string) {
	t.Helper()
	old, err := os.ReadFile(a.path("chop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(old), before, after, 1)
	if text == string(old) {
		t.Fatalf("chop.yaml has no %q:\n%s", before, old)
	}
	if err := os.WriteFile(a.path("chop.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// append adds lines to chop.yaml.
func (a *appliance) append(t *testing.T, lines string) {
	t.Helper()
	f, err := os.OpenFile(a.path("chop.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a process that serves, and waits for the line by which it says so.
func (a *appliance) start(t *testing.T, says, word string, args ...string) *exec.Cmd {
	t.Helper()
	// stop ends it, in a clean-up: by then the test's own context is over.
	cmd, log := a.command(context.WithoutCancel(t.Context()), word, args...), &bytes.Buffer{}
	if err := os.MkdirAll(a.temp(), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "TMPDIR="+a.temp())
	a.logs = append(a.logs, log)
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, says) {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("chop %s said %q, %v\n%s", word, line, err, log)
	}
	go io.Copy(io.Discard, lines)
	return cmd
}

// must runs a program that has to succeed, and returns what it said.
func must(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
