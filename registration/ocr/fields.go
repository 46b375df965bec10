package ocr

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"chop/registration/hkic"
)

// Suggestion is what a form is filled with. Each field may be empty, and each may be
// wrong but for the number, whose check digit is right: which one misread character in eleven survives.
type Suggestion struct {
	Number      hkic.Number
	Surname     string
	GivenNames  string
	ChineseName string
	Birth       hkic.Date
	Gender      string // "M", "F", or ""
	Issued      hkic.Date
}

// Bounds of how much text is looked at: lines, and bytes of one.
const maxLines, maxLine = 400, 200

// plain writes signs in one way.
var plain = strings.NewReplacer("—", "-", "–", "-", "‐", "-", "（", "(", "）", ")", "，", ",")

var (
	numberForm = regexp.MustCompile(`([A-Z0-9]{1,2}[0-9OQDIlLZSBG]{6}) ?[({\[]([0-9A-Z])[)}\]]`)
	birthForm  = regexp.MustCompile(`\b([0-9]{2})-([0-9]{2})-((?:19|20)[0-9]{2})\b`)
	partForm   = regexp.MustCompile(`^(?:([0-9]{2})-)?((?:19|20)[0-9]{2})$`)
	issueForm  = regexp.MustCompile(`\b([0-9]{2}-[0-9]{2}-[0-9]{2})(?:[^0-9-]|$)`)
	nameForm   = regexp.MustCompile(`^([A-Z][A-Z'. -]*[A-Z]), ?([A-Z][A-Za-z'. -]*)$`)
)

// parse finds the fields in what was read, line by line. It prefers to find nothing over something unlikely.
func parse(text string, now time.Time) Suggestion {
	var s Suggestion
	for i, line := range strings.Split(text, "\n") {
		if i == maxLines {
			break
		}
		line = plain.Replace(strings.Join(strings.Fields(line), " "))
		if line == "" || len(line) > maxLine {
			continue
		}
		if s.Number.IsZero() {
			s.Number = number(line)
		}
		if m := nameForm.FindStringSubmatch(line); m != nil && s.Surname == "" && len(m[1]) <= 40 && len(m[2]) <= 40 {
			s.Surname, s.GivenNames = m[1], m[2]
		}
		if s.ChineseName == "" {
			s.ChineseName = chinese(line)
		}
		if s.Birth.IsZero() {
			s.Birth = birth(line)
		}
		if m := issueForm.FindStringSubmatch(line); m != nil && s.Issued.IsZero() {
			if d, err := hkic.ParseIssue(m[1], now); err == nil {
				s.Issued = d
			}
		}
		for _, f := range strings.Fields(line) {
			if s.Gender == "" && (f == "M" || f == "F") || strings.HasPrefix(f, "男") || strings.HasPrefix(f, "女") {
				s.Gender = map[bool]string{true: "M", false: "F"}[f == "M" || strings.HasPrefix(f, "男")]
			}
		}
	}
	return s
}

// alike are letters that are taken for digits, and the other way.
var (
	toDigit  = strings.NewReplacer("O", "0", "Q", "0", "D", "0", "I", "1", "l", "1", "L", "1", "Z", "2", "S", "5", "B", "8", "G", "6")
	toLetter = strings.NewReplacer("0", "O", "1", "I", "2", "Z", "5", "S", "8", "B", "6", "G")
)

// number reads a number with its check digit in brackets, as it stands, or else with
// the letters among its digits taken for digits; its check digit decides.
func number(line string) hkic.Number {
	for _, m := range numberForm.FindAllStringSubmatch(line, 8) {
		head, digits := m[1][:len(m[1])-6], m[1][len(m[1])-6:]
		for _, try := range []string{m[1] + "(" + m[2] + ")", toLetter.Replace(head) + toDigit.Replace(digits) + "(" + m[2] + ")",
			toLetter.Replace(head) + toDigit.Replace(digits) + "(" + toDigit.Replace(m[2]) + ")"} {
			if n, err := hkic.Parse(try); err == nil {
				return n
			}
		}
	}
	return hkic.Number{}
}

func birth(line string) hkic.Date {
	if m := birthForm.FindStringSubmatch(line); m != nil {
		if d, err := hkic.ParseDate(m[3] + "-" + m[2] + "-" + m[1]); err == nil {
			return d
		}
	}
	if m := partForm.FindStringSubmatch(line); m != nil {
		month := m[1]
		if month == "" {
			month = "00"
		}
		if d, err := hkic.ParseDate(m[2] + "-" + month + "-00"); err == nil {
			return d
		}
	}
	return hkic.Date{}
}

// printedWords are what else is printed in Chinese on a card.
var printedWords = []string{"香港", "居民", "身份", "出生", "日期", "簽發", "永久"}

// chinese takes a line of two to six ideographs and nothing else for the name.
func chinese(line string) string {
	name := strings.ReplaceAll(line, " ", "")
	n := 0
	for _, r := range name {
		if !unicode.Is(unicode.Han, r) {
			return ""
		}
		n++
	}
	if n < 2 || n > 6 {
		return ""
	}
	for _, w := range printedWords {
		if strings.Contains(name, w) {
			return ""
		}
	}
	return name
}
