package readertest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Each test in a process has its own pcscd: the second one is not asked for at the first one's socket.
func TestTwo(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "chop-card"), "../../chop-card").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			New(t, dir)
		})
	}
}
