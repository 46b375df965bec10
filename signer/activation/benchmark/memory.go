package benchmark

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
)

// Memory is how much of the machine's memory processes hold, in bytes (proc(5), VmRSS and VmHWM).
type Memory struct {
	Process, ProcessPeak int64 // this one, after its garbage was returned
	Worker, WorkerPeak   int64 // its token's worker: the newer one, while one replaces the other
}

// look measures this process and its token's worker.
func look() (m Memory, err error) {
	debug.FreeOSMemory()
	if m.Process, m.ProcessPeak, err = resident64("self"); err != nil {
		return m, err
	}
	children, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return m, err
	}
	newest := 0
	for _, file := range children {
		list, _ := os.ReadFile(file) // the thread may have ended
		for field := range bytes.FieldsSeq(list) {
			pid, err := strconv.Atoi(string(field))
			if err != nil {
				return m, fmt.Errorf("read %s: %w", file, err)
			}
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // the child may have ended
			if bytes.Contains(line, []byte("hsm-worker")) {
				newest = max(newest, pid)
			}
		}
	}
	if newest == 0 {
		return m, nil // the token is in this process
	}
	m.Worker, m.WorkerPeak, err = resident64(strconv.Itoa(newest))
	return m, err
}

var (
	nowLine  = regexp.MustCompile(`(?m)^VmRSS:\s*(\d+) kB$`)
	peakLine = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)
)

// resident64 is the resident memory of a process, now and at most.
func resident64(process string) (now, peak int64, err error) {
	b, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, 0, err
	}
	for re, to := range map[*regexp.Regexp]*int64{nowLine: &now, peakLine: &peak} {
		m := re.FindSubmatch(b)
		if m == nil {
			return 0, 0, fmt.Errorf("measure memory of process %s: no such line", process)
		}
		kB, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			return 0, 0, err
		}
		*to = kB << 10
	}
	return now, peak, nil
}
