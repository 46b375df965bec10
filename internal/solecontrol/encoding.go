package solecontrol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bytes are base64url without padding in JSON. RFC 4648, 5.
type Bytes []byte

// String is the text as it stands in JSON.
func (b Bytes) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalText encodes.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText decodes the one text that these bytes have: no padding, no line
// ends, no bits behind the last byte.
func (b *Bytes) UnmarshalText(text []byte) error {
	out, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(out)) {
		return fmt.Errorf("%w: not base64url", ErrFormat)
	}
	*b = out
	return nil
}

// ParseBytes decodes base64url without padding.
func ParseBytes(text string) (Bytes, error) {
	var b Bytes
	err := b.UnmarshalText([]byte(text))
	return b, err
}

// Time is a whole second, in UTC: "2026-03-02T12:00:00Z". RFC 3339.
type Time struct{ time.Time }

// At rounds down to the second.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

const timeLayout = "2006-01-02T15:04:05Z"

// MarshalText encodes.
func (t Time) MarshalText() ([]byte, error) {
	if y := t.UTC().Year(); y < 2000 || y > 9999 {
		return nil, fmt.Errorf("%w: year %d", ErrFormat, y)
	}
	return []byte(t.UTC().Format(timeLayout)), nil
}

// UnmarshalText decodes the one text that this second has.
func (t *Time) UnmarshalText(text []byte) error {
	got, err := time.Parse(timeLayout, string(text))
	if err != nil || got.Format(timeLayout) != string(text) || got.Year() < 2000 {
		return fmt.Errorf("%w: not a time in whole seconds of UTC", ErrFormat)
	}
	t.Time = got
	return nil
}

// MarshalJSON and UnmarshalJSON hide those of time.Time.
func (t Time) MarshalJSON() ([]byte, error) {
	text, err := t.MarshalText()
	if err != nil {
		return nil, err
	}
	return []byte(`"` + string(text) + `"`), nil
}

// UnmarshalJSON decodes a JSON string.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: not a time", ErrFormat)
	}
	return t.UnmarshalText([]byte(s))
}

// Encode writes JSON without white space and without HTML's escapes, in the
// order of the struct's fields.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// CheckText refuses text that a person could read otherwise than a program: not
// UTF-8, not NFC (UAX #15), control characters, and the characters that turn
// the direction of writing.
func CheckText(s string) error {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		return fmt.Errorf("%w: text is not UTF-8", ErrFormat)
	case !norm.NFC.IsNormalString(s):
		return fmt.Errorf("%w: text is not in NFC", ErrFormat)
	case strings.ContainsFunc(s, misleading):
		return fmt.Errorf("%w: text has control characters", ErrFormat)
	}
	return nil
}

// misleading: controls, line and paragraph separators, bidirectional controls,
// and the invisible ones that make two names look the same.
func misleading(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\u061c', r == '\ufeff',
		r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u206f':
		return true
	}
	return false
}

// checkName is a text of 1 to most bytes.
func checkName(what, s string, most int) error {
	if s == "" || len(s) > most {
		return fmt.Errorf("%w: %s of %d bytes, not 1 to %d", ErrFormat, what, len(s), most)
	}
	if err := CheckText(s); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
