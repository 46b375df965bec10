package portal

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// Every text is there in all three languages, with the same names in it, and none is
// there that no page uses.
func TestTexts(t *testing.T) {
	all := map[string]map[string]any{}
	for _, tongue := range tongues {
		var texts map[string]any
		if _, err := toml.DecodeFile("locales/"+tongue.Tag+".toml", &texts); err != nil {
			t.Fatal(err)
		}
		all[tongue.Tag] = texts
	}
	names := regexp.MustCompile(`\{\{\.(\w+)\}\}`)
	flat := func(text any) string {
		if m, ok := text.(map[string]any); ok {
			s, _ := m["other"].(string)
			return s
		}
		s, _ := text.(string)
		return s
	}
	for _, tongue := range tongues {
		for id, text := range all[tongue.Tag] {
			want := flat(all["en"][id])
			got := flat(text)
			if want == "" || strings.TrimSpace(got) == "" {
				t.Errorf("%s: %q is %q, in English %q", tongue.Tag, id, got, want)
			}
			if a, b := set(names.FindAllString(want, -1)), set(names.FindAllString(got, -1)); !maps.Equal(a, b) {
				t.Errorf("%s: %q names %v, in English %v", tongue.Tag, id, b, a)
			}
			if tongue.Tag != "en" && strings.ContainsAny(got, "“”") && tongue.Tag == "zh-Hant-HK" {
				t.Errorf("%s: %q has quotation marks of another language: %s", tongue.Tag, id, got)
			}
		}
		if got, want := len(all[tongue.Tag]), len(all["en"]); got != want {
			t.Errorf("%s has %d texts, English %d", tongue.Tag, got, want)
		}
	}
	used := usedTexts(t)
	for id := range all["en"] {
		if !used[id] && !usedGroup(used, id) {
			t.Errorf("text %q is used nowhere", id)
		}
	}
	for id := range used {
		if _, ok := all["en"][id]; !ok && !strings.HasSuffix(id, ".") {
			t.Errorf("text %q is used and nowhere written", id)
		}
	}
	if len(all["en"]) < 400 {
		t.Errorf("only %d texts were found", len(all["en"]))
	}
}

// usedTexts finds what templates and handlers ask for: whole names, and beginnings that
// end with a dot.
func usedTexts(t *testing.T) map[string]bool {
	found := map[string]bool{}
	in := func(pattern string, expressions ...string) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range expressions {
				for _, m := range regexp.MustCompile(e).FindAllStringSubmatch(string(text), -1) {
					found[m[1]] = true
				}
			}
		}
	}
	in("templates/*.html", `\bt "([a-z0-9.-]+)"`, `\bt \(print "([a-z0-9.-]+\.)"`)
	in("*.go", `(?:say|again|text|p\.words\.in\(v\.Lang\))\((?:v\.Lang, |t, )?(?:"\w+", )?"([a-z0-9-]+\.[a-z0-9.-]+)"`, `return "((?:upload|to-sign)\.[a-z0-9.-]+)"`,
		`"(form\.(?:year|month|day))"`, `"(error)\.`)
	for _, group := range []string{"activity.", "actor.", "failure.", "error.", "contact.", "upload.", "to-sign.", "signing.", "state."} {
		found[group] = true // by words of the services
	}
	delete(found, "error")
	return found
}

func usedGroup(used map[string]bool, id string) bool {
	for i := range id {
		if id[i] == '.' && used[id[:i+1]] {
			return true
		}
	}
	return false
}

func set(list []string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// Simplified Chinese is written with its own characters, traditional with its own: these
// are frequent ones that exist in one of the two only.
func TestScripts(t *testing.T) {
	for tag, foreign := range map[string]string{
		"zh-Hant-HK": "签机请个们这为与对会后来时发书网帐户开关还进过从无将务该应说让认识权处样电门动张种类页",
		"zh-Hans":    "簽機請個們這為與對會後來時發書網帳開關還進過從無將務該應說讓認識權處樣電門動張種類頁戶碼號證記繳儲",
	} {
		text, err := os.ReadFile("locales/" + tag + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		foreign = strings.ReplaceAll(foreign, "户", "")
		for _, line := range strings.Split(string(text), "\n") {
			if i := strings.IndexAny(line, foreign); i >= 0 {
				t.Errorf("%s: foreign %q in %s", tag, []rune(line[i:])[0], line)
			}
		}
	}
}

// The language of a page: what was chosen, else what the browser asks for, else Hong Kong's.
func TestChoose(t *testing.T) {
	w, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"": "zh-Hant-HK", "en-GB,en;q=0.9": "en", "zh-HK": "zh-Hant-HK", "zh-TW,zh;q=0.9": "zh-Hant-HK", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans",
		"yue": "zh-Hant-HK", "fr": "zh-Hant-HK", "de,en;q=0.5": "en", "not a language;;;": "zh-Hant-HK", strings.Repeat("x,", 500): "zh-Hant-HK",
	} {
		r := request("GET", "/", asked)
		if got := w.choose(r).Tag; got != want {
			t.Errorf("%.30q gives %s, want %s", asked, got, want)
		}
	}
	if got := slices.IndexFunc(tongues, func(t *tongue) bool { return t == tongueOf("zh-Hans") }); got != 2 {
		t.Errorf("tongueOf: %d", got)
	}
}
