package places

import (
	"slices"
	"strings"

	"golang.org/x/text/width"
)

// District returns one, nil for none.
func (l *List) District(id string) *District {
	for i := range l.Districts {
		if l.Districts[i].ID == id {
			return &l.Districts[i]
		}
	}
	return nil
}

// Of lists a region's districts.
func (l *List) Of(region string) []District {
	var found []District
	for _, d := range l.Districts {
		if d.Region == region {
			found = append(found, d)
		}
	}
	return found
}

// Place returns one, nil for none.
func (l *List) Place(id string) *Place {
	for i := range l.Groups {
		for j := range l.Groups[i].Places {
			if p := &l.Groups[i].Places[j]; p.ID == id {
				return p
			}
		}
	}
	return nil
}

// Staffed reports whether officers work at a place: at any but a kiosk.
func (l *List) Staffed(id string) bool {
	p := l.Place(id)
	return p != nil && p.Kind != Kiosk
}

// In lists the groups that people can go to, with their places in a district.
func (l *List) In(district string) []Group {
	return l.only(func(p Place) bool { return slices.Contains(p.Districts, district) })
}

// Around lists those of which no more is known than that they are in the region, or that they move about.
func (l *List) Around(region string) []Group {
	return l.only(func(p Place) bool { return len(p.Districts) == 0 && (p.Region == region || p.Moves()) })
}

// only lists the public groups with the places that are wanted; a group without any is left out.
func (l *List) only(wanted func(Place) bool) []Group {
	var found []Group
	for _, g := range l.Groups {
		if !g.Open() {
			continue
		}
		here := g
		here.Places = nil
		for _, p := range g.Places {
			if wanted(p) {
				here.Places = append(here.Places, p)
			}
		}
		if len(here.Places) > 0 {
			found = append(found, here)
		}
	}
	return found
}

// Name is a place's name in a language; an id that is not on the list, of a place that closed or of a test, is given back.
func (l *List) Name(id, language string) string {
	if p := l.Place(id); p != nil {
		return p.Name.In(language)
	}
	return id
}

// Named finds the place that somebody names, by its id or by its name in any language, in
// letters of any size and width; counters, which have no names of their own, by their district's too.
func (l *List) Named(said string) *Place {
	said = plain(said)
	if said == "" {
		return nil
	}
	for _, g := range l.Groups {
		for i, p := range g.Places {
			names := []string{p.ID, p.Name.En, p.Name.Hant, p.Name.Hans}
			if p.Kind == Counter {
				for _, d := range p.Districts {
					n := l.District(d).Name
					names = append(names, n.En, n.Hant, n.Hans)
				}
			}
			for _, name := range names {
				if plain(name) == said {
					return &g.Places[i]
				}
			}
		}
	}
	return nil
}

func plain(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(width.Fold.String(s)), " "))
}
