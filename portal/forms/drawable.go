package forms

import (
	"fmt"
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
