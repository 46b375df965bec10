package policies

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Retention says how long something is kept.
type Retention struct {
	Name   string `yaml:"name"`
	Period Period `yaml:"period"`
	Why    string `yaml:"why"`
}

func (r *Retention) resolve() error {
	if r.Period.IsZero() || r.Why == "" {
		return errors.New("period and why are wanted")
	}
	return nil
}

// Retention returns how long something is kept, for example signed-file.
func (s *Set) Retention(name string) (*Retention, error) {
	return lookup(s.retention, "retention", name)
}

// Retentions lists all periods, in the order of their names.
func (s *Set) Retentions() []*Retention {
	list := slices.Collect(maps.Values(s.retention))
	slices.SortFunc(list, func(a, b *Retention) int { return strings.Compare(a.Name, b.Name) })
	return list
}
