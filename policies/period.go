package policies

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Period is a length of life in calendar units: "25y", "6m" or "30d". The end
// of a validity is inclusive (RFC 5280, 4.1.2.5), so that a certificate of one
// day lives 86,400 seconds when it ends one second before the next day.
type Period struct {
	Years, Months, Days int
}

var periodForm = regexp.MustCompile(`^([1-9][0-9]{0,2})([ymd])$`)

// UnmarshalText reads one number and one unit.
func (p *Period) UnmarshalText(b []byte) error {
	m := periodForm.FindSubmatch(b)
	if m == nil {
		return fmt.Errorf("period %q is not a number and y, m or d", b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return fmt.Errorf("period %q: %w", b, err)
	}
	*p = Period{}
	switch m[2][0] {
	case 'y':
		p.Years = n
	case 'm':
		p.Months = n
	case 'd':
		p.Days = n
	}
	return nil
}

// String is the period in words: "3 years".
func (p Period) String() string {
	n, unit := p.Days, "day"
	switch {
	case p.Years > 0:
		n, unit = p.Years, "year"
	case p.Months > 0:
		n, unit = p.Months, "month"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}

// IsZero reports whether no period is set.
func (p Period) IsZero() bool { return p == Period{} }

// End is the last second of the period that begins at from.
func (p Period) End(from time.Time) time.Time {
	return from.AddDate(p.Years, p.Months, p.Days).Add(-time.Second)
}
