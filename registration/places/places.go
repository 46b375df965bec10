// Package places is the list of where accounts are opened, upgraded and registered anew:
// self-service kiosks, mobile registration teams and counters, by district, in three
// languages. The list is data, places.yaml, which says what of it is known and what is a
// sample; the package reads it strictly and decides nothing.
package places

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

//go:embed places.yaml
var file []byte

// Text is one text in three languages.
type Text struct {
	En   string `yaml:"en"`
	Hant string `yaml:"zh-Hant-HK"`
	Hans string `yaml:"zh-Hans"`
}

// In returns the text in a language (BCP 47); one that is unknown gets English.
func (t Text) In(language string) string {
	switch language {
	case "zh-Hant-HK":
		return t.Hant
	case "zh-Hans":
		return t.Hans
	}
	return t.En
}

func (t Text) whole() bool { return t.En != "" && t.Hant != "" && t.Hans != "" }

// Kind of a place.
type Kind string

// The kinds.
const (
	Kiosk   Kind = "kiosk"   // a machine reads the card
	Team    Kind = "team"    // officers who move about, or sit in a replacement centre
	Counter Kind = "counter" // officers at a counter
	Office  Kind = "office"  // officers whom nobody visits
)

// Region is one of the three parts of Hong Kong.
type Region struct {
	ID   string `yaml:"id"`
	Name Text   `yaml:"name"`
}

// District is one of the eighteen. Near are those beside it.
type District struct {
	ID     string   `yaml:"id"`
	Region string   `yaml:"region"`
	Name   Text     `yaml:"name"`
	Near   []string `yaml:"near"`
}

// Hours are when a place is open. Sample: nobody has told us, and people are told so.
type Hours struct {
	Sample bool `yaml:"sample"`
	Text   Text `yaml:"text"`
}

// Place is one. A place on a border has two districts; one of which only the region is
// known has a region; one that moves about has neither.
type Place struct {
	ID        string   `yaml:"id"`
	Districts []string `yaml:"districts"`
	Region    string   `yaml:"region"`
	Name      Text     `yaml:"name"`
	Hours     *Hours   `yaml:"hours"`    // nil in the file: the group's
	Standing  *bool    `yaml:"standing"` // nil: always there
	Kind      Kind     `yaml:"-"`
}

// Moves reports whether the place is not always there.
func (p Place) Moves() bool { return p.Standing != nil && !*p.Standing }

// Group is all places of a kind.
type Group struct {
	Kind   Kind    `yaml:"kind"`
	Title  Text    `yaml:"title"`
	About  Text    `yaml:"about"`
	Public *bool   `yaml:"public"` // nil: anybody can go there
	Hours  Hours   `yaml:"hours"`
	Places []Place `yaml:"places"`
}

// Open reports whether people can go there.
func (g Group) Open() bool { return g.Public == nil || *g.Public }

// List is all of it. It is never changed once it is read.
type List struct {
	Regions   []Region   `yaml:"regions"`
	Districts []District `yaml:"districts"`
	Groups    []Group    `yaml:"groups"`
}

// Load reads the list of this release.
func Load() (*List, error) {
	l, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("read places: %w", err)
	}
	return l, nil
}

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,59}$`)

// parse reads a list strictly: no unknown key, no name that is missing in a language, no id twice, no district that is none.
func parse(data []byte) (*List, error) {
	var l List
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&l); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	check := func(what, id string, texts ...Text) error {
		switch {
		case !idForm.MatchString(id):
			return fmt.Errorf("%s %q: not an id", what, id)
		case seen[id]:
			return fmt.Errorf("%s %q: the id is another's", what, id)
		}
		seen[id] = true
		for _, t := range texts {
			if !t.whole() {
				return fmt.Errorf("%s %q: a text is missing in one of the languages", what, id)
			}
		}
		return nil
	}
	for _, r := range l.Regions {
		if err := check("region", r.ID, r.Name); err != nil {
			return nil, err
		}
	}
	for _, d := range l.Districts {
		if err := check("district", d.ID, d.Name); err != nil {
			return nil, err
		}
		if !l.isRegion(d.Region) {
			return nil, fmt.Errorf("district %q: no region %q", d.ID, d.Region)
		}
	}
	for _, d := range l.Districts {
		for _, n := range d.Near {
			if other := l.District(n); other == nil || n == d.ID || !slices.Contains(other.Near, d.ID) {
				return nil, fmt.Errorf("district %q: %q is not beside it, or does not say so", d.ID, n)
			}
		}
	}
	for i := range l.Groups {
		g := &l.Groups[i]
		if err := check("group", string(g.Kind), g.Title, g.About, g.Hours.Text); err != nil {
			return nil, err
		}
		if !slices.Contains([]Kind{Kiosk, Team, Counter, Office}, g.Kind) || len(g.Places) == 0 {
			return nil, fmt.Errorf("group %q: unknown kind, or no places", g.Kind)
		}
		for j := range g.Places {
			p := &g.Places[j]
			p.Kind = g.Kind
			if p.Hours == nil {
				p.Hours = &g.Hours
			}
			if err := check("place", p.ID, p.Name, p.Hours.Text); err != nil {
				return nil, err
			}
			if err := l.located(g, p); err != nil {
				return nil, fmt.Errorf("place %q: %w", p.ID, err)
			}
		}
	}
	return &l, nil
}

// located checks that a place that stands says where.
func (l *List) located(g *Group, p *Place) error {
	for _, d := range p.Districts {
		if l.District(d) == nil {
			return fmt.Errorf("no district %q", d)
		}
	}
	switch {
	case p.Region != "" && (len(p.Districts) > 0 || !l.isRegion(p.Region)):
		return fmt.Errorf("region %q", p.Region)
	case g.Open() && !p.Moves() && p.Region == "" && len(p.Districts) == 0:
		return fmt.Errorf("it says neither district nor region")
	}
	return nil
}

func (l *List) isRegion(id string) bool {
	return slices.ContainsFunc(l.Regions, func(r Region) bool { return r.ID == id })
}
