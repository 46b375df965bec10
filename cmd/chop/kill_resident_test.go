package main_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chop/internal/postgres"
)

// Each process of a running appliance is killed at random moments while a resident signs on the portal's pages. Nothing
// is half done, nothing is signed twice, and every answer that the person gets lets them go on.
func TestKilledWhileResidentSigns(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	portal, approve := a.at(t, address)
	k := &serverKiller{appliance: a, address: address, random: mathrand.New(mathrand.NewPCG(seed(t), 0)), killed: map[string]int{}}
	k.start(t)
	defer k.stop(t)
	a.must(t, "device sign") // opens the account, with a first signature
	p := newPerson(t, a, portal, approve)
	defer func() {
		if t.Failed() {
			t.Logf("the person was told last:\n%s", strings.Join(p.last, "\n"))
		}
	}()

	begun := time.Now()
	p.sign(t, "undisturbed.pdf", letter("undisturbed"))
	length := time.Since(begun)
	t.Logf("undisturbed it takes %v", length)
	files := map[string][]byte{}
	for i := range max(kills(), len(kinds())) { // each kind at least once
		p.home = net.IPv4(127, 0, 2+byte(i/250), 1+byte(i%250))
		name := fmt.Sprintf("letter-%d.pdf", i)
		moment := time.Duration(k.random.Int64N(int64(length)))
		var kill sync.WaitGroup
		kill.Go(func() { time.Sleep(moment); k.killOne(t) })
		files[name], _ = p.sign(t, name, letter(name))
		kill.Wait()
	}
	for _, why := range p.unclear {
		t.Errorf("an answer that does not help: %s", why)
	}
	t.Logf("killed: %v", k.killed)
	for _, kind := range kinds() {
		if k.killed[kind] == 0 {
			t.Errorf("no %s was killed", kind)
		}
	}
	for name, file := range files {
		if got := parts(t, file); len(got) == 0 || !strings.HasPrefix(string(file), string(letter(name))) {
			t.Errorf("%s has %d signatures, or is of another document", name, len(got))
		} else if n := signaturesIn(t, got); n != 1 {
			t.Errorf("%s has %d signatures", name, n)
		}
		a.passes(t, saved(t, name, file), "--offline")
	}
	a.eachOnce(t, len(files)+2)
	a.provenByAuditors(t)
	a.nothingTemporary(t)
}

func seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return seed
}

func signaturesIn(t *testing.T, all []part) (n int) {
	for _, p := range all {
		if !p.isTimestamp(t) {
			n++
		}
	}
	return n
}

// at configures the appliance for residents at that address: passkeys belong to an origin.
func (a *appliance) at(t *testing.T, address string) (portal, approve string) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	portal, approve = "http://localhost:"+port, "http://approve.localhost:"+port
	config := regexp.MustCompile(`(?m)^(portal_url|approve_url|listen): .*\n`).ReplaceAllString(string(readFile(t, a.path("chop.yaml"))), "")
	config += fmt.Sprintf("portal_url: %s\napprove_url: %s\nlisten: %s\n", portal, approve, address)
	if err := os.WriteFile(a.path("chop.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	// Who stands in for the Immigration Department has an address of its own, too: other tests have theirs.
	if err := os.WriteFile(a.path("run", "immd-reference.address"), []byte(freePort()), 0o600); err != nil {
		t.Fatal(err)
	}
	return portal, approve
}

// A serverKiller kills one process of a running `chop serve` after the other, each kind in its turn. When the server
// itself has ended it is started again, as a service manager does (docs/operations.md); the rest must come back by itself.
type serverKiller struct {
	*appliance
	address string
	random  *mathrand.Rand
	turns   []string
	killed  map[string]int

	managed sync.WaitGroup
	mu      sync.Mutex
	server  *server // nil while none runs
	over    bool
	said    string // by the last that was not told to end
}

// kinds of processes: "server" is the one that was started, which as root has another answer for it. The server's
// workers have ca, tsa and sealer: three kills a turn.
func kinds() []string {
	all := []string{"server", "database", "activation", "approval", "supervisor of activation", "supervisor of approval",
		"worker of activation", "worker of server", "worker of server", "worker of server"}
	if os.Geteuid() == 0 {
		all = append(all, "server-process", "supervisor of server-process")
	}
	return all
}

func (k *serverKiller) start(t *testing.T) {
	t.Helper()
	first, err := k.serve(k.address)
	if err != nil {
		t.Fatal(err)
	}
	k.server = first
	k.managed.Go(func() {
		for s := first; ; {
			var err error
			if s != nil {
				err = s.cmd.Wait()
			}
			k.mu.Lock()
			k.server = nil
			over := k.over
			if s != nil && !over {
				k.said = s.stderr.String()
			}
			k.mu.Unlock()
			if over {
				if err != nil {
					t.Errorf("told to end, the server ended with %v: %s", err, s.stderr)
				}
				return
			}
			if s, err = k.serve(k.address); err != nil { // the database was killed while it started
				t.Logf("starting the server again: %v", err)
				s = nil
				time.Sleep(100 * time.Millisecond)
			}
			k.mu.Lock()
			k.server = s
			if s != nil && k.over {
				_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
			}
			k.mu.Unlock()
		}
	})
}

func (k *serverKiller) stop(t *testing.T) {
	k.mu.Lock()
	k.over = true
	running := k.server
	if k.server != nil {
		_ = k.server.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	}
	k.mu.Unlock()
	k.managed.Wait()
	if t.Failed() {
		t.Logf("the last server that ended otherwise said: %s", k.said)
		if running != nil {
			t.Logf("the one that was told to end said: %s", running.stderr)
		}
	}
	k.nobodyLeft(t)
}

// pid is the server's process, 0 while there is none.
func (k *serverKiller) pid() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server == nil {
		return 0
	}
	return k.server.cmd.Process.Pid
}

// killOne kills a process of the next kind, at once if there is one.
func (k *serverKiller) killOne(t *testing.T) {
	if len(k.turns) == 0 {
		k.turns = kinds()
		k.random.Shuffle(len(k.turns), func(i, j int) { k.turns[i], k.turns[j] = k.turns[j], k.turns[i] })
	}
	kind := k.turns[0]
	k.turns = k.turns[1:]
	pid := 0
	eventually(t, "there is a "+kind, func() bool { pid = k.find(t, kind); return pid != 0 })
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("%s: %v", kind, err)
	}
	t.Logf("%s: killed the %s, process %d", time.Now().Format("05.000"), kind, pid)
	k.killed[kind]++
}

// find is a process of a kind, 0 if there is none now.
func (k *serverKiller) find(t *testing.T, kind string) int {
	server := k.pid()
	if kind == "server" {
		return server
	}
	if kind == "database" {
		return k.databaseServer(t)
	}
	role, worker := map[string]process{}, []int(nil)
	all := k.processes(t)
	for _, p := range all {
		for name, r := range map[string]string{"activation-process": "activation", "approval-process": "approval", "server-process": "server-process"} {
			if strings.Contains(p.args, name) {
				role[r] = p
			}
		}
		if p.isWorker() && p.parent == server {
			worker = append(worker, p.pid)
		}
	}
	switch kind {
	case "activation", "approval", "server-process":
		return role[kind].pid
	case "worker of activation":
		for _, p := range all {
			if p.isWorker() && p.parent == role["activation"].pid {
				return p.pid
			}
		}
		return 0
	case "worker of server":
		if len(worker) == 0 {
			return 0
		}
		return worker[k.random.IntN(len(worker))]
	}
	return role[strings.TrimPrefix(kind, "supervisor of ")].parent
}

// eachOnce compares who says that something was signed: the signer's records, the activation process's, and both logs.
func (a *appliance) eachOnce(t *testing.T, want int) {
	t.Helper()
	a.withDatabase(t, func(db *postgres.DB) {
		for what, query := range map[string]string{
			"signings that are signed":             `SELECT count(*) FROM signer_signing WHERE state = 'signed'`,
			"documents with a signature":           `SELECT count(*) FROM signer_signing_document WHERE signature IS NOT NULL`,
			"different documents with a signature": `SELECT count(DISTINCT (name, digest)) FROM signer_signing_document WHERE signature IS NOT NULL`,
			"approvals in the log":                 `SELECT count(*) FROM audit_event WHERE action = 'activation.signed'`,
			"approved transactions in the log":     `SELECT count(DISTINCT detail ->> 'transaction') FROM audit_event WHERE action = 'activation.signed'`,
			"signings in the log":                  `SELECT count(*) FROM audit_event WHERE action = 'signer.resident.sign'`,
		} {
			n := 0
			eventually(t, "the log has what is on its way", func() bool {
				err := db.Pool.QueryRow(t.Context(), query).Scan(&n)
				return err == nil && (n >= want || !strings.Contains(what, "log"))
			})
			if n != want {
				t.Errorf("%s: %d, want %d", what, n, want)
			}
		}
		rows, err := db.Pool.Query(t.Context(), `SELECT state, failure, count(*) FROM signer_signing GROUP BY 1, 2`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var state, failure string
			var n int
			if err := rows.Scan(&state, &failure, &n); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d signings are %s %s", n, state, failure)
			if state == "prepared" || state == "waiting" || state == "collected" {
				t.Errorf("%d signings are half done: %s", n, state)
			}
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	})
}

// provenByAuditors runs the three audits beside the server.
func (a *appliance) provenByAuditors(t *testing.T) {
	t.Helper()
	a.whole(t)
	for _, words := range []string{"audit approvals", "audit reconcile"} {
		if r := a.run(t, words); r.code != 0 {
			t.Errorf("%v", r)
		}
	}
}

// nothingTemporary wants no file that was being written when somebody was killed. PostgreSQL sees to its own.
func (a *appliance) nothingTemporary(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path == a.path("postgres"):
			return filepath.SkipDir
		case strings.HasPrefix(d.Name(), "."), strings.Contains(d.Name(), ".tmp"), strings.HasSuffix(d.Name(), ".new"):
			t.Errorf("%s was left", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
