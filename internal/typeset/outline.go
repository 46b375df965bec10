package typeset

import (
	"fmt"

	"github.com/tdewolff/font"
)

// A Pen draws outlines: straight lines, and curves of the second and third degree.
type Pen interface {
	MoveTo(x, y float64)
	LineTo(x, y float64)
	QuadTo(cx, cy, x, y float64)
	CubeTo(c1x, c1y, c2x, c2y, x, y float64)
	Close()
}

// Outline draws a text with a pen, from x, y on its baseline, with y growing upwards,
// in the units of size. A character that the font lacks is ErrGlyph.
func (f *Font) Outline(text string, x, y, size float64, pen Pen) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	scale := size / float64(f.sfnt.Head.UnitsPerEm)
	for _, r := range text {
		g := f.sfnt.GlyphIndex(r)
		if g == 0 {
			return fmt.Errorf("%w: %q (U+%04X)", ErrGlyph, r, r)
		}
		if err := f.sfnt.GlyphPath(pen, g, 0, x, y, scale, font.NoHinting); err != nil {
			return fmt.Errorf("outline of %q: %w", r, err)
		}
		x += f.advance(g) * size
	}
	return nil
}
