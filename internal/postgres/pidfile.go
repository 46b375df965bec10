package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// postmaster is what a server writes into its data folder's postmaster.pid.
type postmaster struct {
	PID       int
	Port      int
	SocketDir string // folder of its first Unix socket
	Status    string // "starting", "ready", "stopping", "standby"; "" at first
}

// maxPidfile bounds what is read of a postmaster.pid, whose lines are paths.
const maxPidfile = 16 << 10

func readPostmaster(path string) (postmaster, error) {
	f, err := os.Open(path)
	if err != nil {
		return postmaster{}, err
	}
	defer f.Close()
	b := make([]byte, maxPidfile+1)
	n, err := f.Read(b)
	if err != nil {
		return postmaster{}, fmt.Errorf("read %s: %w", path, err)
	}
	return parsePostmaster(string(b[:n]))
}

// parsePostmaster reads the lines: process id, data folder, start time, port,
// socket folder, listen address, shared memory key, status. While a server
// starts, the last ones are missing: then SocketDir and Status are empty.
func parsePostmaster(text string) (postmaster, error) {
	if len(text) > maxPidfile {
		return postmaster{}, fmt.Errorf("postmaster.pid has over %d bytes", maxPidfile)
	}
	lines := strings.Split(text, "\n")
	line := func(i int) string {
		if i < len(lines) {
			return strings.TrimSpace(lines[i])
		}
		return ""
	}
	pid, err := strconv.Atoi(line(0))
	if err != nil {
		return postmaster{}, fmt.Errorf("postmaster.pid: process id %q", line(0))
	}
	if pid < 0 { // a single-user server
		pid = -pid
	}
	// Signals to 0 and 1 would reach our own group, or init.
	if pid <= 1 {
		return postmaster{}, fmt.Errorf("postmaster.pid: process id %d", pid)
	}
	pm := postmaster{PID: pid, SocketDir: line(4), Status: line(7)}
	if p := line(3); p != "" {
		if pm.Port, err = strconv.Atoi(p); err != nil || pm.Port < 1 || pm.Port > 65535 {
			return postmaster{}, fmt.Errorf("postmaster.pid: port %q", p)
		}
	}
	if pm.SocketDir != "" && !filepath.IsAbs(pm.SocketDir) {
		return postmaster{}, fmt.Errorf("postmaster.pid: socket folder %q", pm.SocketDir)
	}
	return pm, nil
}

// worksIn reports whether the process's working directory is the folder dir. A
// process that has ended, but was not waited for, has none.
func worksIn(pid int, dir string) bool {
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	want, err := os.Stat(dir)
	return err == nil && os.SameFile(cwd, want)
}

// anyWorksIn reports whether some process has dir as its working directory:
// the server itself, or a backend that outlived a killed server.
func anyWorksIn(dir string) bool {
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false
	}
	for _, p := range procs {
		pid, err := strconv.Atoi(filepath.Base(p))
		if err == nil && worksIn(pid, dir) {
			return true
		}
	}
	return false
}
