package readertest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Process is a program that runs beside the test, and what it said.
type Process struct {
	Cmd *exec.Cmd
	// Over is closed when the program has ended.
	Over chan struct{}

	mu   sync.Mutex
	said []string
}

// Start starts a program, which ends with the test.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, Over: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(p.Over)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.mu.Lock()
			p.said = append(p.said, lines.Text())
			p.mu.Unlock()
		}
		_ = cmd.Wait() // killed, mostly
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be over
		<-p.Over
		r.Close()
	})
	return p
}

// Text is what it has said so far.
func (p *Process) Text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// Until waits for something, as long as the program runs.
func (p *Process) Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-p.Over:
			if !done() {
				t.Fatalf("%s ended before %s:\n%s", p.Cmd.Path, what, p.Text())
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
