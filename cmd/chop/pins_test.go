package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What a server writes at its first start gives way to what an operator wrote in the same moment.
func TestWriteFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pins.json")
	for i, text := range []string{"an operator's", "a server's"} {
		err := writeFirst(path, []byte(text), 0o600, -1)
		if there := errors.Is(err, fs.ErrExist); there != (i == 1) || err != nil && !there {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "an operator's" {
		t.Errorf("%q, %v", b, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != "pins.json" {
		t.Errorf("%v, %v", entries, err)
	}
}
