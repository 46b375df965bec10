package desk

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"chop/policies"
	"chop/registration"
	"chop/registration/officers"
)

// Every text that a page asks for is there, in every language; and every word that a page puts together from a state.
func TestTexts(t *testing.T) {
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	fixed := regexp.MustCompile(`\.T "([a-z-]+)"`)
	inGo := regexp.MustCompile(`"((?:title|error|wrong|order|step)-[a-z-]+)"`)
	err = fs.WalkDir(os.DirFS("."), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		find := fixed
		if strings.HasSuffix(path, ".go") {
			find = inGo
		}
		for _, m := range find.FindAllSubmatch(b, -1) {
			asked[string(m[1])] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, words := range map[string][]string{
		"case-":    {string(registration.Opened), string(registration.Entered), string(registration.Confirmed), string(registration.Verified), string(registration.Scanned), string(registration.Bound), string(registration.Accepted), string(registration.Enrolling), string(registration.Ticketed), string(registration.Made), string(registration.Issued), string(registration.Done), string(registration.Refused), string(registration.Ended)},
		"account-": {string(registration.Pending), string(registration.Active), string(registration.Suspended), string(registration.Closed)},
		"officer-": {string(officers.Proposed), string(officers.Enrolled), string(officers.Active), string(officers.Suspended), string(officers.Left)},
		"kind-":    {string(registration.Lite), string(registration.Full)},
		"wrong-":   {"number", "birth", "issued", "phone", "card"},
		"because-": registration.ReferralReasons,
		"refuse-":  registration.RefuseReasons,
		"outcome-": {"not-found", "no-match", "deceased", "replaced", "too-young", "cancelled", "expired", "failed"},
	} {
		for _, w := range words {
			asked[prefix+w] = "a state"
		}
	}
	for _, i := range append(findItems, items...) {
		asked["item-"+string(i)] = "an item"
	}
	for _, f := range new(view).CardFields() {
		asked["field-"+f.Name] = "the card form"
		if f.Hint {
			asked["hint-"+f.Name] = "the card form"
		}
	}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"counter", "hotline", "reviewer", "supervisor"} {
		if _, err := set.OfficerRole(r); err != nil {
			t.Fatal(err)
		}
		asked["role-"+r] = "a role"
	}
	for key, where := range asked {
		list, ok := all[key]
		if !ok {
			t.Errorf("%s asks for the text %q, which is not there", where, key)
		}
		for i, text := range list {
			if strings.TrimSpace(text) == "" {
				t.Errorf("the text %q is empty in %s", key, languages[i])
			}
		}
	}
	if len(asked) < 150 {
		t.Fatalf("only %d texts are asked for: does this test still find them?", len(asked))
	}
}

// Pages load nothing from elsewhere and hold no script of their own, so that the policy in their header can hold.
func TestPagesAreStrict(t *testing.T) {
	pages, err := loadPages()
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 12 {
		t.Fatalf("%d pages", len(pages))
	}
	bad := regexp.MustCompile(`(?i)\son[a-z]+=|style=|javascript:|https?://|<script(?: |>)(?:[^>]*)>[^<]`)
	files, _ := fs.Glob(templates, "templates/*.html")
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
