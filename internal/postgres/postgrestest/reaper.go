package postgrestest

import (
	_ "embed"
	"fmt"
	"os/exec"
	"syscall"
)

// A test process cannot know that it is the last of a run, and the next package
// starts a moment later. So a small script stays behind, watches the flock that
// each test process holds, and clears up when nobody held it for a while.
//
//go:embed reaper.sh
var reaper string

// startReaper starts the script, which ends at once where one runs already. It
// inherits no descriptor: `go test` waits for those.
func startReaper(dir string) error {
	cmd := exec.Command("/bin/sh", "-c", reaper, "chop-test-reaper", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the reaper: %w", err)
	}
	go cmd.Wait()
	return nil
}
