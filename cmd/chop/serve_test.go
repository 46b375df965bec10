package main_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Whoever is told to end while still starting ends in order.
func TestServeEndedWhileStarting(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	for range 3 {
		s, err := a.serve(freePort())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
	a.nobodyLeft(t)
	if os.Geteuid() == 0 && socketsLeft(a) {
		t.Error("its sockets are left behind")
	}
}

// A folder is served once at a time; after a kill the next server need not wait for anybody to clean up.
func TestServeAlone(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	address := freePort()
	first, err := a.serve(address)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the roles run", func() bool { return roleProcesses(t, a) == 2 })
	r := a.run(t, "serve", "--listen", freePort(), "--officer-listen", "none")
	if r.code != 1 || !strings.Contains(r.stderr, "another process serves this data folder") || !strings.Contains(r.stderr, "\nhint: ") {
		t.Errorf("a second server: %v", r)
	}
	if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	second, err := a.serve(address)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the residents' site and the approval origin answer", func() bool {
		approval := status(address, "approve.localhost")
		return status(address, "localhost") == http.StatusOK && approval != 0 && approval != http.StatusServiceUnavailable
	})
	if err := second.stop(); err != nil {
		t.Error(err)
	}
	a.nobodyLeft(t)
	if os.Geteuid() == 0 && socketsLeft(a) {
		t.Error("its sockets are left behind")
	}
}

// roleProcesses counts the programs of the roles.
func roleProcesses(t *testing.T, a *appliance) (n int) {
	for _, p := range a.processes(t) {
		if strings.Contains(p.args, "activation-process") || strings.Contains(p.args, "approval-process") {
			n++
		}
	}
	return n
}

// status is what GET / is answered with under that host's name, 0 if by nobody.
func status(address, host string) int {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return 0
	}
	r.Host = host
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// socketsLeft looks for the folder that root's sockets lie in.
func socketsLeft(a *appliance) bool {
	_, err := os.Stat(fmt.Sprintf("/run/chop-%x", sha256.Sum256([]byte(a.dir)))[:len("/run/chop-")+12] + "-s")
	return err == nil
}

// A token that refuses its PIN ends the server with an exit code that tells its manager not to start it again.
func TestServeEndsForGood(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	if err := os.WriteFile(a.path("secrets", "tsa.pin"), []byte("000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := a.run(t, "serve", "--listen", freePort(), "--officer-listen", "none"); r.code != 78 || !strings.Contains(r.stderr, "it is not tried again") {
		t.Errorf("want exit code 78: %v", r)
	}
	a.nobodyLeft(t)
}
