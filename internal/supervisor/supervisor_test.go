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

	"golang.org/x/sys/unix"

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

// role reports its id, its parent's, its user, folder, secret and limit of locked memory, and works until it is told to end.
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
	var locked unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &locked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(out, "%d %d %d %s %s %d\n", os.Getpid(), os.Getppid(), os.Getuid(), dir, in.Secret, locked.Cur)
	if string(in.Secret) == "final" {
		os.Exit(supervisor.ExitFinal)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "ended in order")
}

type report struct {
	pid, parent, uid int
	dir, secret      string
	locked           uint64
}

func readReport(t *testing.T, lines *bufio.Reader) report {
	t.Helper()
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(line)
	if len(f) != 6 {
		t.Fatalf("the role says %q", line)
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	locked, err := strconv.ParseUint(f[5], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return report{n(f[0]), n(f[1]), n(f[2]), f[3], f[4], locked}
}

func start(t *testing.T, r supervisor.Role) (*supervisor.Running, *bufio.Reader) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	r.Name = "test"
	if r.Secret == nil {
		r.Secret = []byte("123456")
	}
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

// A program that ends for good is not started again; its supervisor stays, so that nobody starts another one.
func TestEndsForGood(t *testing.T) {
	said, says, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	run, lines := start(t, supervisor.Role{Secret: []byte("final"), Stderr: says})
	says.Close()
	readReport(t, lines)
	log := bufio.NewReader(said)
	if line, err := log.ReadString('\n'); err != nil || !strings.Contains(line, "not started again") {
		t.Errorf("it says %q, %v", line, err)
	}
	select {
	case <-run.Done():
		t.Error("the supervisor ended")
	default:
	}
	if err := run.Stop(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("it was started again: %q, %v", rest, err)
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

// As root, a role is another user, in a folder that it could not have walked to, and may lock as much memory as root can
// give it. Nobody
// else can start it so: its supervisor ends.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		run, lines := start(t, supervisor.Role{UID: 64199, GID: 64199})
		<-run.Done()
		if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
			t.Errorf("a role was started as another user: %q, %v", rest, err)
		}
		return
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
		t.Fatal(err)
	}
	lowered := unix.Rlimit{Cur: 64 << 10, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &lowered); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
			t.Error(err)
		}
	})
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
	run, lines := start(t, supervisor.Role{UID: 64199, GID: 64199, Dir: dir, LockMemory: true})
	got := readReport(t, lines)
	if got.uid != 64199 || got.secret != "123456" || got.locked < before.Max {
		t.Fatalf("the role is %+v", got)
	}
	_, others := start(t, supervisor.Role{UID: 64199, GID: 64199, Dir: dir})
	if got := readReport(t, others); got.locked != 64<<10 {
		t.Fatalf("a role that locks nothing is %+v", got)
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
