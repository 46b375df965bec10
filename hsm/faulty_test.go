package hsm

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faulty is a token whose module misbehaves on demand: SoftHSM behind
// testdata/faulty.c.
type faulty struct {
	cfg Config
	dir string
}

// compileFaulty builds the module once for the test process.
var compileFaulty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "faulty")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	lib := filepath.Join(dir, "faulty.so")
	cmd := exec.Command("cc", "-shared", "-fPIC", "-O1", "-DREAL=\""+SoftHSMModule+"\"", "-o", lib, "testdata/faulty.c", "-ldl", "-lpthread")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return os.ReadFile(lib)
})

func newFaulty(t testing.TB) *faulty {
	t.Helper()
	lib, err := compileFaulty()
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{dir: t.TempDir()}
	f.cfg = Config{Module: filepath.Join(f.dir, "faulty.so"), Label: "test", PIN: "1234-user", SoftHSMDir: filepath.Join(f.dir, "token"), Log: slog.New(slog.DiscardHandler)}
	if err := os.WriteFile(f.cfg.Module, lib, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := CreateSoftHSM(t.Context(), f.cfg.SoftHSMDir, f.cfg.Label, f.cfg.PIN, "1234-so"); err != nil {
		t.Fatal(err)
	}
	return f
}

// fault sets what goes wrong from now on: "C_Sign before 0x30 1".
func (f *faulty) fault(t testing.TB, format string, args ...any) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, "faults"), []byte(fmt.Sprintf(format, args...)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// calls counts how often a function reached the real module.
func (f *faulty) calls(t testing.TB, name string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Fields(string(text)) {
		if line == name {
			n++
		}
	}
	return n
}

// freeze stops a process and waits until the kernel has done so.
func freeze(t testing.TB, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(rest, "T") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// balanced reports whether every unwrapped key was destroyed: objects made by
// unwrapping, generating and importing, against objects destroyed. The probes
// of a vault leave their throwaway KEKs to the end of their session.
func (f *faulty) balanced(t testing.TB) bool {
	made := f.calls(t, "C_UnwrapKey") - refusedUnwraps + 2*f.calls(t, "C_GenerateKeyPair") + f.calls(t, "C_CreateObject")
	return made == f.calls(t, "C_DestroyObject")
}

// refusedUnwraps is how many unwraps of a vault's probe the token refuses.
const refusedUnwraps = 4
