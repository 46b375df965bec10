package hsmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"chop/hsm"
)

// SoftHSM makes a fresh SoftHSM token and returns its configuration. It runs
// softhsm2-util, so that it works while this process has the module in use.
func SoftHSM(t testing.TB) hsm.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "softhsm"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	text := "directories.tokendir = " + filepath.Join(dir, "softhsm") + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := hsm.Config{Module: hsm.SoftHSMModule, Label: "test", PIN: "4711-test", SoftHSMDir: dir}
	cmd := exec.Command("softhsm2-util", "--init-token", "--free", "--label", cfg.Label, "--pin", cfg.PIN, "--so-pin", "0815-test")
	cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("softhsm2-util (Debian package softhsm2): %v\n%s", err, out)
	}
	return cfg
}
