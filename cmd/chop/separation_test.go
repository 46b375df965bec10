package main_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"chop/hsm"
)

// The users that roles run as (docs/operations.md).
const (
	userActivation = 64100 + iota
	userApproval
	userServer
	userCA
	userTSA
	userSeals
	userSealer
	userRoot
	userSealing
)

// served starts a server and waits until it answers. Where roles have no users of their own, it must say so, and
// the test is over.
func served(t *testing.T, a *appliance) (address string, s *server) {
	t.Helper()
	address = freePort()
	return address, servedAt(t, a, address)
}

func servedAt(t *testing.T, a *appliance, address string) *server {
	t.Helper()
	s, err := a.serve(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		warned := strings.Contains(s.stderr.String(), "all roles run as one user")
		if apart := os.Geteuid() == 0; warned == apart {
			t.Errorf("roles have users of their own: %v, and it warns of the opposite: %v\n%s", apart, warned, s.stderr)
		}
		a.nobodyLeft(t)
	})
	eventually(t, "the residents' site and the approval origin answer", func() bool {
		approval := status(address, "approve.localhost")
		return status(address, "localhost") == http.StatusOK && approval != 0 && approval != http.StatusServiceUnavailable
	})
	return s
}

var userLine = regexp.MustCompile(`(?m)^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$`)

// user is whom a process runs as, -1 if it is gone or not one user.
func user(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	m := userLine.FindSubmatch(b)
	if m == nil {
		return -1
	}
	for _, id := range m[2:] {
		if string(id) != string(m[1]) {
			return -1
		}
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// Started by root, one process is root: the one that was started. It has no token and answers nobody.
func TestOneProcessIsRoot(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	_, s := served(t, a)
	if os.Geteuid() != 0 {
		return // served has seen the warning
	}
	want := map[string]int{"activation-process": userActivation, "approval-process": userApproval, "server-process": userServer, "sealing-process": userSealing}
	// A process that is being made looks like its maker for a moment, and a worker loads its module first.
	var wrong []string
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(wrong, "\n"))
		}
	}()
	eventually(t, "each process is its role's", func() bool {
		wrong = nil
		seen := map[int]bool{}
		for _, p := range a.processes(t) {
			uid := user(p.pid)
			if uid < 0 {
				continue // it has ended
			}
			seen[uid] = true
			if (uid == 0) != (p.pid == s.cmd.Process.Pid) {
				wrong = append(wrong, fmt.Sprintf("%v is user %d", p, uid))
			}
			for name, expected := range want {
				if strings.Contains(p.args, name) && uid != expected {
					wrong = append(wrong, fmt.Sprintf("%v is user %d, want %d", p, uid, expected))
				}
			}
			if p.isWorker() != p.holdsModule() {
				wrong = append(wrong, fmt.Sprintf("%v: a worker %v, with a token %v", p, p.isWorker(), p.holdsModule()))
			}
		}
		for _, uid := range []int{0, userActivation, userApproval, userServer, userCA, userTSA, userSealer} {
			if !seen[uid] {
				wrong = append(wrong, fmt.Sprintf("nothing runs as user %d", uid))
			}
		}
		return len(wrong) == 0
	})
}

// halfWritten is the name of a file that is being written, until it replaces the one without the number.
var halfWritten = regexp.MustCompile(`\.kept\.[0-9]+$`)

// Claim B: whoever takes over the server, or a token's worker, has nothing of the activation process's, nor of another
// role's. Root tries the same, and succeeds: so the attempts are good ones.
func TestAttackFromTheServersUser(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	_, s := served(t, a)
	if os.Geteuid() != 0 {
		return // served has seen the warning
	}
	sockets := fmt.Sprintf("/run/chop-%x", sha256.Sum256([]byte(a.dir)))[:len("/run/chop-")+12]
	database := func(user, password string) string {
		return fmt.Sprintf("host=%s user=%s password=%s dbname=chop sslmode=disable", databaseSocket(t, a), user, password)
	}
	password := func(name string) string { return strings.TrimSpace(string(readFile(t, a.path("secrets", name)))) }

	var others []string
	for _, p := range a.processes(t) {
		if user(p.pid) != userServer && (!p.isWorker() || p.parent != s.cmd.Process.Pid) { // those may end meanwhile
			others = append(others, strconv.Itoa(p.pid))
		}
	}
	if len(others) < 6 { // root; activation, its supervisor and worker; approval and its supervisor
		t.Fatalf("only %d processes are there to be attacked", len(others))
	}
	secret := a.filesIn(t, "secrets", "tokens", "activation", "ceremony", "run")
	secret = slices.DeleteFunc(secret, halfWritten.MatchString) // it has its name in a moment, and then root finds none
	secret = append(secret, "chop.yaml", "postgres/data/PG_VERSION")
	attempts := each(secret, "read", "write")
	attempts = append(attempts, each([]string{"secrets", "tokens", "tokens/activation", "activation", "postgres", "run", "."}, "list")...)
	attempts = append(attempts, each(a.filesIn(t, "public"), "write")...)
	attempts = append(attempts, each([]string{"new", "public/new", "out/new", "activation/new", "tokens/activation/new", sockets + "-s/new"}, "create")...)
	attempts = append(attempts, each(others, "memory", "environment", "descriptors", "folder", "debug", "signal")...)
	attempts = append(attempts, each([]string{database("postgres", ""), database("chop", "")}, "database")...)
	attempts = append(attempts, attempt{Kind: "become root"})
	a.cannot(t, userServer, attempts)
	for _, uid := range []int{userCA, userTSA, userSealer, userSeals, userRoot} {
		own := map[int]string{userCA: "ca", userTSA: "tsa", userSealer: "sealer", userSeals: "seals", userRoot: "root"}[uid]
		var theirs []attempt
		for _, try := range attempts {
			if !strings.HasPrefix(try.Target, "tokens/"+own+"/") {
				theirs = append(theirs, try)
			}
		}
		a.cannot(t, uid, theirs)
	}
	a.can(t, 0, attempts)

	// What is asked for a password, or who connects, root is refused as well.
	server, activation := password("server.database"), password("activation.database")
	a.cannot(t, userServer, []attempt{
		{"database", database("chop_activation", "")}, {"database", database("chop_activation", server)},
		{"ask", sockets + "-s/approval-activation.sock"}, {"ask", sockets + "-s/documents.sock"},
		{"token", sockets + "-s/token-activation.sock"}, {"token", sockets + "-s/token-seals.sock"},
		{"seal", sockets + "-s/token-ca.sock"}, {"seal", sockets + "-s/token-tsa.sock"}, {"token", sockets + "-s/token-sealer.sock"},
	})
	tokens := []string{sockets + "-s/token-ca.sock", sockets + "-s/token-tsa.sock", sockets + "-s/token-sealer.sock"}
	a.cannot(t, userServer, each(tokens, "make a key", "destroy a key", "make a wrapping key", "make a sealing key", "make an authentication key"))
	a.can(t, userServer, []attempt{
		{"read", "public/root.pem"}, {"create", "out/mail/new"}, {"create", "store/new"}, {"database", database("chop_server", server) + " role=chop"},
		{"ask", sockets + "-s/activation.sock"}, {"token", sockets + "-s/token-ca.sock"},
		{"token", sockets + "-s/token-tsa.sock"}, {"seal", sockets + "-s/token-sealer.sock"},
	})
	a.cannot(t, userApproval, []attempt{
		{"read", "public/root.pem"}, {"ask", sockets + "-s/activation.sock"}, {"token", sockets + "-s/token-ca.sock"},
		{"database", database("chop_server", "")},
	})
	a.can(t, userApproval, []attempt{{"ask", sockets + "-s/approval-activation.sock"}, {"ask", sockets + "-s/documents.sock"}})
	a.can(t, userActivation, []attempt{{"database", database("chop_activation", activation)}})
}

// databaseSocket is the folder of the private cluster's socket.
func databaseSocket(t *testing.T, a *appliance) string {
	t.Helper()
	lines := strings.Split(string(readFile(t, a.path("postgres", "data", "postmaster.pid"))), "\n")
	if len(lines) < 5 {
		t.Fatalf("postmaster.pid: %q", lines)
	}
	return lines[4]
}

// A key that the server wants and may not make is made before it starts.
func TestServesWithoutResponderKey(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	a.inToken(t, "ca", func(w hsm.Token) error { return w.DestroyKey(t.Context(), "ocsp") })
	served(t, a)
	issue(t, a)
}

// inToken does something in a role's token, with its PIN.
func (a *appliance) inToken(t *testing.T, role string, do func(hsm.Token) error) {
	t.Helper()
	w, err := hsm.StartWorker(t.Context(), hsm.WorkerConfig{Role: role, Argv: []string{a.program, "hsm-worker"}, Token: hsm.Config{
		Module: hsm.SoftHSMModule, Label: "chop-" + role, PIN: strings.TrimSpace(string(readFile(t, a.path("secrets", role+".pin")))), SoftHSMDir: a.path("tokens", role),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(w), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// A data folder of a release whose server was root is taken over at the start, also after a start that was killed in
// the middle; commands beside the server find what it made, and it finds what they made.
func TestFolderOfRoots(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	if os.Geteuid() == 0 {
		for _, command := range [][]string{
			{"chown", "-R", "0:0", a.path("tokens"), a.path("public"), a.path("out"), a.path("secrets")},
			{"chmod", "0700", a.dir, a.path("public"), a.path("out")},
			{"chown", strconv.Itoa(userCA), a.path("tokens", "ca")}, // as far as it came
		} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", command, err, out)
			}
		}
	}
	served(t, a)
	seal := a.seal(t, "Transport Department").ID
	a.passes(t, a.sign(t, seal, "B-LTA", saved(t, "letter.pdf", letter("Dear Sir"))), "--offline")
	issue(t, a)
	a.whole(t)
	if os.Geteuid() != 0 {
		return
	}
	err := filepath.WalkDir(a.path("tokens"), func(path string, d os.DirEntry, err error) error {
		if err != nil || path == a.path("tokens") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid == 0 && !strings.HasPrefix(path, a.path("tokens", "root")) {
			t.Errorf("%s is root's", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Whichever process of a served appliance is killed, it is there again by itself, and a resident signs: which takes the
// server, the approval origin, the activation process, and the workers of all their tokens.
func TestRolesKilledWhileServing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	a.at(t, address)
	s := servedAt(t, a, address)
	if os.Geteuid() != 0 {
		return // the server is the process that was started: nobody starts it again
	}
	a.must(t, "device sign") // opens the account, and has every worker started
	for _, name := range []string{"server-process", "role-supervisor", "activation-process", "approval-process", "hsm-worker"} {
		running := func() (pids []int) {
			for _, p := range a.processes(t) {
				if strings.Contains(p.args, name) && p.pid != s.cmd.Process.Pid {
					pids = append(pids, p.pid)
				}
			}
			return pids
		}
		killed := running()
		if len(killed) == 0 {
			t.Fatalf("there is no %s", name)
		}
		for _, pid := range killed {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		var last result
		eventually(t, "a resident signs after each "+name+" was killed", func() bool { last = a.run(t, "device sign"); return last.code == 0 })
		again := running()
		if len(again) == 0 || slices.ContainsFunc(again, func(pid int) bool { return slices.Contains(killed, pid) }) {
			t.Errorf("%s: %v were killed, %v run now: %v", name, killed, again, last)
		}
	}
}
