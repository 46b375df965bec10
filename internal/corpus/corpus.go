// Package corpus finds other people's files for tests: they lie in ../shared/corpora, beside
// the repository and not in it, each folder with a table of the same name that says what is
// to be expected. It is for tests only.
package corpus

import (
	"os"
	"path/filepath"
	"testing"

	"chop/internal/corpus/manifest"
)

// Dir returns a folder of the corpora, or all of them for "". A test of files that are not
// there is skipped, with the word that scripts/verdict lets pass.
func Dir(t testing.TB, name string) string {
	t.Helper()
	dir, ok := Find(name)
	if !ok {
		t.Skip("the corpora are absent")
	}
	return dir
}

// Find is Dir for seeds of fuzzing, which do without.
func Find(name string) (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "corpora", name)
	_, err = os.Stat(dir)
	return dir, err == nil
}

// Manifest reads the table of a folder.
func Manifest(t testing.TB, dir string) []manifest.Row {
	t.Helper()
	rows, err := manifest.Read(dir + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
