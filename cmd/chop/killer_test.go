package main_test

import (
	"bytes"
	"encoding/json"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// kills is how often each command is killed; CHOP_KILLS sets it for a long run.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("CHOP_KILLS")); err == nil {
		return n
	}
	return 10
}

// A killer ends a command with SIGKILL at a random moment of the time that it takes, and every other time the
// database's server too, as a power cut would.
type killer struct {
	*appliance
	random *mathrand.Rand
	length time.Duration
	round  int
}

func newKiller(t *testing.T, a *appliance, length time.Duration) *killer {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d; undisturbed it takes %v", seed, length)
	return &killer{appliance: a, random: mathrand.New(mathrand.NewPCG(seed, 0)), length: length}
}

// timed is how long a command takes that is left alone.
func (a *appliance) timed(t *testing.T, words string, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	a.must(t, words, args...)
	return time.Since(start)
}

// kill starts the command and kills it. It says whether the command was still at work.
func (k *killer) kill(t *testing.T, words string, args ...string) (killed bool) {
	t.Helper()
	k.round++
	cmd := k.command(t.Context(), words, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := time.Duration(k.random.Int64N(int64(k.length)))
	time.Sleep(after)
	if server := k.databaseServer(t); server != 0 && k.round%2 == 0 {
		_ = syscall.Kill(server, syscall.SIGKILL) // it may have ended
	}
	if err := cmd.Process.Kill(); err != nil && err != os.ErrProcessDone {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	t.Logf("round %d: after %v: %v %s", k.round, after.Round(time.Millisecond), cmd.ProcessState, &stderr)
	k.nobodyLeft(t)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true
	}
	k.length = min(k.length, time.Since(start)) // the machine has become faster: aim better
	return false
}

// whole wants the audit log to be so.
func (a *appliance) whole(t *testing.T) {
	t.Helper()
	r := a.must(t, "audit verify --json")
	var said struct {
		Events   int
		Problems []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || said.Events == 0 || len(said.Problems) != 0 {
		t.Errorf("%v: %v", err, r)
	}
}

// onlyResults wants no visible file in the output's folder but the output.
func onlyResults(t *testing.T, out string) (there bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(out), "[^.]*"))
	if err != nil || len(files) > 1 || len(files) == 1 && files[0] != out {
		t.Errorf("%v: %v", files, err)
	}
	return len(files) == 1
}
