package timestamping

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrClock: the clock cannot be shown to be within its accuracy, so it must not be used.
var ErrClock = errors.New("clock not trusted")

// SystemClockConfig is what a SystemClock watches for.
type SystemClockConfig struct {
	Accuracy time.Duration // how far the clocks may drift apart
	Settle   time.Duration // quiet time after a jump before the clock is trusted again; 0: 5 minutes
	Log      *slog.Logger  // nil: slog.Default

	read func() (wall time.Time, monotonic time.Duration) // tests
}

// SystemClock trusts the computer's clock until it jumps: as long as the wall clock and the monotonic clock advance in
// step, to within Accuracy, since the reference was taken. It cannot know whether the clock was right to begin with,
// nor see it being slewed (which moves both clocks): for that there is KernelClock. A suspended machine counts as a
// jump.
//
// Recovery: the first reading after a jump becomes the new reference, and once both clocks have kept in step with it
// for Settle, counted by the monotonic clock, the time is trusted again: most likely it was just put right. A further
// jump in between starts the wait anew.
type SystemClock struct {
	config SystemClockConfig

	mu        sync.Mutex
	reference time.Time     // what the wall clock should show at monotonic 0
	jumped    bool          // not trusted
	since     time.Duration // monotonic reading when reference was taken, if jumped
}

// NewSystemClock takes the reference now.
func NewSystemClock(c SystemClockConfig) (*SystemClock, error) {
	if c.Accuracy <= 0 || c.Settle < 0 {
		return nil, errors.New("system clock: Accuracy is wanted, and Settle must not be negative")
	}
	if c.Settle == 0 {
		c.Settle = 5 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.read == nil {
		start := time.Now()
		c.read = func() (time.Time, time.Duration) {
			now := time.Now()
			return now.Round(0), now.Sub(start) // Round drops the monotonic reading, Sub uses it
		}
	}
	wall, monotonic := c.read()
	return &SystemClock{config: c, reference: wall.Add(-monotonic)}, nil
}

// Now gives the time, or ErrClock.
func (c *SystemClock) Now() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, monotonic := c.config.read()
	drift := wall.Sub(c.reference.Add(monotonic))
	if drift.Abs() > c.config.Accuracy {
		c.config.Log.Error("the clock jumped: no timestamps until it has kept in step", "by", drift, "for", c.config.Settle)
		c.reference, c.jumped, c.since = wall.Add(-monotonic), true, monotonic
		return time.Time{}, fmt.Errorf("%w: jumped by %s", ErrClock, drift)
	}
	if c.jumped {
		quiet := monotonic - c.since
		if quiet < c.config.Settle {
			return time.Time{}, fmt.Errorf("%w: jumped %s ago", ErrClock, quiet)
		}
		c.jumped = false
		c.config.Log.Info("the clock has kept in step again and is trusted", "for", quiet)
	}
	return wall, nil
}
