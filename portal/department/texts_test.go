package department

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"chop/sealing"
)

// Every text that a page asks for is there, and none is left over.
func TestTexts(t *testing.T) {
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadPages(); err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for pattern, find := range map[string]*regexp.Regexp{
		"templates/*.html": regexp.MustCompile(`\.T "([a-zA-Z0-9-]+)"`),
		"*.go":             regexp.MustCompile(`"((?:title|error)-[a-z-]+)"`),
		"assets/*.js":      regexp.MustCompile(`(?:texts\.|texts\['|say\(')([a-z-]+)`),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range find.FindAllStringSubmatch(string(b), -1) {
				if m[1][len(m[1])-1] == '-' {
					continue
				}
				asked[m[1]] = true
				if filepath.Ext(file) == ".js" && !slices.Contains(scriptKeys, m[1]) {
					t.Errorf("%s asks for %q, which the page does not give it", file, m[1])
				}
			}
		}
	}
	if len(asked) < 60 {
		t.Fatalf("only %d texts are asked for: does this test still find them?", len(asked))
	}
	for _, key := range scriptKeys {
		asked[key] = true
	}
	for _, s := range []string{sealing.Draft, sealing.Asked, sealing.Approved, sealing.Declined, sealing.Done, sealing.Withdrawn, sealing.Expired} {
		asked["state-"+s] = true
	}
	for _, r := range []string{sealing.Verifier, sealing.Sealer, sealing.Approver} {
		asked["role-"+r] = true
	}
	for _, f := range sealing.Formats {
		asked["format-"+f] = true
	}
	for _, l := range levels {
		asked["level-"+l] = true
	}
	for key := range asked {
		if all[key] == nil {
			t.Errorf("no text for %q", key)
		}
	}
	for key := range all {
		if !asked[key] {
			t.Errorf("nobody asks for the text %q", key)
		}
	}
}
