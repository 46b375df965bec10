package forms

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hongKong is where dates are judged and times are told; it has had no summer time
// since 1979.
var hongKong = time.FixedZone("HKT", 8*60*60)

// maxValue bounds an answer before anything is done with it, in bytes: the longest
// multi-line one in four-byte characters.
const maxValue = 4 * (maxMultiline + maxLines)

// Check returns the answer as the form keeps it, or what is wrong with it in the
// language. at is the day of filling in. Surrounding white space is dropped; nothing
// means not answered. How each kind is written:
//
//	text, chinese-name  one line
//	multiline           lines, ended by \n or \r\n
//	date                2026-11-23
//	choice              the option's key
//	checkbox            "true", or nothing (also "false")
//	hkid                A123456(3), brackets and spaces as you like; kept as A123456(3)
//	phone               8 digits of Hong Kong, or + and 8 to 15 digits; kept without spaces
//	email               someone@example.hk
//	amount              dollars, as 1234.50; kept with two decimals and no commas
func (f *Field) Check(value, lang string, at time.Time) (string, *FieldError) {
	fail := func(key string) (string, *FieldError) {
		return "", &FieldError{f.ID, key, f.message(key, lang)}
	}
	if len(value) > maxValue {
		return fail("tooLong")
	}
	value, ok := tidy(value, f.Kind == KindMultiline)
	if !ok {
		return fail("character")
	}
	if value == "" || f.Kind == KindCheckbox && value == "false" {
		switch {
		case !f.Required:
			return "", nil
		case f.Kind == KindCheckbox:
			return fail("tick")
		}
		return fail("required")
	}
	if utf8.RuneCountInString(value) > f.Max {
		return fail("tooLong")
	}
	if err := f.faces.check(value, f.Kind == KindMultiline); err != nil {
		return fail("character")
	}
	kept, key := f.checkKind(value, at.In(hongKong))
	if key != "" {
		return fail(key)
	}
	return kept, nil
}

// checkKind returns what is kept of an answer that is neither empty nor too long, or
// the key of the error.
func (f *Field) checkKind(value string, at time.Time) (kept, key string) {
	switch f.Kind {
	case KindText:
		if !f.pattern.match(value) {
			return "", "pattern"
		}
	case KindMultiline:
		if strings.Count(value, "\n") >= f.MaxLines() {
			return "", "tooManyLines"
		}
	case KindDate:
		d, err := time.ParseInLocation(time.DateOnly, value, hongKong)
		today := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, hongKong)
		switch {
		case err != nil || d.Year() < 1880 || d.Year() > 2200:
			return "", "date"
		case f.When == "past" && d.After(today):
			return "", "past"
		case f.When == "future" && d.Before(today):
			return "", "future"
		}
	case KindChoice:
		if f.option(value) == nil {
			return "", "choice"
		}
	case KindCheckbox:
		if value != "true" {
			return "", "choice"
		}
	case KindHKID:
		return checkHKID(value)
	case KindPhone:
		return checkPhone(value)
	case KindEmail:
		if !emailPattern.MatchString(value) {
			return "", "email"
		}
	case KindAmount:
		return f.checkAmount(value)
	case KindChineseName:
		for _, r := range value {
			if !unicode.Is(unicode.Han, r) && r != '·' {
				return "", "chineseName"
			}
		}
	}
	return value, ""
}

func (f *Field) option(key string) *Option {
	for _, o := range f.Options {
		if o.Key == key {
			return o
		}
	}
	return nil
}

// tidy drops surrounding white space and composes letters with their accents. It is
// false for bytes that are no UTF-8. Ideographs stay as they are: normalization (NFC)
// would replace compatibility ideographs, which are in people's names, by others.
func tidy(value string, lines bool) (string, bool) {
	if !utf8.ValidString(value) {
		return "", false
	}
	if lines {
		value = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", " ").Replace(value)
		each := strings.Split(value, "\n")
		for i := range each {
			each[i] = strings.TrimRightFunc(each[i], unicode.IsSpace)
		}
		value = strings.Join(each, "\n")
	}
	value = strings.TrimSpace(value)
	if !strings.ContainsFunc(value, func(r rune) bool { return unicode.Is(unicode.M, r) }) {
		return value, true
	}
	var b strings.Builder
	for value != "" {
		han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
		n := strings.IndexFunc(value, han)
		if n < 0 {
			n = len(value)
		}
		b.WriteString(norm.NFC.String(value[:n]))
		value = value[n:]
		if n = strings.IndexFunc(value, func(r rune) bool { return !han(r) }); n < 0 {
			n = len(value)
		}
		b.WriteString(value[:n])
		value = value[n:]
	}
	return b.String(), true
}

// Check checks all answers and returns those given, as the form keeps them. Errors are
// ErrLanguage, ErrUnknownField, or *FieldErrors with all that is wrong.
func (f *Form) Check(values map[string]string, lang string, at time.Time) (map[string]string, error) {
	if !slices.Contains(Languages[:], lang) {
		_, err := pairOf(lang)
		return nil, err
	}
	kept := map[string]string{}
	var wrong []FieldError
	known := 0
	for _, s := range f.Sections {
		for _, field := range s.Fields {
			value, given := values[field.ID]
			if given {
				known++
			}
			v, bad := field.Check(value, lang, at)
			if bad != nil {
				wrong = append(wrong, *bad)
			} else if v != "" {
				kept[field.ID] = v
			}
		}
	}
	if known != len(values) {
		return nil, f.unknown(values)
	}
	if wrong != nil {
		return nil, &FieldErrors{wrong}
	}
	return kept, nil
}
