package main_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server whose token workers are killed starts others: the next requests are answered.
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
		return strings.Contains(accepts(t, "openssl", "ts", "-reply", "-in", saved(t, "reply.tsr", body.Bytes()), "-text").stdout, "Status: Granted.")
	}
	if !granted() {
		t.Fatal("no timestamp before anything was killed")
	}
	for round := range 2 {
		killed := 0
		for _, p := range a.processes(t) {
			if p.isWorker() {
				err := syscall.Kill(p.pid, syscall.SIGKILL)
				if errors.Is(err, syscall.ESRCH) { // it has ended since it was listed
					continue
				}
				if err != nil {
					t.Fatal(p, err)
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
