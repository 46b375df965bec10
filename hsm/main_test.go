package hsm_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"chop/hsm"
)

// TestMain lets the test binary serve as its own token worker, of both kinds.
func TestMain(m *testing.M) {
	bodies := map[string]func(context.Context) error{"hsm-worker": hsm.WorkerMain, "hsm-worker-launched": hsm.LaunchedMain}
	if len(os.Args) > 1 && bodies[os.Args[1]] != nil {
		if err := bodies[os.Args[1]](context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
