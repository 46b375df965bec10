package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chop/internal/supervisor"
)

// The test program is its own supervisor and role.
func TestMain(m *testing.M) {
	switch len(os.Args) {
	case 2:
		switch os.Args[1] {
		case "supervise":
			if err := supervisor.Main(slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "role":
			role()
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// role reports its id, its parent's, its user, folder and secret, and works until it is told to end.
func role() {
	in, err := supervisor.Inherit()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := in.Context(context.Background())
	defer cancel()
	dir, _ := os.Getwd()
	out := in.File(0)
	fmt.Fprintf(out, "%d %d %d %s %s\n", os.Getpid(), os.Getppid(), os.Getuid(), dir, in.Secret)
	<-ctx.Done()
	fmt.Fprintln(out, "ended in order")
}

type report struct {
	pid, parent, uid int
	dir, secret      string
}

func readReport(t *testing.T, lines *bufio.Reader) report {
	t.Helper()
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(line)
	if len(f) != 5 {
		t.Fatalf("the role says %q", line)
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	return report{n(f[0]), n(f[1]), n(f[2]), f[3], f[4]}
}

func start(t *testing.T, r supervisor.Role) (*supervisor.Running, *bufio.Reader) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	r.Name, r.Secret = "test", []byte("123456")
	r.Supervisor, r.Program = []string{"/proc/self/exe", "supervise"}, []string{"/proc/self/exe", "role"}
	r.Files = []*os.File{in}
	run, err := supervisor.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() { run.Stop() })
	return run, bufio.NewReader(out)
}

// A killed program comes back with the same secret; a stopped one ends in order.
func TestRestart(t *testing.T) {
	run, lines := start(t, supervisor.Role{})
	first := readReport(t, lines)
	if first.secret != "123456" || first.parent != run.PID() {
		t.Fatalf("the role got %+v from supervisor %d", first, run.PID())
	}
	for range 3 {
		if err := syscall.Kill(first.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		next := readReport(t, lines)
		if next.pid == first.pid || next.secret != first.secret || next.parent != first.parent {
			t.Fatalf("after a kill: %+v, was %+v", next, first)
		}
		first = next
	}
	if err := run.Stop(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil || string(rest) != "ended in order\n" {
		t.Fatalf("after stop: %q, %v", rest, err)
	}
}

// A killed supervisor takes its program along: two of a kind never work side by side.
func TestKilledSupervisor(t *testing.T) {
	run, lines := start(t, supervisor.Role{})
	readReport(t, lines)
	if err := syscall.Kill(run.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-run.Done()
	rest, err := io.ReadAll(lines) // until the program's end of the pipe closes
	if err != nil || string(rest) != "ended in order\n" {
		t.Fatalf("after the supervisor was killed: %q, %v", rest, err)
	}
}

// As root, a role is another user, in a folder that it could not have walked to.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a role as another user")
	}
	closed := t.TempDir()
	dir := closed + "/role"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 64199, 64199); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	run, lines := start(t, supervisor.Role{UID: 64199, GID: 64199, Dir: dir})
	got := readReport(t, lines)
	if got.uid != 64199 || got.secret != "123456" {
		t.Fatalf("the role is %+v", got)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", run.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "Uid:\t64199\t64199\t64199\t64199") {
		t.Fatalf("the supervisor is still somebody else:\n%s", status)
	}
}

// Started by hand, both say what is wrong.
func TestByHand(t *testing.T) {
	for _, word := range []string{"supervise", "role"} {
		p, err := os.StartProcess("/proc/self/exe", []string{"x", word}, &os.ProcAttr{Files: []*os.File{nil, nil, nil}})
		if err != nil {
			t.Fatal(err)
		}
		timeout := time.AfterFunc(time.Minute, func() { p.Kill() })
		state, err := p.Wait()
		timeout.Stop()
		if err != nil || state.ExitCode() != 1 {
			t.Errorf("%s by hand: %v, %v; want exit code 1", word, state, err)
		}
	}
}
