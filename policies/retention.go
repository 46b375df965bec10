package policies

import "errors"

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
