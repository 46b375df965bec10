package page

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"chop/registration"
)

// Every text that the page asks for is there, in every language, and no text is left over.
func TestTexts(t *testing.T) {
	t.Parallel()
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{"number-void": true, "gender-M": true, "gender-F": true}
	b, err := fs.ReadFile(templates, "templates/kiosk.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.T "([a-zA-Z-]+)"`).FindAllSubmatch(b, -1) {
		asked[string(m[1])] = true
	}
	pages := []string{pageStart, pageReading, pageAgain, pageData, pageFace, pageCode, pageNumber, pagePhone, pageMaking, pageDone}
	for _, r := range reasons {
		pages = append(pages, "no-"+r)
	}
	for _, p := range pages {
		asked["title-"+p], asked["text-"+p] = true, true
	}
	for _, s := range steps {
		asked["step-"+s.name] = true
	}
	for _, p := range registration.Poses {
		asked["pose-"+p] = true
	}
	for _, h := range registration.FaceHints {
		asked["said-"+h] = true
	}
	for key := range asked {
		if _, ok := all[key]; !ok {
			t.Errorf("no text %q", key)
		}
	}
	for key, list := range all {
		if !asked[key] {
			t.Errorf("nobody asks for the text %q", key)
		}
		if slices.Contains(list, "") {
			t.Errorf("the text %q is empty in a language", key)
		}
	}
}

// A name that is said and not shown is for what has a role: a paragraph has none, and screen readers leave its name out (WAI-ARIA 1.2, 5.2.8.6).
func TestNames(t *testing.T) {
	t.Parallel()
	b, err := fs.ReadFile(templates, "templates/kiosk.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`<(?:p|span|div|b|i)\b[^>]*aria-label[^>]*>`).FindAll(b, -1) {
		if !regexp.MustCompile(`\brole=`).Match(m) {
			t.Errorf("%s", m)
		}
	}
}

// Each end of a case is told by a reason that has a text.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"not-found", "no-match", "deceased", "replaced", "portrait", "cancelled", "expired", "failed", "stopped", "abandoned", ""} {
		if p := outcome(&registration.Case{Outcome: o}); !slices.Contains(reasons, p[len("no-"):]) {
			t.Errorf("%q is told as %q", o, p)
		}
	}
}
