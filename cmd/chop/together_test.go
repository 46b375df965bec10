package main_test

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Many commands at the same time, on the folder of a server that is running: they share the database, the tokens'
// files and the records, and none of them gets in another's way.
func TestCommandsTogether(t *testing.T) {
	t.Parallel()
	a := shared.open(t)
	seal := shared.seal(t, "p256", "")
	in := saved(t, "letter.pdf", letter("Dear Sir"))
	var all sync.WaitGroup
	for range 4 {
		signed, cert := filepath.Join(t.TempDir(), "signed.pdf"), filepath.Join(t.TempDir(), "cert.pem")
		for _, c := range []struct {
			words string
			args  []string
		}{
			{"sign pdf", []string{"--credential", seal, "--level", "B-LT", "--in", in, "--out", signed}},
			{"ca issue", []string{"--profile", "department-seal", "--csr", newRequest(t), "--out", cert}},
			{"seal list", nil},
			{"seal create", []string{"--name", "Lands Department"}},
			{"audit verify", nil},
		} {
			all.Go(func() {
				if r := a.run(t, c.words, c.args...); r.code != 0 {
					t.Errorf("%v", r)
				}
			})
		}
	}
	all.Wait()
}

// Several processes that miss the same key at the same moment make one.
func TestMissingKeyTogether(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			// It needs the infrastructure CA and the reference server's key, and serves until it is told to end.
			address := freePort()
			cmd := a.command(t.Context(), "immd-reference", "--listen", address)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			eventually(t, "it answers, or has ended", func() bool {
				conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // whoever answers will do
				if err == nil {
					conn.Close()
				}
				line, _ := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cmdline") // empty of one that has ended
				return err == nil || len(line) == 0
			})
			_ = cmd.Process.Signal(syscall.SIGTERM) // one that has failed is gone already
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &stderr)
			}
		})
	}
	all.Wait()
	public, err := exec.Command("openssl", "pkey", "-in", a.path("secrets", "immd-reference.key"), "-pubout").Output()
	if err != nil || string(public) != string(readFile(t, a.path("public", "immigration.pem"))) {
		t.Errorf("%v: the reference server's key has another public half", err)
	}
}
