package hsm_test

import (
	"os"
	"testing"

	"chop/hsm"
	"chop/hsm/hsmtest"
)

func TestLocal(t *testing.T) {
	hsmtest.Run(t, func(t *testing.T) hsm.Token { return openLocal(t, hsmtest.SoftHSM(t)) })
}

func TestWorker(t *testing.T) {
	hsmtest.Run(t, func(t *testing.T) hsm.Token { return startWorker(t, hsm.WorkerConfig{Token: hsmtest.SoftHSM(t)}) })
}

func openLocal(t testing.TB, cfg hsm.Config) *hsm.Local {
	t.Helper()
	l, err := hsm.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func startWorker(t testing.TB, cfg hsm.WorkerConfig) *hsm.Worker {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Role, cfg.Argv = "test", []string{exe, "hsm-worker"}
	w, err := hsm.StartWorker(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestCreateSoftHSM(t *testing.T) {
	dir := t.TempDir()
	if err := hsm.CreateSoftHSM(t.Context(), dir+"/here", "seals", "123456", "654321"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/here", dir+"/there"); err != nil {
		t.Fatal(err)
	}
	l := openLocal(t, hsm.Config{Module: hsm.SoftHSMModule, Label: "seals", PIN: "123456", SoftHSMDir: dir + "/there"})
	if _, err := l.GenerateKey(t.Context(), "k", hsm.P384); err != nil {
		t.Fatal(err)
	}
}
