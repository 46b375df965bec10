package activation

import (
	"context"
	"fmt"
	"os"
	"testing"

	"chop/hsm"
)

// TestMain lets the test binary serve as its own token worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hsm-worker" {
		if err := hsm.WorkerMain(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
