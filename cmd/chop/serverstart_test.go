package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The server's group gets the rights that it is given, and not those that another group had.
func TestLetGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, rights, want os.FileMode }{
		{0o775, 0o010, 0o715},
		{0o770, 0o050, 0o750},
		{0o700, 0o010, 0o710},
		{0o664, 0o040, 0o644},
		{0o710, 0o010, 0o710},
	} {
		path := filepath.Join(t.TempDir(), "there")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.before); err != nil {
			t.Fatal(err)
		}
		if err := letGroup(path, os.Getgid(), c.rights); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != c.want {
			t.Errorf("%o with %o became %o, want %o; %v", c.before, c.rights, info.Mode().Perm(), c.want, err)
		}
	}
}
