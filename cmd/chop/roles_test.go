package main_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Each role's token is opened by a process of its own, no process opens two, and none but workers load the module.
// A PIN is in no command line and no environment.
func TestOneProcessARole(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	in, out := saved(t, "letter.pdf", letter("Dear Sir")), filepath.Join(t.TempDir(), "out.pdf")
	s, err := a.serve(freePort())
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	pins := secrets(t, a)

	// A worker has its token's files open for moments only: sign until it was seen of all three roles.
	opened := map[string]string{} // role by process
	look := func(command int) {
		workers := 0
		for _, p := range a.processes(t) {
			if p.holdsModule() && !p.isWorker() {
				t.Errorf("%v has loaded the module and is no worker", p)
			}
			for _, pin := range pins {
				if strings.Contains(p.args, pin) || strings.Contains(p.environment, pin) {
					t.Errorf("a PIN is to be seen in process %v", p)
				}
			}
			if p.parent == command && p.isWorker() {
				workers++
			}
		}
		if workers > 3 {
			t.Errorf("the signature has %d workers, want ca, tsa and seals", workers)
		}
	}
	eventually(t, "the workers of ca, tsa and seals were seen with their tokens", func() bool {
		cmd := a.command(t.Context(), "sign pdf", "--credential", seal, "--level", "B-LTA", "--in", in, "--out", out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for round := 0; ; round++ {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("sign: %v", err)
				}
				roles := slices.Sorted(maps.Values(opened))
				return slices.Equal(slices.Compact(roles), []string{"ca", "seals", "tsa"})
			default:
			}
			if round%20 == 0 {
				look(cmd.Process.Pid)
			}
			for _, pid := range children(cmd.Process.Pid) {
				for _, role := range tokensOpen(a, pid) {
					process := fmt.Sprintf("%d of %d", pid, cmd.Process.Pid) // process ids come again
					if before, ok := opened[process]; ok && before != role {
						t.Fatalf("process %s has opened the tokens of %s and %s", process, before, role)
					}
					opened[process] = role
				}
			}
		}
	})
	t.Logf("who opened which token: %v", opened)
	a.passes(t, out, "--offline")
}

// children are the processes that a process has started.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		list, _ := os.ReadFile(file) // the thread may have ended
		for field := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
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

// tokensOpen names the roles whose tokens a process has files open of.
func tokensOpen(a *appliance, pid int) (roles []string) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		file, _ := os.Readlink(link) // it may be closed again
		if rest, ok := strings.CutPrefix(file, a.path("tokens")+"/"); ok {
			role, _, _ := strings.Cut(rest, "/")
			roles = append(roles, role)
		}
	}
	return roles
}
