package policies

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Excluded is a kind of document that Schedule 1 of Cap. 553 excludes.
type Excluded struct {
	Name string `yaml:"name"`
	// Item is the number in the Schedule.
	Item int `yaml:"item"`
	// Rule is "warn" or "block".
	Rule string `yaml:"rule"`
	// Names are what people call it, by language: en, zh-Hant, zh-Hans.
	Names map[string]string `yaml:"names"`
}

// languages are those of every text for people.
var languages = []string{"en", "zh-Hans", "zh-Hant"}

// Blocked reports whether such a document is never signed; otherwise the person is
// warned and must acknowledge it.
func (e *Excluded) Blocked() bool { return e.Rule == "block" }

func (e *Excluded) resolve() error {
	if e.Rule != "warn" && e.Rule != "block" {
		return fmt.Errorf("rule %q", e.Rule)
	}
	if e.Item < 1 || e.Item > 13 {
		return fmt.Errorf("item %d", e.Item)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(e.Names)), languages) {
		return errors.New("names are wanted in en, zh-Hans and zh-Hant")
	}
	return nil
}

// Excluded returns one kind of excluded document.
func (s *Set) Excluded(name string) (*Excluded, error) {
	return lookup(s.excluded, "excluded kind of document", name)
}

// AllExcluded returns all kinds of excluded documents in the Schedule's order.
func (s *Set) AllExcluded() []*Excluded {
	return slices.SortedFunc(maps.Values(s.excluded), func(a, b *Excluded) int { return a.Item - b.Item })
}
