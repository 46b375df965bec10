package timestamping

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// KernelClockConfig says how good the clock must be.
type KernelClockConfig struct {
	Accuracy time.Duration // the largest error that the kernel may estimate

	adjtimex func(*unix.Timex) (int, error) // tests
}

// KernelClock reads the time together with the kernel's own opinion of it (adjtimex(2)), in one call, so that the
// state is that of the very moment. It trusts the clock while a time daemon (chrony, ntpd, with a traceable source)
// keeps it synchronised and the estimated maximum error, which grows as soon as the daemon stops, is within Accuracy.
// It recovers by itself when the daemon has the clock in hand again.
type KernelClock struct {
	config KernelClockConfig
}

// NewKernelClock checks the configuration, not the clock.
func NewKernelClock(c KernelClockConfig) (*KernelClock, error) {
	if c.Accuracy <= time.Millisecond {
		return nil, errors.New("kernel clock: an accuracy of more than 1 ms is wanted, since tokens carry milliseconds")
	}
	if c.adjtimex == nil {
		c.adjtimex = unix.Adjtimex
	}
	return &KernelClock{c}, nil
}

// Now gives the time, or ErrClock.
func (c *KernelClock) Now() (time.Time, error) {
	var t unix.Timex // Modes 0: read only
	state, err := c.config.adjtimex(&t)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: adjtimex: %w", ErrClock, err)
	}
	switch state {
	case unix.TIME_ERROR:
		return time.Time{}, fmt.Errorf("%w: the kernel says that it is not synchronised", ErrClock)
	case unix.TIME_OOP:
		return time.Time{}, fmt.Errorf("%w: leap second", ErrClock)
	}
	// The cut to milliseconds adds up to one to the error.
	if worst := time.Duration(t.Maxerror)*time.Microsecond + time.Millisecond; worst > c.config.Accuracy {
		return time.Time{}, fmt.Errorf("%w: it may be off by %s", ErrClock, worst)
	}
	fraction := time.Duration(t.Time.Usec) * time.Microsecond
	if t.Status&unix.STA_NANO != 0 {
		fraction = time.Duration(t.Time.Usec)
	}
	return time.Unix(t.Time.Sec, 0).Add(fraction), nil
}
