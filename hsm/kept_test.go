package hsm_test

import (
	"context"
	"crypto"
	"os"
	"path/filepath"
	"testing"

	"chop/hsm"
	"chop/hsm/hsmtest"
)

// A process that is killed while it logs in leaves SoftHSM's own file of the token empty or cut. No key is lost by it,
// and a process that has the token open goes on.
func TestKilledWhileLoggingIn(t *testing.T) {
	cfg := hsmtest.SoftHSM(t)
	files, err := filepath.Glob(filepath.Join(cfg.SoftHSMDir, "softhsm", "*", "token.object"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *hsm.Worker {
		w, err := hsm.StartWorker(t.Context(), hsm.WorkerConfig{Role: "test", Argv: []string{exe, "hsm-worker"}, Token: cfg})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	signs := func(w *hsm.Worker) {
		t.Helper()
		k, err := w.Key(context.Background(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Sign(nil, make([]byte, 32), crypto.SHA256); err != nil {
			t.Error(err)
		}
	}
	first := start()
	defer first.Close()
	if _, err := first.GenerateKey(t.Context(), "k", hsm.P256); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil || len(whole) < 100 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	for _, left := range []int{0, 8, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(files[0], whole[:left], 0o600); err != nil {
			t.Fatal(err)
		}
		second := start()
		signs(second)
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		signs(first)
		if now, err := os.ReadFile(files[0]); err != nil || len(now) != len(whole) {
			t.Errorf("after %d bytes were left: %d, %v; want %d", left, len(now), err, len(whole))
		}
	}
}
