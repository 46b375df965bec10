package policies

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// OfficerRole is what a registration officer may do in one role (EN 319 401, 7.2:
// trusted roles, least privilege).
type OfficerRole struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// May are the acts.
	May []string `yaml:"may"`
	// Hourly is how often an act may be done in an hour.
	Hourly map[string]int `yaml:"hourly"`
	// Alarm is after how many times in an hour supervisors are told, before the act is refused.
	Alarm map[string]int `yaml:"alarm"`
}

// officerActs are all that exist; a word that is not here is a slip in the file.
var officerActs = []string{
	"open-case", "re-register", "view-case", "enter-card", "view-card", "confirm-card", "verify", "bind", "ticket", "cancel-case",
	"find", "search", "view-account", "verify-caller", "suspend", "resume", "sign-order",
	"propose-officer", "approve-officer", "plan-shift", "suspend-officer", "view-alarms",
	"list-referred", "view-referred", "view-referred-photo", "decide-referred",
}

// Allows reports whether the role may do it.
func (r *OfficerRole) Allows(act string) bool { return slices.Contains(r.May, act) }

func (r *OfficerRole) resolve() error {
	if r.Description == "" || len(r.May) == 0 {
		return errors.New("description and may are wanted")
	}
	for _, a := range r.May {
		if !slices.Contains(officerActs, a) {
			return fmt.Errorf("unknown act %q", a)
		}
	}
	for a, n := range r.Hourly {
		if !r.Allows(a) || n < 1 {
			return fmt.Errorf("hourly limit of %q", a)
		}
	}
	for a, n := range r.Alarm {
		if n < 1 || n >= r.Hourly[a] {
			return fmt.Errorf("alarm of %q: it comes before the hourly limit", a)
		}
	}
	return nil
}

// OfficerRole returns a role: counter, hotline, reviewer or supervisor.
func (s *Set) OfficerRole(name string) (*OfficerRole, error) {
	return lookup(s.officers, "officer role", name)
}

// OfficerRoles returns the names of all roles, sorted.
func (s *Set) OfficerRoles() []string { return slices.Sorted(maps.Keys(s.officers)) }
