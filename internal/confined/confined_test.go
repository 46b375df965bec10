package confined_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/confined"
)

func shell(t *testing.T, script, in string) (string, error) {
	t.Helper()
	p := confined.Program{Path: "/bin/sh", Args: []string{"-c", script}, Memory: 256 << 20, Timeout: time.Minute}
	var out bytes.Buffer
	err := p.Run(t.Context(), strings.NewReader(in), &out)
	return out.String(), err
}

// What a program that was taken over cannot do.
func TestConfined(t *testing.T) {
	t.Setenv("CHOP_SECRET", "abc")
	if out, err := shell(t, "cat; env", "read "); err != nil || !strings.HasPrefix(out, "read ") || strings.Contains(out, "CHOP_SECRET") {
		t.Errorf("%q, %v", out, err)
	}
	file := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, _ = shell(t, "cat >"+file, "an upload")
	if b, err := os.ReadFile(file); err != nil || len(b) > 0 {
		t.Errorf("it wrote %q, %v", b, err)
	}
	// read -r waits for the first byte, which comes when the limits are there.
	if out, err := shell(t, "read -r x; ulimit -v; ulimit -f; ulimit -c", "x\n"); err != nil || out != "262144\n0\n0\n" {
		t.Errorf("limits %q, %v", out, err)
	}
	if out, err := shell(t, "cat /proc/net/dev", ""); err != nil || strings.Contains(out, "eth") {
		t.Errorf("its network: %q, %v", out, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

// How a run fails.
func TestErrors(t *testing.T) {
	if _, err := shell(t, "cat >/dev/null; exit 3", "secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	p := confined.Program{Path: "/nonexistent", Memory: 1 << 20, Timeout: time.Second}
	if err := p.Run(t.Context(), strings.NewReader(""), full{}); !errors.Is(err, confined.ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
	p = confined.Program{Path: "/bin/sleep", Args: []string{"3600"}, Memory: 256 << 20, Timeout: 50 * time.Millisecond}
	if err := p.Run(t.Context(), strings.NewReader(""), full{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("endless: %v", err)
	}
	p = confined.Program{Path: "/bin/cat", Memory: 256 << 20, Timeout: time.Minute}
	if err := p.Run(t.Context(), strings.NewReader("a"), full{}); err == nil {
		t.Error("a writer that takes nothing was not heeded")
	}
}
