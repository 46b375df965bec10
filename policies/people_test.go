package policies

import "testing"

func TestPasskeyRules(t *testing.T) {
	t.Parallel()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		profile        string
		backup, device bool
		want           bool
	}{
		{"resident", false, false, true}, {"resident", false, true, true}, {"resident", true, false, false}, {"resident", true, true, false},
		{"resident-device-key", true, true, true}, {"resident-device-key", true, false, false}, {"resident-device-key", false, false, false},
	} {
		p, err := s.Profile(c.profile)
		if err != nil {
			t.Fatal(err)
		}
		if !p.NeedsStatement() || p.Passkey.Accepts(c.backup, c.device) != c.want {
			t.Errorf("%+v: got %v", c, !c.want)
		}
	}
	if p, err := s.Profile("department-seal"); err != nil || p.NeedsStatement() {
		t.Errorf("department-seal needs a statement: %v", err)
	}
}

// All thirteen items of the Schedule, each with its names.
func TestExcludedKinds(t *testing.T) {
	t.Parallel()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	all := s.AllExcluded()
	for i, e := range all {
		if e.Item != i+1 {
			t.Errorf("item %d is missing or occurs twice", i+1)
		}
	}
	if len(all) != 13 {
		t.Errorf("%d kinds, want 13", len(all))
	}
	for name, blocked := range map[string]bool{"will": true, "statutory-declaration": true, "stampable-instrument": false} {
		if e, err := s.Excluded(name); err != nil || e.Blocked() != blocked {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	names := map[string]string{"en": "a", "zh-Hant": "b", "zh-Hans": "c"}
	for _, bad := range []Excluded{{Item: 1, Rule: "hint", Names: names}, {Item: 0, Rule: "warn", Names: names}, {Item: 1, Rule: "warn"}} {
		if bad.resolve() == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	for _, name := range []string{"signed-file", "prepared-document", "finishing", "closed-card", "closed-identity"} {
		if _, err := s.Retention(name); err != nil {
			t.Error(err)
		}
	}
	if new(Retention).resolve() == nil {
		t.Error("a retention without end was accepted")
	}
	f, err := s.Face("remote")
	if err != nil || f.Pass != 0.45 || f.Refer != 0.60 || f.LeastSide != 120 {
		t.Errorf("faces: %+v, %v", f, err)
	}
	for name, spoil := range map[string]func(*Face){
		"refer under pass": func(f *Face) { f.Refer = 0.4 }, "small faces": func(f *Face) { f.LeastPortrait = 20 },
		"one pose": func(f *Face) { f.Poses = 1 }, "a turn that faces": func(f *Face) { f.Turned = 10 }, "never shut": func(f *Face) { f.Shut = 0 },
	} {
		bad := *f
		if spoil(&bad); bad.resolve() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
