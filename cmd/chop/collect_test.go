package main

import "testing"

// Little that lives is collected seldom, much as usual, and never is the room beyond what Go would take itself.
func TestCollectPercent(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 800, 4 << 20: 800, 28 << 20: 800, 40 << 20: 500, 64 << 20: 300, 128 << 20: 100, 200 << 20: 100, 1 << 40: 100} {
		if got := percent(live); got != want {
			t.Errorf("%d MB live: %d percent, want %d", live>>20, got, want)
		}
	}
}
