package forms

import (
	"fmt"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"chop/internal/typeset"
)

// faces are the fonts of all that this package draws: Chinese from Debian's
// fonts-arphic-uming, whose Latin letters are those of a typewriter, and Latin from the
// Go fonts. Chinese has one weight; its bold is drawn with an outline.
type faces struct{ latin, bold, han *typeset.Font }

func loadFaces() (*faces, error) {
	var f faces
	var err error
	if f.latin, err = typeset.Parse(goregular.TTF, 0); err == nil {
		if f.bold, err = typeset.Parse(gobold.TTF, 0); err == nil {
			f.han, err = typeset.Load(typeset.DefaultFont, typeset.DefaultFontFace)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load fonts of forms: %w: %w", ErrFont, err)
	}
	return &f, nil
}

// A style is how a text looks.
type style struct {
	size float64
	bold bool
	ink  string // red, green and blue
}

func (s style) sized(size float64) style { s.size = size; return s }

// A run is a part of a text that one font draws.
type run struct {
	font *typeset.Font
	text string
}

// runs cuts a text by font: what the Latin one has is Latin, whatever stands around it,
// so that the parts of a text are together as wide as the whole. A character that
// neither has is given to the Latin one; lacks tells of it.
func (f *faces) runs(text string, bold bool) []run {
	latin := f.latin
	if bold {
		latin = f.bold
	}
	var runs []run
	start := 0
	var now *typeset.Font
	for i, r := range text {
		font := latin
		if !f.latin.Has(r) && f.han.Has(r) {
			font = f.han
		}
		if font != now {
			if i > start {
				runs = append(runs, run{now, text[start:i]})
			}
			start, now = i, font
		}
	}
	if start < len(text) {
		runs = append(runs, run{now, text[start:]})
	}
	return runs
}

// lacks returns the first character that no font has.
func (f *faces) lacks(text string) (rune, bool) {
	for _, r := range text {
		if r != '\n' && !f.latin.Has(r) && !f.han.Has(r) {
			return r, true
		}
	}
	return 0, false
}

// width of a text without line ends, in points.
func (f *faces) width(text string, s style) float64 {
	sum := 0.0
	for _, r := range f.runs(text, s.bold) {
		w, err := r.font.Width(r.text)
		if err != nil {
			continue // lacks refuses it before it is drawn
		}
		sum += w
	}
	return sum * s.size
}
