package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/hsm"
)

// An attempt is one thing that whoever has taken over a role would try, from where that role works.
type attempt struct {
	Kind   string
	Target string // a path, from the data folder; a process; a connection string
}

// intruder is in the environment of this test's program where it is started as a user to try what it is told on its standard input.
const intruder = "CHOP_TEST_INTRUDER"

func intrude() int {
	var tries []attempt
	if err := json.NewDecoder(os.Stdin).Decode(&tries); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	answers := make([]string, len(tries))
	for i, a := range tries {
		if err := a.try(); err != nil {
			answers[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		return 1
	}
	return 0
}

// try is nil where the attempt succeeds.
func (a attempt) try() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pid, _ := strconv.Atoi(a.Target)
	switch a.Kind {
	case "read":
		_, err := os.ReadFile(a.Target)
		return err
	case "list":
		_, err := os.ReadDir(a.Target)
		return err
	case "write":
		f, err := os.OpenFile(a.Target, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		return err
	case "create":
		f, err := os.OpenFile(a.Target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			err = errors.Join(f.Close(), os.Remove(a.Target))
		}
		return err
	case "memory":
		f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err == nil {
			f.Close()
		}
		return err
	case "environment":
		_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return err
	case "descriptors":
		_, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		return err
	case "folder":
		_, err := os.ReadDir(fmt.Sprintf("/proc/%d/cwd/", pid))
		return err
	case "debug":
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.PtraceAttach(pid); err != nil {
			return err
		}
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WALL, nil)
		return errors.Join(err, syscall.PtraceDetach(pid))
	case "signal":
		return syscall.Kill(pid, syscall.SIGCONT)
	case "ask":
		client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.Target)
		}}}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
		}
		return err
	case "token", "make a key", "destroy a key", "make a wrapping key", "make a sealing key", "seal", "make an authentication key":
		w, err := hsm.StartWorker(ctx, hsm.WorkerConfig{Role: "intruder", Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.Target)
		}})
		if err != nil {
			return err
		}
		defer w.Close()
		return a.atToken(ctx, w)
	case "database":
		conn, err := pgx.Connect(ctx, a.Target)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	case "become root":
		return syscall.Setuid(0)
	}
	return errors.New("no such attempt")
}

// atToken tries something with a token's keys.
func (a attempt) atToken(ctx context.Context, w hsm.Token) (err error) {
	switch a.Kind {
	case "make a key":
		_, err = w.GenerateKey(ctx, "intruder", hsm.P256)
	case "destroy a key":
		err = w.DestroyKey(ctx, "ocsp")
	case "make a wrapping key":
		_, err = w.Vault(ctx, "intruder")
	case "make a sealing key":
		_, err = w.Sealer(ctx, "intruder")
	case "make an authentication key":
		_, err = w.MAC(ctx, "intruder")
	case "seal":
		var s hsm.Sealer
		if s, err = w.Sealer(ctx, "data"); err == nil {
			_, err = s.Seal(ctx, []byte("x"), nil)
		}
	default:
		_, err = w.Keys(ctx)
	}
	return err
}

// worksIn is where the role of a user works, from the data folder.
var worksIn = map[int]string{
	0: ".", userServer: ".", userApproval: "approval", userActivation: "tokens/activation", userCA: "tokens/ca",
	userTSA: "tokens/tsa", userSeals: "tokens/seals", userSealer: "tokens/sealer", userRoot: "tokens/root",
}

// asUser has an intruder of that user try, where the user's role works.
func (a *appliance) asUser(t *testing.T, uid int, tries []attempt) []string {
	t.Helper()
	from := a.path(worksIn[uid])
	tries = slices.Clone(tries)
	for i, try := range tries {
		if slices.Contains([]string{"read", "list", "write", "create"}, try.Kind) && !filepath.IsAbs(try.Target) {
			path, err := filepath.Rel(from, a.path(try.Target))
			if err != nil {
				t.Fatal(err)
			}
			tries[i].Target = path
		}
	}
	input, err := json.Marshal(tries)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{intruder + "=1", "PATH=/usr/bin:/bin"}
	cmd.Dir = fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("an intruder as user %d: %v", uid, err)
	}
	var answers []string
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(tries) {
		t.Fatalf("%v: %q", err, out)
	}
	return answers
}

// cannot wants each attempt of a user to fail; can, to succeed.
func (a *appliance) cannot(t *testing.T, uid int, tries []attempt) {
	t.Helper()
	for i, answer := range a.asUser(t, uid, tries) {
		if answer == "" {
			t.Errorf("user %d can: %s %s", uid, tries[i].Kind, tries[i].Target)
		}
	}
}

func (a *appliance) can(t *testing.T, uid int, tries []attempt) {
	t.Helper()
	for i, answer := range a.asUser(t, uid, tries) {
		if answer != "" {
			t.Errorf("user %d cannot: %s %s: %s", uid, tries[i].Kind, tries[i].Target, answer)
		}
	}
}

// each is one attempt of a kind at each target.
func each(targets []string, kinds ...string) (tries []attempt) {
	for _, target := range targets {
		for _, kind := range kinds {
			tries = append(tries, attempt{kind, target})
		}
	}
	return tries
}

// filesIn are the files in folders of the data folder, by their paths from it.
func (a *appliance) filesIn(t *testing.T, dirs ...string) (files []string) {
	t.Helper()
	for _, dir := range dirs {
		before := len(files)
		err := filepath.WalkDir(a.path(dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, strings.TrimPrefix(path, a.dir+"/"))
			}
			return err
		})
		if err != nil || len(files) == before {
			t.Fatalf("%s: %d files, %v", dir, len(files)-before, err)
		}
	}
	return files
}
