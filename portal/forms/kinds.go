package forms

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	hkidPattern   = regexp.MustCompile(`^([A-Z]{1,2})([0-9]{6})\(?([0-9A])\)?$`)
	localPattern  = regexp.MustCompile(`^[2-9][0-9]{7}$`)
	abroadPattern = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	emailPattern  = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$`)
	amountPattern = regexp.MustCompile(`^[0-9]{1,10}(?:\.[0-9]{1,2})?$`)
)

// maxAmount is the most that an amount can be, in dollars.
const maxAmount = 1_000_000_000

// checkHKID checks the number of an identity card with its check digit: one or two
// letters and six digits, weighted 9 to 2, where A is 10, Z is 35 and a missing first
// letter is 36; with the check digit the sum is a multiple of 11.
func checkHKID(value string) (kept, key string) {
	compact := strings.ToUpper(strings.NewReplacer(" ", "", "（", "(", "）", ")").Replace(value))
	m := hkidPattern.FindStringSubmatch(compact)
	if m == nil || strings.Contains(compact, "(") != strings.Contains(compact, ")") {
		return "", "hkid"
	}
	padded := m[1] + m[2]
	if len(m[1]) == 1 {
		padded = " " + padded
	}
	sum := 0
	for i := range len(padded) {
		sum += (9 - i) * worth(padded[i])
	}
	if (sum+worth(m[3][0]))%11 != 0 {
		return "", "hkid"
	}
	return m[1] + m[2] + "(" + m[3] + ")", ""
}

func worth(c byte) int {
	switch {
	case c == ' ':
		return 36
	case c >= 'A':
		return int(c-'A') + 10
	}
	return int(c - '0')
}

func checkPhone(value string) (kept, key string) {
	compact := strings.NewReplacer(" ", "", "-", "").Replace(value)
	local, ours := strings.CutPrefix(compact, "+852")
	switch {
	case localPattern.MatchString(local):
		return local, ""
	case !ours && abroadPattern.MatchString(compact):
		return compact, ""
	}
	return "", "phone"
}

func (f *Field) checkAmount(value string) (kept, key string) {
	compact := strings.NewReplacer(",", "", " ", "").Replace(strings.TrimPrefix(strings.TrimPrefix(value, "HK"), "$"))
	if !amountPattern.MatchString(compact) {
		return "", "amount"
	}
	whole, part, _ := strings.Cut(compact, ".")
	dollars, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return "", "amount"
	}
	cents := (part + "00")[:2]
	switch {
	case dollars < f.Least:
		return "", "tooSmall"
	case dollars > f.Most || dollars == f.Most && cents != "00":
		return "", "tooLarge"
	}
	return fmt.Sprintf("%d.%s", dollars, cents), ""
}

// Show returns a checked answer as a person reads it: a date in words, an amount with
// commas, the option's label. Of a checkbox it is a tick or nothing.
func (f *Field) Show(value, lang string) string {
	if value == "" {
		return ""
	}
	switch f.Kind {
	case KindDate:
		if d, err := time.Parse(time.DateOnly, value); err == nil {
			return showDate(d, lang)
		}
	case KindChoice:
		if o := f.option(value); o != nil {
			return o.Label.In(lang)
		}
	case KindCheckbox:
		return "✓"
	case KindPhone:
		if localPattern.MatchString(value) {
			return value[:4] + " " + value[4:]
		}
	case KindAmount:
		whole, part, _ := strings.Cut(value, ".")
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return "HK$" + grouped(n) + "." + part
		}
	}
	return value
}

func showDate(d time.Time, lang string) string {
	if lang == English {
		return d.Format("2 January 2006")
	}
	return fmt.Sprintf("%d年%d月%d日", d.Year(), d.Month(), d.Day())
}

func showTime(t time.Time, lang string) string {
	t = t.In(hongKong)
	return showDate(t, lang) + map[bool]string{true: ", ", false: " "}[lang == English] + t.Format("15:04:05")
}

// unknown names the first field by order that the form lacks, as far as its name is fit
// to be told.
func (f *Form) unknown(values map[string]string) error {
	known := map[string]bool{}
	for _, field := range f.Fields() {
		known[field.ID] = true
	}
	first := ""
	for id := range values {
		if !known[id] && (first == "" || id < first) {
			first = id
		}
	}
	if !fieldPattern.MatchString(first) || utf8.RuneCountInString(first) > 40 {
		return fmt.Errorf("form %s: %w", f.ID, ErrUnknownField)
	}
	return fmt.Errorf("form %s: %w: %q", f.ID, ErrUnknownField, first)
}
