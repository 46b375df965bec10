package forms

import (
	"fmt"
	"unicode"
)

// checkDrawable refuses what no font can show: controls, marks of direction, private
// characters. Whether the fonts have a glyph is asked where they are at hand.
func checkDrawable(text string, lines bool) error {
	for _, r := range text {
		if r == '\n' && lines {
			continue
		}
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Variation_Selector, r) || r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return fmt.Errorf("U+%04X cannot be printed", r)
		}
	}
	return nil
}
