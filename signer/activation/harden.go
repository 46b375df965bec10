package activation

import (
	"fmt"
	"log/slog"

	"golang.org/x/sys/unix"
)

// Harden keeps the process's memory to itself: no core file, no debugger of the
// same user (PR_SET_DUMPABLE also makes /proc/<pid>/mem root's), and, where the
// limits allow it, no page of it on the swap. Root can read all of it still.
func Harden(log *slog.Logger) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid debugging: %w", err)
	}
	// Pages are locked as they are used: Go reserves far more than it needs.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		log.Warn("memory is not locked: a page with a secret may be swapped out", "error", err, "hint", "LimitMEMLOCK=infinity in the unit")
	}
	return nil
}
