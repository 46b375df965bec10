package forms

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var loaded = sync.OnceValues(Load)

func catalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func form(t testing.TB, id string) *Form {
	t.Helper()
	f, err := catalogue(t).Form(id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func ids(forms []*Form) []string {
	var all []string
	for _, f := range forms {
		all = append(all, f.ID)
	}
	return all
}

func TestCatalogue(t *testing.T) {
	c := catalogue(t)
	want := []string{"vehicle-licence", "change-of-address", "no-marriage-record", "hawker-transfer", "fishing-permit", "tree-felling", "school-place", "helper-contract", "radio-amateur", "water-account"}
	if diff := cmp.Diff(want, ids(c.Forms())); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
	if n := len(c.Departments()); n != 9 {
		t.Errorf("%d departments, want 9", n)
	}
	if diff := cmp.Diff([]string{"vehicle-licence", "change-of-address"}, ids(c.Of("td"))); diff != "" {
		t.Errorf("forms of td (-want +got):\n%s", diff)
	}
	if _, err := c.Form("no-such"); !errors.Is(err, ErrUnknownForm) {
		t.Errorf("unknown form: %v, want %v", err, ErrUnknownForm)
	}
}

// Schedule 1 of Cap. 553 keeps some documents out of electronic signing: no form may be one.
func TestNoneIsExcluded(t *testing.T) {
	for _, f := range catalogue(t).Forms() {
		text := strings.ToLower(f.Title.En + f.Purpose.En + f.Declaration.En + f.Title.Hant + f.Declaration.Hant)
		for _, word := range []string{"statutory declaration", "affidavit", "oath", "power of attorney", "testament", "trust deed", "warrant", "法定聲明", "誓章", "宣誓", "授權書", "遺囑"} {
			if strings.Contains(text, word) {
				t.Errorf("form %s speaks of %q", f.ID, word)
			}
		}
	}
}

func TestSearch(t *testing.T) {
	for _, c := range []struct {
		query string
		want  string // the first
		n     int    // how many; -1 if it does not matter
	}{
		{"", "vehicle-licence", 10},
		{"vehicle licence", "vehicle-licence", -1},
		{"VEHICLE", "vehicle-licence", -1},
		{"車輛牌照", "vehicle-licence", 1},
		{"车辆牌照", "vehicle-licence", 1},
		{"ＴＤ　９１０２", "change-of-address", 1},
		{"寡佬證", "no-marriage-record", 1},
		{"ham radio", "radio-amateur", 1},
		{"Cap. 57", "helper-contract", 1},
		{"食物環境", "hawker-transfer", 1},
		{"nothing of the kind", "", 0},
		{strings.Repeat("車", 10_000), "", 0},
		{"\xff\xfe", "", -1},
	} {
		got := catalogue(t).Search(c.query)
		if c.n >= 0 && len(got) != c.n || c.want != "" && (len(got) == 0 || got[0].ID != c.want) {
			t.Errorf("search %.40q: %v, want %d with %q first", c.query, ids(got), c.n, c.want)
		}
	}
}

// What the portal may rely on: three different texts nearly everywhere, and prefill
// keys and attributes that fit the kind.
func TestFieldsForPages(t *testing.T) {
	f := form(t, "vehicle-licence")
	have := map[string]string{"profile.enName": "CHAN, Tai Man", "profile.chName": "陳大文", "profile.hkid": "A1234563", "eme.mobileNumber": "12", "eme.emailAddress": "a@example.hk"}
	want := map[string]string{"enName": "CHAN, Tai Man", "zhName": "陳大文", "hkid": "A123456(3)", "email": "a@example.hk"}
	if diff := cmp.Diff(want, f.Prefill(func(key string) string { return have[key] }, day)); diff != "" {
		t.Errorf("prefill (-want +got):\n%s", diff)
	}
	for id, want := range map[string]Input{
		"enName":  {Element: "input", Type: "text", Autocomplete: "name", MaxLength: 160},
		"phone":   {Element: "input", Type: "tel", InputMode: "tel", Autocomplete: "tel", MaxLength: 200},
		"address": {Element: "textarea", Autocomplete: "street-address", Spellcheck: true, MaxLength: 600},
		"period":  {Element: "select"}, "inspected": {Element: "checkbox"},
	} {
		if diff := cmp.Diff(want, f.Field(id).Input()); diff != "" {
			t.Errorf("input of %s (-want +got):\n%s", id, diff)
		}
	}
	all := func(key string) string {
		return map[string]string{"profile.birthDate": "1980-01-01", "profile.enName": "CHAN, Tai Man", "profile.chName": "陳大文"}[key]
	}
	got := form(t, "school-place").Prefill(all, day)
	if diff := cmp.Diff(map[string]string{"enName": "CHAN, Tai Man", "zhName": "陳大文"}, got); diff != "" {
		t.Errorf("a child is filled in with the parent's data (-want +got):\n%s", diff)
	}
	if f.Field("nobody") != nil {
		t.Error("a field that is not there was found")
	}
}
