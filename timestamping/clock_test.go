package timestamping

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	wall, monotonic := start, time.Duration(0)
	clock, err := NewSystemClock(SystemClockConfig{Accuracy: time.Second, Settle: time.Minute, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		read: func() (time.Time, time.Duration) { return wall, monotonic }})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name            string
		wall, monotonic time.Duration // how far each advances
		ok              bool
	}{
		{"in step", time.Hour, time.Hour, true},
		{"a little ahead", time.Hour + 900*time.Millisecond, time.Hour, true},
		{"drifted too far in sum", time.Hour + 200*time.Millisecond, time.Hour, false},
		{"soon after", time.Second, time.Second, false},
		{"still waiting", 58 * time.Second, 58 * time.Second, false},
		{"settled", time.Second, time.Second, true},
		{"jump back", -time.Hour, time.Second, false},
		{"almost settled", 59 * time.Second, 59 * time.Second, false},
		{"jump again", time.Hour, time.Second, false},
		{"the wait starts anew", 59 * time.Second, 59 * time.Second, false},
		{"settled again", time.Second, time.Second, true},
		{"suspended machine", time.Hour, 0, false},
		{"wall clock stands still", 0, 2 * time.Second, false},
		{"settled at last", time.Minute, time.Minute, true},
	} {
		wall, monotonic = wall.Add(step.wall), monotonic+step.monotonic
		got, err := clock.Now()
		if (err == nil) != step.ok || err != nil && !errors.Is(err, ErrClock) || err == nil && !got.Equal(wall) {
			t.Fatalf("%s: %v, %v", step.name, got, err)
		}
	}
	for _, c := range []SystemClockConfig{{}, {Accuracy: -1}, {Accuracy: 1, Settle: -1}} {
		if _, err := NewSystemClock(c); err == nil {
			t.Errorf("%+v accepted", c)
		}
	}
}

// The real clocks of the machine run in step.
func TestSystemClockReal(t *testing.T) {
	t.Parallel()
	clock, err := NewSystemClock(SystemClockConfig{Accuracy: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		got, err := clock.Now()
		if err != nil || time.Since(got).Abs() > time.Second {
			t.Fatalf("%v, %v", got, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestKernelClock(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 123_456_000)
	for _, c := range []struct {
		name     string
		state    int
		maxerror int64
		status   int32
		usec     int64
		err      error
		ok       bool
	}{
		{"synchronised", unix.TIME_OK, 20_000, 0, 123_456, nil, true},
		{"nanoseconds", unix.TIME_OK, 20_000, unix.STA_NANO, 123_456_000, nil, true},
		{"leap second announced", unix.TIME_INS, 20_000, 0, 123_456, nil, true},
		{"leap second in progress", unix.TIME_OOP, 20_000, 0, 123_456, nil, false},
		{"after a leap second", unix.TIME_WAIT, 20_000, 0, 123_456, nil, true},
		{"not synchronised", unix.TIME_ERROR, 20_000, unix.STA_UNSYNC, 123_456, nil, false},
		{"just within the accuracy", unix.TIME_OK, 499_000, 0, 123_456, nil, true},
		{"just outside", unix.TIME_OK, 499_001, 0, 123_456, nil, false},
		{"refused by the kernel", 0, 0, 0, 0, unix.EPERM, false},
	} {
		clock, err := NewKernelClock(KernelClockConfig{Accuracy: 500 * time.Millisecond, adjtimex: func(x *unix.Timex) (int, error) {
			if x.Modes != 0 {
				t.Errorf("modes %x: the clock would be set", x.Modes)
			}
			x.Maxerror, x.Status, x.Time = c.maxerror, c.status, unix.Timeval{Sec: at.Unix(), Usec: c.usec}
			return c.state, c.err
		}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := clock.Now()
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrClock) || err == nil && !got.Equal(at) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	if _, err := NewKernelClock(KernelClockConfig{}); err == nil {
		t.Error("no accuracy accepted")
	}
}

// The real kernel either gives the time or says why not.
func TestKernelClockReal(t *testing.T) {
	t.Parallel()
	clock, err := NewKernelClock(KernelClockConfig{Accuracy: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	got, err := clock.Now()
	if err != nil && !errors.Is(err, ErrClock) || err == nil && time.Since(got).Abs() > 2*time.Second {
		t.Fatalf("%v, %v", got, err)
	}
	t.Logf("%v, %v", got, err)
}
