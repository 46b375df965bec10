package pades

import (
	"fmt"

	"chop/internal/typeset"
)

// The font of visible signatures, unless another is named.
const (
	DefaultFont     = typeset.DefaultFont
	DefaultFontFace = typeset.DefaultFontFace
)

// A Font draws the text of visible signatures. It is safe for concurrent use, and
// takes 25 MB of memory for as long as it is kept.
type Font = typeset.Font

// LoadFont reads a TrueType font, or one face of a collection.
func LoadFont(path string, face int) (*Font, error) {
	f, err := typeset.Load(path, face)
	if err != nil {
		return nil, fmt.Errorf("load font of visible signatures: %w", err)
	}
	return f, nil
}
