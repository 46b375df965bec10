package chop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A document says each thing once: a sentence that is there again was left over, and one day contradicts the other.
func TestDocsOnce(t *testing.T) {
	files, err := filepath.Glob("docs/*.md")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	end, table := regexp.MustCompile(`[.;:] | - `), regexp.MustCompile(`(?m)^\|.*$`)
	for _, name := range append(files, "README.md", "CHANGELOG.md") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, sentence := range end.Split(strings.Join(strings.Fields(table.ReplaceAllString(string(b), "")), " "), -1) {
			if len(sentence) > 50 && seen[sentence] {
				t.Errorf("%s says twice: %s", name, sentence)
			}
			seen[sentence] = true
		}
	}
}
