package forms

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a line of Chinese may not begin or end with.
const (
	notFirst = "，。、；：？！）」』》〉】〕”’…％·,.;:?!)]}%"
	notLast  = "（「『《〈【〔“‘([{$"
)

// wrap breaks a text into lines that are no wider than w: at its own line ends, after
// spaces and hyphens, and between ideographs, but not so that a line begins with a
// closing mark or ends with an opening one. A word that is wider than a line is cut
// where it must be. Nothing but spaces at line ends is lost.
func (f *faces) wrap(text string, s style, w float64) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		lines = append(lines, f.wrapParagraph(paragraph, s, w)...)
	}
	return lines
}

func (f *faces) wrapParagraph(text string, s style, w float64) []string {
	var lines []string
	line, used := "", 0.0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, used = "", 0
	}
	for _, unit := range units(text) {
		width := f.width(strings.TrimRight(unit, " "), s)
		// A unit that no line can hold is cut. It begins on this line if there is room.
		if line != "" && used+width > w && (width <= w || used > w*0.8) {
			flush()
		}
		for used+width > w && utf8.RuneCountInString(unit) > 1 {
			cut := f.fitting(unit, s, w-used)
			if cut == 0 && line == "" {
				_, cut = utf8.DecodeRuneInString(unit) // wider than a line by itself
			}
			line += unit[:cut]
			flush()
			unit = unit[cut:]
			width = f.width(strings.TrimRight(unit, " "), s)
		}
		line += unit
		used += f.width(unit, s)
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// fitting returns how many bytes of a text fit into w.
func (f *faces) fitting(text string, s style, w float64) int {
	used := 0.0
	for i, r := range text {
		used += f.width(string(r), s)
		if used > w {
			return i
		}
	}
	return len(text)
}

// units cuts a text where a line may end.
func units(text string) []string {
	var out []string
	start := 0
	last := rune(0)
	for i, r := range text {
		if i > start && mayBreak(last, r) {
			out = append(out, text[start:i])
			start = i
		}
		last = r
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

func mayBreak(a, b rune) bool {
	switch {
	case b == ' ' || strings.ContainsRune(notFirst, b) || strings.ContainsRune(notLast, a):
		return false
	case a == ' ' || (a == '-' || a == '/') && unicode.IsLetter(b):
		return true
	}
	return wide(a) || wide(b)
}

// wide reports whether a line may end before and after a character: ideographs, and the
// marks that go with them.
func wide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r < 0x3100 || r >= 0xFF00 && r < 0xFFEF
}
