package forms

import (
	"fmt"
	"strings"
	"unicode"
)

// check refuses what cannot be drawn: controls, marks of direction, private characters,
// and what no font has.
func (f *faces) check(text string, lines bool) error {
	for _, r := range text {
		if r == '\n' && lines {
			continue
		}
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Variation_Selector, r) || r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return fmt.Errorf("U+%04X cannot be printed", r)
		}
	}
	if r, lacks := f.lacks(text); lacks {
		return fmt.Errorf("U+%04X is in no font", r)
	}
	return nil
}

// printable makes any text fit to be drawn on one line: white space becomes one space,
// and what cannot be drawn a box.
func (f *faces) printable(text string) string {
	const box = '□'
	return strings.Map(func(r rune) rune {
		if f.check(string(r), false) != nil {
			return box
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
}
