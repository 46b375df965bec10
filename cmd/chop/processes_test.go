package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A process is one that runs an appliance's program: a command, a server, or one of their token workers.
type process struct {
	pid, parent int
	args        string
	environment string
	maps        string
}

// processes lists who runs the appliance's program now. Its name is the appliance's own, so no other test's
// process is among them.
func (a *appliance) processes(t testing.TB) (found []process) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if exe, err := os.Readlink(link); err != nil || exe != a.program {
			continue // or it is gone
		}
		p, err := readProcess(filepath.Dir(link))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
	return found
}

var parentLine = regexp.MustCompile(`(?m)^PPid:\s*(\d+)$`)

func readProcess(dir string) (p process, err error) {
	var status string
	for name, to := range map[string]*string{"status": &status, "cmdline": &p.args, "environ": &p.environment, "maps": &p.maps} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return p, err
		}
		*to = strings.ReplaceAll(string(b), "\x00", " ")
	}
	if p.pid, err = strconv.Atoi(filepath.Base(dir)); err != nil {
		return p, err
	}
	if m := parentLine.FindStringSubmatch(status); m != nil {
		p.parent, err = strconv.Atoi(m[1])
	}
	return p, err
}

func (p process) isWorker() bool { return strings.Contains(p.args, "hsm-worker") }

// holdsModule tells whether the process has loaded the PKCS#11 module.
func (p process) holdsModule() bool { return strings.Contains(p.maps, "libsofthsm2") }

func (p process) String() string { return fmt.Sprintf("%d (of %d) %s", p.pid, p.parent, p.args) }

// nobodyLeft wants all processes of the appliance to end by themselves.
func (a *appliance) nobodyLeft(t testing.TB) {
	t.Helper()
	eventually(t, "no process is left behind", func() bool { return len(a.processes(t)) == 0 })
}

// databaseServer is the process of the private cluster's server, 0 if none runs or it has not written its file yet.
func (a *appliance) databaseServer(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile(a.path("postgres", "data", "postmaster.pid"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	first, _, written := strings.Cut(string(b), "\n")
	if !written {
		return 0
	}
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
