package places

import (
	"slices"
	"strings"
	"testing"
)

// The list is the founding paper's: so many of each kind, and every district has somewhere to go.
func TestList(t *testing.T) {
	t.Parallel()
	l, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	count := map[Kind]int{}
	samples, moving := 0, 0
	for _, g := range l.Groups {
		for _, p := range g.Places {
			count[p.Kind]++
			if p.Hours.Sample {
				samples++
			}
			if p.Moves() {
				moving++
			}
			if l.Place(p.ID) == nil || l.Named(p.ID) == nil || l.Named(strings.ToUpper(p.Name.En)) == nil || l.Named(p.Name.Hant) == nil {
				t.Errorf("%s is not found", p.ID)
			}
			if p.Name.Hans == "" || strings.ContainsAny(p.Name.Hans, "館場證換領務樓") {
				t.Errorf("%s: %q is not simplified", p.ID, p.Name.Hans)
			}
		}
	}
	if count[Kiosk] != 37 || count[Team] != 12 || count[Counter] != 18 || moving != 3 || len(l.Districts) != 18 || len(l.Regions) != 3 {
		t.Errorf("%v, %d moving, %d districts, %d regions", count, moving, len(l.Districts), len(l.Regions))
	}
	if samples == 0 {
		t.Error("hours that nobody told us are not marked")
	}
	for _, d := range l.Districts {
		here := l.In(d.ID)
		if !slices.ContainsFunc(here, func(g Group) bool { return g.Kind == Counter }) || slices.ContainsFunc(here, func(g Group) bool { return g.Kind == Office }) {
			t.Errorf("%s: %+v", d.ID, here)
		}
		if len(d.Near) < 2 || len(l.Around(d.Region)) == 0 {
			t.Errorf("%s has %v beside it", d.ID, d.Near)
		}
	}
	// On a border: found from both sides.
	for _, d := range []string{"sha-tin", "tai-po"} {
		if !slices.ContainsFunc(l.In(d)[0].Places, func(p Place) bool { return p.ID == "kiosk-hong-kong-science-park" }) {
			t.Errorf("not in %s: Hong Kong Science Park", d)
		}
	}
	if p := l.Named("kwun  TONG"); p == nil || p.ID != "counter-kwun-tong" || l.Named("觀塘") != p {
		t.Errorf("Kwun Tong is %+v", p)
	}
	if !l.Staffed("counter-kwun-tong") || !l.Staffed("hotline") || l.Staffed("kiosk-cyberport") || l.Staffed("Kwun Tong") {
		t.Error("where officers work")
	}
	if l.Name("kiosk-cyberport", "zh-Hans") != "数码港" || l.Name("nowhere", "en") != "nowhere" || l.Named("nowhere") != nil || l.Named("") != nil {
		t.Error("names")
	}
}

// A list with a slip stops the start.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	whole := string(file)
	for name, change := range map[string]func(string) string{
		"unknown key":      func(s string) string { return strings.Replace(s, "sample: true", "smaple: true", 1) },
		"missing language": func(s string) string { return strings.Replace(s, `zh-Hans: "数码港"`, `zh-Hans: ""`, 1) },
		"id twice":         func(s string) string { return strings.Replace(s, "kiosk-cyberport", "kiosk-hku-station", 1) },
		"no district": func(s string) string {
			return strings.Replace(s, "districts: [sha-tin, tai-po]", "districts: [sha-tin, tsim-sha-tsui]", 1)
		},
		"one side only":  func(s string) string { return strings.Replace(s, "near: [tai-po, yuen-long]", "near: [tai-po]", 1) },
		"no such region": func(s string) string { return strings.Replace(s, "region: kowloon, name", "region: lantau, name", 1) },
		"nowhere": func(s string) string {
			return strings.Replace(s, "districts: [southern], name: {en: \"Cyberport\"", "name: {en: \"Cyberport\"", 1)
		},
		"other kind": func(s string) string { return strings.Replace(s, "kind: kiosk", "kind: machine", 1) },
		"no list":    func(string) string { return "[" },
	} {
		bent := change(whole)
		if bent == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := parse([]byte(bent)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
