package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	seldom = 800       // percent of what lives that may be left behind before it is collected
	usual  = 100       // Go's own
	room   = 256 << 20 // bytes up to which seldom is worth its memory
)

// collectSeldom trades a little memory for speed: what lives between requests is small, what each one leaves behind
// is not, and it would be collected at every doubling of 4 MB (docs/decisions.md). Where more lives it is collected
// as usual: a memory limit would collect without end instead. GOGC in the environment goes before it.
func collectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(seldom)
	now := seldom
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var again func(*[16]byte)
	again = func(after *[16]byte) { // runs after each collection
		metrics.Read(live)
		if next := percent(live[0].Value.Uint64()); next != now {
			now = next
			debug.SetGCPercent(next)
		}
		runtime.SetFinalizer(after, again)
	}
	runtime.SetFinalizer(new([16]byte), again)
}

// percent is how much may be left behind where live bytes live.
func percent(live uint64) int {
	if live == 0 {
		return seldom
	}
	fits := (room - int64(min(live, room))) * 100 / int64(live)
	return int(min(max(fits/usual*usual, usual), seldom)) // in steps: each change stops all for a moment
}
