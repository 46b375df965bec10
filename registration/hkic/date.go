package hkic

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Date is a date on a card, which may lack its day, or its day and month:
// 1957-00-00, 1957-03-00. The zero value is none.
type Date struct{ Year, Month, Day int }

// hongKong has had one offset since 1979.
var hongKong = time.FixedZone("HKT", 8*3600)

// Today is the date in Hong Kong.
func Today(now time.Time) Date {
	y, m, d := now.In(hongKong).Date()
	return Date{y, int(m), d}
}

var dateForm = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)

// ParseDate reads YYYY-MM-DD, where DD, or MM and DD, may be 00.
func ParseDate(s string) (Date, error) {
	m := dateForm.FindStringSubmatch(s)
	if m == nil {
		return Date{}, fmt.Errorf("%w: a date is YYYY-MM-DD", ErrCard)
	}
	var d Date
	for i, part := range []*int{&d.Year, &d.Month, &d.Day} {
		*part, _ = strconv.Atoi(m[i+1]) // digits, by the form
	}
	return d, d.check()
}

var faceForm = regexp.MustCompile(`^([0-9]{2})-([0-9]{2})-([0-9]{2})$`)

// ParseIssue reads a date of issue as printed, DD-MM-YY: the latest such date that is not after now.
func ParseIssue(s string, now time.Time) (Date, error) {
	m := faceForm.FindStringSubmatch(s)
	if m == nil {
		return Date{}, fmt.Errorf("%w: a date of issue is DD-MM-YY", ErrCard)
	}
	today := Today(now)
	d := Date{Year: today.Year / 100 * 100}
	d.Day, _ = strconv.Atoi(m[1])
	d.Month, _ = strconv.Atoi(m[2])
	yy, _ := strconv.Atoi(m[3])
	d.Year += yy
	if today.Before(d) {
		d.Year -= 100
	}
	if d.Day == 0 {
		return Date{}, fmt.Errorf("%w: a date of issue has a day", ErrCard)
	}
	return d, d.check()
}

func (d Date) check() error {
	switch {
	case d.Year < 1850 || d.Year > 2200, d.Month < 0 || d.Month > 12, d.Month == 0 && d.Day != 0, d.Day < 0:
		return fmt.Errorf("%w: there is no such date", ErrCard)
	case d.Day > 0 && time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Day() != d.Day:
		return fmt.Errorf("%w: there is no such date", ErrCard)
	}
	return nil
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Whole reports whether month and day are known.
func (d Date) Whole() bool { return d.Day != 0 }

// Before compares two dates; what is not known counts as the first.
func (d Date) Before(other Date) bool {
	if d.Year != other.Year {
		return d.Year < other.Year
	}
	if d.Month != other.Month {
		return d.Month < other.Month
	}
	return d.Day < other.Day
}

// AgeAt is the age in full years that somebody born then has certainly reached:
// what is not known of the date counts as the last possible.
func (d Date) AgeAt(now time.Time) int {
	today := Today(now)
	month, day := d.Month, d.Day
	if month == 0 {
		month = 12
	}
	if day == 0 {
		day = 31
	}
	age := today.Year - d.Year
	if today.Month < month || today.Month == month && today.Day < day {
		if last := time.Date(today.Year, time.Month(today.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); !(today.Month == month && d.Day == 0 && today.Day == last) {
			age--
		}
	}
	return age
}

// String is YYYY-MM-DD, with 00 for what is not known; "" for none.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText writes String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads it.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := ParseDate(string(b))
	if err == nil {
		*d = parsed
	}
	return err
}
