package pades

import (
	"fmt"
	"strings"
	"unicode"
)

// A style is how one text of a visible signature looks.
type style struct {
	scale float64 // of the base font size
	color string  // a non-stroking colour operator with its operands
}

type paragraph struct {
	text  string
	style style
}

// A line is a piece of text that fits the width.
type line struct {
	text  string
	style style
}

const (
	largestText  = 11.0 // points
	smallestText = 3.5
	leading      = 1.3 // of the line's size
)

// flow breaks paragraphs into lines for the largest base size at which all of them fit
// into w by h points, and returns that size.
func flow(f *Font, paragraphs []paragraph, w, h float64) ([]line, float64, error) {
	for size := largestText; size >= smallestText; size -= 0.25 {
		lines, err := wrap(f, paragraphs, w, size)
		if err != nil {
			return nil, 0, err
		}
		if lines == nil {
			continue
		}
		height := 0.0
		for _, l := range lines {
			height += l.style.scale * size * leading
		}
		if height <= h {
			return lines, size, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: the text needs a larger place than %.0f by %.0f points", ErrAppearance, w, h)
}

// wrap returns nil if a single character is wider than w.
func wrap(f *Font, paragraphs []paragraph, w, size float64) ([]line, error) {
	var lines []line
	for _, p := range paragraphs {
		var cur strings.Builder
		curWidth := 0.0
		flush := func() {
			if t := strings.TrimRight(cur.String(), " "); t != "" {
				lines = append(lines, line{t, p.style})
			}
			cur.Reset()
			curWidth = 0
		}
		for _, piece := range pieces(p.text) {
			width, err := f.Width(piece)
			if err != nil {
				return nil, err
			}
			width *= size * p.style.scale
			if curWidth > 0 && curWidth+width > w {
				flush()
				if piece == " " {
					continue
				}
			}
			if width > w {
				return nil, nil
			}
			cur.WriteString(piece)
			curWidth += width
		}
		flush()
	}
	return lines, nil
}

// pieces cuts a text where a line may end: after a space, and between ideographs, but
// not before closing punctuation.
func pieces(text string) []string {
	var out []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case r == ' ':
			flush()
			out = append(out, " ")
		case strings.ContainsRune("，。、；：？！」』）》〉】", r) && word.Len() == 0 && len(out) > 0 && out[len(out)-1] != " ":
			out[len(out)-1] += string(r)
		case unicode.Is(unicode.Han, r):
			flush()
			out = append(out, string(r))
		default:
			word.WriteRune(r)
		}
	}
	flush()
	return out
}

// plain makes a text drawable: white space becomes single spaces, and what has no
// glyph by its nature (controls, marks of direction) is refused.
func plain(text string) (string, error) {
	text = strings.Join(strings.Fields(text), " ")
	for _, r := range text {
		if unicode.Is(unicode.C, r) && !unicode.Is(unicode.Co, r) || r == unicode.ReplacementChar {
			return "", fmt.Errorf("%w: %q (U+%04X) cannot be drawn", ErrGlyph, r, r)
		}
	}
	return text, nil
}
