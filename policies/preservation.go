package policies

import (
	"crypto"
	"errors"
	"fmt"
	"time"
)

// Preservation is how signed files are kept beyond the life of their algorithms and
// certificates (TS 119 511).
type Preservation struct {
	Name string `yaml:"name"`
	// Margin is how long before its proof fades a file is renewed.
	Margin Period `yaml:"margin"`
	// Ahead is how long a hash algorithm must be suitable to be used for a time-stamp.
	Ahead Period `yaml:"ahead"`
	// Hashes are those for time-stamps, in the order of preference.
	Hashes []string `yaml:"hashes"`
	// Suites are the names of the suites whose ends count.
	Suites []string `yaml:"suites"`
	// Generations is how many of the newest files are kept beside the original.
	Generations int `yaml:"generations"`

	suites []*Suite
}

func (p *Preservation) resolve(s *Set) error {
	if p.Margin.IsZero() || p.Ahead.IsZero() || len(p.Hashes) == 0 || len(p.Suites) == 0 {
		return errors.New("margin, ahead, hashes and suites are wanted")
	}
	if p.Generations < 1 {
		return errors.New("at least one generation is kept")
	}
	for _, h := range p.Hashes {
		if _, ok := hashes[h]; !ok {
			return fmt.Errorf("hash %q", h)
		}
	}
	for _, name := range p.Suites {
		suite, err := s.Suite(name)
		if err != nil {
			return err
		}
		p.suites = append(p.suites, suite)
	}
	return nil
}

// Under is the same policy with other suites, for who judges by others.
func (p *Preservation) Under(suites ...*Suite) *Preservation {
	other := *p
	other.suites = suites
	return &other
}

// End is when the first of some algorithms stops being suitable, and which; the zero time if no
// end is set for any.
func (p *Preservation) End(algorithms []string) (end time.Time, first string) {
	for _, suite := range p.suites {
		for _, a := range algorithms {
			until, ok := suite.until(a)
			if ok && !until.IsZero() && (end.IsZero() || until.Before(end)) {
				end, first = until.Time, a
			}
		}
	}
	return end, first
}

// Hash is the algorithm for a time-stamp made now: the first that stays suitable for Ahead, or
// the one that stays so longest.
func (p *Preservation) Hash(now time.Time) crypto.Hash {
	var best crypto.Hash
	var longest time.Time
	for _, name := range p.Hashes {
		end, _ := p.End([]string{name})
		if end.IsZero() || end.After(p.Ahead.End(now)) {
			return hashes[name]
		}
		if best == 0 || end.After(longest) {
			best, longest = hashes[name], end
		}
	}
	return best
}

// Due reports whether a proof that fades then has to be renewed now.
func (p *Preservation) Due(fades, now time.Time) bool { return !p.Margin.End(now).Before(fades) }

// Preservation returns how files are kept, for example default.
func (s *Set) Preservation(name string) (*Preservation, error) {
	return lookup(s.preservation, "preservation policy", name)
}
