package hsm

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a program remembers of its number is right after a fork, too.
func TestNumberAfterFork(t *testing.T) {
	program := filepath.Join(t.TempDir(), "forks")
	if out, err := exec.Command("cc", "-O1", "-o", program, "getpid.c", "testdata/forks.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(program).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Modules find this program's getpid, and nothing else of it that they could take for their own.
func TestProgramOffersGetpidAlone(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var offered []string
	for _, s := range symbols {
		cgo := strings.HasPrefix(s.Name, "_cgo_") || s.Name == "crosscall2" // of Go's own
		if s.Section != elf.SHN_UNDEF && elf.ST_TYPE(s.Info) == elf.STT_FUNC && !cgo {
			offered = append(offered, s.Name)
		}
	}
	if !slices.Equal(offered, []string{"getpid"}) {
		t.Errorf("the program offers %q to the libraries that it loads, want getpid alone", offered)
	}
}
