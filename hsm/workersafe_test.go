package hsm

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A wrong PIN is told, and not tried again by restarting.
func TestWorkerWrongPIN(t *testing.T) {
	f := newFaulty(t)
	f.cfg.PIN = "wrong"
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = StartWorker(t.Context(), WorkerConfig{Role: "test", Argv: []string{exe, "hsm-worker"}, Token: f.cfg})
	if !errors.Is(err, ErrPIN) {
		t.Errorf("got %v, want ErrPIN", err)
	}
}

// The PIN is in no place that another process can read: not in the worker's
// arguments or environment, and not in a log line.
func TestPINStaysInTheSocket(t *testing.T) {
	f := newFaulty(t)
	var log bytes.Buffer
	w := startFaulty(t, f, WorkerConfig{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if _, err := w.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(w.pid()), name))
		if err != nil {
			if name == "environ" && errors.Is(err, os.ErrPermission) {
				continue // the worker forbids it to us: better still
			}
			t.Fatal(err)
		}
		read++
		if bytes.Contains(text, []byte(f.cfg.PIN)) {
			t.Errorf("/proc/PID/%s has the PIN", name)
		}
	}
	if read == 0 {
		t.Error("nothing was looked at")
	}
	f.fault(t, "C_Sign die 0 1")
	k, err := w.Key(t.Context(), "k")
	if err == nil {
		err = signOnce(k)
	}
	if err == nil || strings.Contains(err.Error(), f.cfg.PIN) {
		t.Errorf("error: %v", err)
	}
	w.Close()
	if strings.Contains(log.String(), f.cfg.PIN) {
		t.Error("the log has the PIN")
	}
}

// The worker ends by itself when its parent is gone, hanging module or not.
// This test is the parent, without the machinery that would kill the worker.
func TestWorkerEndsWithItsParent(t *testing.T) {
	for _, fault := range []string{"", "C_FindObjectsInit hang 0 1"} {
		f := newFaulty(t)
		f.cfg.Sessions = 2
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe, "hsm-worker")
		cmd.ExtraFiles = []*os.File{theirs}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		conn, err := net.FileConn(ours)
		if err != nil {
			t.Fatal(err)
		}
		ours.Close()
		w := newWire(conn, time.Second)
		if err := w.send(1, opHello, hello{f.cfg, 500 * time.Millisecond}.encode()...); err != nil {
			t.Fatal(err)
		}
		if m, err := w.receive(); err != nil || m.op != opOK {
			t.Fatalf("hello: %+v, %v", m, err)
		}
		f.fault(t, "%s", fault)
		if err := w.send(2, opKeys); err != nil {
			t.Fatal(err)
		}
		// An answer, or the pulse of a call that hangs: it is at work.
		if m, err := w.receive(); err != nil || (m.op == opPulse) != (fault != "") {
			t.Fatalf("%q: %+v, %v", fault, m, err)
		}
		conn.Close()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%q: %v", fault, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%q: the worker outlives its parent", fault)
			cmd.Process.Kill()
			<-ended
		}
	}
}

func TestWorkerConfigIsChecked(t *testing.T) {
	good := Config{Module: SoftHSMModule, Label: "x", PIN: "1234"}
	for name, c := range map[string]WorkerConfig{
		"no program":       {Token: good},
		"no PIN":           {Argv: []string{"/bin/true"}, Token: Config{Module: SoftHSMModule, Label: "x"}},
		"relative module":  {Argv: []string{"/bin/true"}, Token: Config{Module: "x.so", Label: "x", PIN: "1234"}},
		"negative timeout": {Argv: []string{"/bin/true"}, Token: good, CallTimeout: -1},
		"no such program":  {Argv: []string{"/nonexistent"}, Token: good},
		"no worker":        {Argv: []string{"/bin/true"}, Token: good},
	} {
		if w, err := StartWorker(t.Context(), c); err == nil {
			w.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
