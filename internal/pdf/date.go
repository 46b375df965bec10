package pdf

import (
	"fmt"
	"time"
)

// FormatDate writes a time as a date string with seconds and offset (7.9.4), such as
// D:20260402153000+08'00'. Fractions of a second are dropped.
func FormatDate(t time.Time) String {
	zone := t.Format("-0700")
	if zone == "+0000" {
		return String(t.Format("D:20060102150405Z"))
	}
	return String(t.Format("D:20060102150405") + zone[:3] + "'" + zone[3:] + "'")
}

// ParseDate reads a date string. All parts after the year may be missing (7.9.4), and
// so may the "D:" and the last apostrophe; without an offset the time is taken as
// UTC. Anything else is ErrMalformed.
func ParseDate(s String) (time.Time, error) {
	text := DecodeText(s)
	bad := fmt.Errorf("%w: date %.40q", ErrMalformed, text)
	if len(text) > 2 && text[:2] == "D:" {
		text = text[2:]
	}
	part := func(n, def int) (int, bool) {
		if text == "" || text[0] < '0' || text[0] > '9' {
			return def, n != 4
		}
		if len(text) < n {
			return 0, false
		}
		v := 0
		for i := range n {
			c := text[i]
			if c < '0' || c > '9' {
				return 0, false
			}
			v = v*10 + int(c-'0')
		}
		text = text[n:]
		return v, true
	}
	var v [6]int
	for i, def := range [6]int{0, 1, 1, 0, 0, 0} {
		n := 2
		if i == 0 {
			n = 4
		}
		var ok bool
		if v[i], ok = part(n, def); !ok {
			return time.Time{}, bad
		}
	}
	zone := time.UTC
	if text != "" {
		sign := text[0]
		text = text[1:]
		h, ok1 := part(2, 0)
		if len(text) > 0 && text[0] == '\'' {
			text = text[1:]
		}
		m, ok2 := part(2, 0)
		if text == "'" {
			text = ""
		}
		if !ok1 || !ok2 || text != "" || h > 23 || m > 59 {
			return time.Time{}, bad
		}
		switch off := h*3600 + m*60; {
		case sign == '+':
			zone = time.FixedZone("", off)
		case sign == '-':
			zone = time.FixedZone("", -off)
		case sign != 'Z':
			return time.Time{}, bad
		}
	}
	t := time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, zone)
	if t.Month() != time.Month(v[1]) || t.Day() != v[2] || t.Hour() != v[3] || t.Minute() != v[4] || t.Second() != v[5] {
		return time.Time{}, bad // February 30th and the like
	}
	return t, nil
}
