package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Everything that an appliance runs may be killed at once, as by a power cut: the next start carries on.
func TestKilledWhileServing(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	seal := a.seal(t, "Transport Department").ID
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	for _, withDatabase := range []bool{false, true} {
		s, err := a.serve(freePort())
		if err != nil {
			t.Fatal(err)
		}
		if withDatabase {
			if err := syscall.Kill(a.databaseServer(t), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		a.nobodyLeft(t)
		if s, err = a.serve(freePort()); err != nil {
			t.Fatal(err)
		}
		a.passes(t, a.sign(t, seal, "B-LTA", in), "--offline")
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		a.whole(t)
	}
	if server := a.databaseServer(t); server != 0 {
		t.Errorf("process %d still serves the database", server)
	}
}

// An init that was killed is finished by running it again.
func TestKilledWhileInitialising(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := &appliance{filepath.Join(dir, "data"), filepath.Join(dir, "chop")}
	if err := os.Link(program, a.program); err != nil {
		t.Fatal(err)
	}
	made, err := template()
	if err != nil {
		t.Fatal(err)
	}
	k := newKiller(t, a, made.took)
	for range max(2, kills()/5) {
		k.kill(t, "init")
	}
	a.must(t, "init")
	a.passes(t, a.sign(t, a.seal(t, "Lands Department").ID, "B-LTA", saved(t, "letter.pdf", letter("Dear Sir"))), "--offline")
	a.whole(t)
	if r := a.must(t, "init --json"); r.line() != `{"dir":"`+a.dir+`","done":[]}` {
		t.Errorf("nothing was missing, and yet: %v", r)
	}
}
