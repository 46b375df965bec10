package verify

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"chop/validation"
	"chop/validation/changes"
	"chop/validation/eto"
)

// Every text that a page asks for is there, in every language, and so is every word that is put together from a state.
func TestTexts(t *testing.T) {
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for pattern, files := range map[string]string{`\{\{-?t "([a-z-]+)"|[( ]t "([a-z-]+)"`: ".html", `[( ]t\("([a-z-]+)"|texts\.in\(lang, "([a-z-]+)"`: ".go", `(?:texts\[|say\()'([a-z-]+)'`: ".js"} {
		find := regexp.MustCompile(pattern)
		err := fs.WalkDir(os.DirFS("."), ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, files) || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range find.FindAllStringSubmatch(string(b), -1) {
				if key := strings.Join(m[1:], ""); !strings.HasSuffix(key, "-") {
					asked[key] = true
				}
				if files == ".js" && !strings.HasSuffix(m[1], "-") && !contains(scriptKeys, m[1]) {
					t.Errorf("%s asks for %q, which the page does not give it", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) < 90 {
		t.Fatalf("only %d texts are asked for: does this test still find them?", len(asked))
	}
	for _, v := range verdicts {
		asked["say-"+string(v)], asked["verdict-"+string(v)], asked["filter-"+string(v)] = true, true, true
	}
	for _, k := range []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign, changes.NewField, changes.Note, changes.Other} {
		asked["kind-"+slug(k)] = true
	}
	for _, l := range []changes.Level{"", changes.None, changes.Allowed} {
		asked["why-"+string(l)] = true
	}
	for _, l := range []changes.Level{changes.None, changes.Allowed, changes.Suspicious} {
		asked["changes-"+string(l)], asked["changes-lead-"+string(l)] = true, true
	}
	for _, a := range []eto.Answer{eto.Satisfied, eto.NotSatisfied, eto.Undecided} {
		asked["eto-"+slug(a)] = true
	}
	for _, i := range []validation.Indication{validation.TotalPassed, validation.TotalFailed, validation.Indeterminate} {
		asked["ind-"+slug(i)] = true
	}
	for _, s := range []validation.Status{validation.Passed, validation.Failed, validation.Warning, validation.Ignored} {
		asked["status-"+slug(s)] = true
	}
	for _, key := range append(append([]string{"sub-other", "sub-passed", "why-suspicious", "why-parts", "why-stamped", "why-no-signature", "why-unreadable", "filter-all"}, subs...), scriptKeys...) {
		asked[key] = true
	}
	for _, key := range []string{"none", "large", "files", "detached", "kind", "busy", "slow", "many", "request", "crossed", "ours"} {
		asked["error-"+key] = true
	}
	for _, l := range languages {
		asked["name-"+l] = true
	}
	for key := range asked {
		list, ok := all[key]
		if !ok {
			t.Errorf("no text %q", key)
		}
		for i, text := range list {
			if strings.TrimSpace(text) == "" {
				t.Errorf("text %q is empty in %s", key, languages[i])
			}
			if strings.Count(text, "%") != strings.Count(list[0], "%") {
				t.Errorf("text %q has other arguments in %s", key, languages[i])
			}
		}
	}
	for key := range all {
		if !asked[key] {
			t.Errorf("nobody asks for the text %q", key)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Pages load nothing from elsewhere and hold no script of their own, so that the policy in their header can hold.
func TestPagesAreStrict(t *testing.T) {
	bad := regexp.MustCompile(`(?i)\son[a-z]+=|style=|javascript:|https?://|<script(?: |>)[^>]*>[^<{]`)
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := fs.ReadFile(templates, f)
		if err != nil {
			t.Fatal(err)
		}
		if m := bad.Find(b); m != nil {
			t.Errorf("%s has %q", f, m)
		}
	}
}
