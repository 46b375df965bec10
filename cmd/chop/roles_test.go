package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each role's token is opened by a process of its own, no process opens two, and none but workers open any. A PIN is
// in no command line and no environment.
func TestOneProcessARole(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	s, err := a.serve(freePort())
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	pins := secrets(t, a)

	// A signature at B-LTA needs all three online roles. It is stopped in mid-air to be looked at.
	out := filepath.Join(t.TempDir(), "out.pdf")
	cmd := a.command(t.Context(), "sign pdf", "--credential", seal, "--level", "B-LTA", "--in", saved(t, "letter.pdf", letter("Dear Sir")), "--out", out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	seen := map[string]map[int]bool{}
	most := 0
	for running := true; running; {
		select {
		case err := <-ended:
			if running = false; err != nil {
				t.Errorf("sign: %v", err)
			}
		default:
		}
		workers := 0
		for _, p := range a.processes(t) {
			if p.holdsModule() != (p.holdsModule() && p.isWorker()) {
				t.Errorf("%v has loaded the module and is no worker", p)
			}
			for _, pin := range pins {
				if strings.Contains(p.args, pin) || strings.Contains(p.environment, pin) {
					t.Errorf("a PIN is to be seen in process %v", p)
				}
			}
			tokens := tokensIn(a, p)
			if len(tokens) > 1 {
				t.Errorf("process %v has opened the tokens %q", p, tokens)
			}
			for _, token := range tokens {
				if seen[token] == nil {
					seen[token] = map[int]bool{}
				}
				seen[token][p.pid] = true
			}
			if p.isWorker() && p.parent == cmd.Process.Pid {
				workers++
			}
		}
		most = max(most, workers)
	}
	if most != 3 {
		t.Errorf("the signature had %d workers at the most, want 3: ca, tsa, seals", most)
	}
	t.Logf("processes by token: %v", seen)
	a.passes(t, out, "--offline")
}

func secrets(t *testing.T, a *appliance) (pins []string) {
	t.Helper()
	files, err := filepath.Glob(a.path("secrets", "*"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		pins = append(pins, strings.TrimSpace(string(readFile(t, file))))
	}
	return pins
}

// tokensIn names the token folders of which a process has files open.
func tokensIn(a *appliance, p process) (roles []string) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid))
	for _, link := range links {
		file, err := os.Readlink(link)
		if err != nil {
			continue
		}
		if rest, ok := strings.CutPrefix(file, a.path("tokens")+"/"); ok {
			role, _, _ := strings.Cut(rest, "/")
			roles = append(roles, role)
		}
	}
	return roles
}

// A server whose token workers are killed, or hang, starts others: the next requests are answered.
func TestWorkersKilledWhileServing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	s, err := a.serve(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	asked := query(t, saved(t, "letter.pdf", letter("Dear Madam")), "-sha256", "-cert")
	granted := func() bool {
		response, err := http.Post("http://"+address+"/tsa", "application/timestamp-query", bytes.NewReader(readFile(t, asked)))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("POST /tsa: %s, %v", response.Status, err)
		}
		return bytes.HasPrefix(body.Bytes()[4:], []byte{0x30, 0x03, 0x02, 0x01, 0x00}) || strings.Contains(
			accepts(t, "openssl", "ts", "-reply", "-in", saved(t, "reply.tsr", body.Bytes()), "-text").stdout, "Status: Granted.")
	}
	if !granted() {
		t.Fatal("no timestamp before anything was killed")
	}
	for round := range 2 {
		killed := 0
		for _, p := range a.processes(t) {
			if p.isWorker() {
				if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				killed++
			}
		}
		if killed == 0 {
			t.Fatal("the server has no workers")
		}
		// What was under way may be refused; then it works again.
		start := time.Now()
		eventually(t, "a timestamp after the workers were killed", granted)
		t.Logf("round %d: %d workers killed, a timestamp after %v", round, killed, time.Since(start))
	}
	r := issue(t, a)
	said := accepts(t, "openssl", "ocsp", "-issuer", a.issuing(), "-CAfile", a.root(), "-verify_other", a.issuing(),
		"-url", "http://"+address+"/ocsp", "-cert", r.file)
	if !strings.Contains(said.stdout+said.stderr, r.file+": good") {
		t.Errorf("%v", said)
	}
}
