package pdf

import (
	"errors"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"\x80 \x92 \xa0 \xe9 \x18", "• ™ € é ˘"},
		{"\x7f\x9f\xad", "\ufffd\ufffd\ufffd"},
		{"\xfe\xff\x4e\x2d\x65\x87", "中文"},
		{"\xff\xfe\x2d\x4e\x87\x65", "中文"},
		{"\xef\xbb\xbf\xe4\xb8\xad", "中"},
		{"\xef\xbb\xbf\xff", "\ufffd"},
		{"\xfe\xff\xd8\x40\xdc\x00", "𠀀"},                   // beyond the BMP, as in HKSCS
		{"\xfe\xff\xd8\x40", "\ufffd"},                      // half a pair
		{"\xfe\xff\x00\x41\x00", "A\ufffd"},                 // half a character
		{"\xfe\xff\x00\x1b\x00z\x00h\x00\x1b\x4e\x2d", "中"}, // language escape
	} {
		if got := DecodeText(String(c.in)); got != c.want {
			t.Errorf("DecodeText(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	for _, s := range []string{"", "plain (text)", "a\nb", "þÿ", "ï»¿", "Шевченко", "中文𠀀", "\x00\x01", "é"} {
		if got := DecodeText(EncodeText(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestDates(t *testing.T) {
	hk := time.FixedZone("", 8*3600)
	newfoundland := time.FixedZone("", -(3*3600 + 1800))
	for _, c := range []struct {
		in   string
		want time.Time
		out  string // what FormatDate makes of it, if not in
	}{
		{"D:20260402153000+08'00'", time.Date(2026, 4, 2, 15, 30, 0, 0, hk), ""},
		{"D:20260402153000-03'30'", time.Date(2026, 4, 2, 15, 30, 0, 0, newfoundland), ""},
		{"D:20260402153000Z", time.Date(2026, 4, 2, 15, 30, 0, 0, time.UTC), ""},
		{"D:20260402153000+08'00", time.Date(2026, 4, 2, 15, 30, 0, 0, hk), "D:20260402153000+08'00'"},
		{"D:20260402153000Z00'00'", time.Date(2026, 4, 2, 15, 30, 0, 0, time.UTC), "D:20260402153000Z"},
		{"D:20260402153000+08", time.Date(2026, 4, 2, 15, 30, 0, 0, hk), "D:20260402153000+08'00'"},
		{"2026", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "D:20260101000000Z"},
		{"D:202604021530", time.Date(2026, 4, 2, 15, 30, 0, 0, time.UTC), "D:20260402153000Z"},
	} {
		got, err := ParseDate(String(c.in))
		if err != nil || !got.Equal(c.want) {
			t.Errorf("ParseDate(%q) = %v, %v, want %v", c.in, got, err, c.want)
		}
		if c.out == "" {
			c.out = c.in
		}
		if out := FormatDate(c.want); string(out) != c.out {
			t.Errorf("FormatDate(%v) = %q, want %q", c.want, out, c.out)
		}
	}
	for _, in := range []string{"", "D:", "D:26", "D:20261301", "D:20260230", "D:2026040", "D:20260402250000", "D:20260402153000+24'00'", "D:20260402153000x", "D:20260402153000+08'00'x", "yesterday"} {
		if got, err := ParseDate(String(in)); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseDate(%q) = %v, %v, want ErrMalformed", in, got, err)
		}
	}
}
