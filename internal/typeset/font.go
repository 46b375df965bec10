// Package typeset reads TrueType fonts, measures text, breaks it into lines, and embeds
// what was used of a font into a PDF (ISO 32000-1, 9.7). Latin and Chinese are what it
// knows: it joins no letters, and writes from left to right only.
package typeset

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"unicode/utf16"

	"github.com/tdewolff/font"

	"chop/internal/pdf"
)

// Debian's fonts-arphic-uming has the characters of HKSCS, those beyond the BMP
// included; face 1 draws them as Hong Kong writes them.
const (
	DefaultFont     = "/usr/share/fonts/truetype/arphic/uming.ttc"
	DefaultFontFace = 1

	postScriptName = font.NameID(6)
)

var (
	// ErrFont is for a font that is missing or of no use.
	ErrFont = errors.New("the font cannot be used")
	// ErrGlyph is for a character that the font does not have.
	ErrGlyph = errors.New("the font lacks a character")
)

// A Font measures and draws text. It is safe for concurrent use. A font of all
// ideographs takes 25 MB of memory for as long as it is kept.
type Font struct {
	mu   sync.Mutex // subsetting writes into the parsed font
	sfnt *font.SFNT
	name string
}

// Load reads a TrueType font, or one face of a collection, from a file.
func Load(path string, face int) (*Font, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w (in Debian it is in the package fonts-arphic-uming)", ErrFont, err)
	}
	f, err := Parse(b, face)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads a TrueType font, or one face of a collection. It keeps b.
func Parse(b []byte, face int) (*Font, error) {
	s, err := font.ParseSFNT(b, face)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFont, err)
	}
	if !s.IsTrueType || s.Glyf == nil || s.Hmtx == nil || s.Head == nil || s.Head.UnitsPerEm == 0 {
		return nil, fmt.Errorf("%w: no TrueType outlines", ErrFont)
	}
	f := &Font{sfnt: s, name: "Seal"}
	for _, r := range s.Name.Get(postScriptName) {
		f.name = r.String()
	}
	return f, nil
}

// Has reports whether the font can draw a character.
func (f *Font) Has(r rune) bool { return f.sfnt.GlyphIndex(r) != 0 }

// Width returns how wide a text is, in units of the font size, or ErrGlyph.
func (f *Font) Width(text string) (float64, error) {
	var sum float64
	for _, r := range text {
		g := f.sfnt.GlyphIndex(r)
		if g == 0 {
			return 0, fmt.Errorf("%w: %q (U+%04X)", ErrGlyph, r, r)
		}
		sum += f.advance(g)
	}
	return sum, nil
}

func (f *Font) advance(glyph uint16) float64 {
	return float64(f.sfnt.GlyphAdvance(glyph)) / float64(f.sfnt.Head.UnitsPerEm)
}

// A Subset is the part of a font that one document needs, with glyphs numbered anew in
// the order of their first use. It is not safe for concurrent use.
type Subset struct {
	font   *Font
	glyphs []uint16 // by new number; 0 is .notdef
	number map[rune]uint16
}

// Subset begins one, with no glyph yet.
func (f *Font) Subset() *Subset {
	return &Subset{font: f, glyphs: []uint16{0}, number: map[rune]uint16{}}
}

// Encode returns a text as the codes of a Type 0 font with two-byte codes, and takes its
// characters into the subset. It must come before Embed.
func (s *Subset) Encode(text string) pdf.String {
	var b pdf.String
	for _, r := range text {
		n, ok := s.number[r]
		if !ok {
			// Two characters may share a glyph, but each keeps a number of its own, so
			// that text copied from the page is the text that was given.
			n = uint16(len(s.glyphs))
			s.number[r] = n
			s.glyphs = append(s.glyphs, s.font.sfnt.GlyphIndex(r))
		}
		b = append(b, byte(n>>8), byte(n))
	}
	return b
}

// An Adder takes new objects of a PDF: pdf.Update is one.
type Adder interface {
	Add(pdf.Object) pdf.Ref
	AddStream(pdf.Dict, []byte) pdf.Ref
}

// Embed writes the font into a PDF: a Type 0 font with a CIDFontType2 descendant,
// ISO 32000-1, 9.7.4, and a ToUnicode map.
func (s *Subset) Embed(to Adder) (pdf.Ref, error) {
	file, err := s.outlines()
	if err != nil {
		return pdf.Ref{}, err
	}
	tag := make([]byte, 6)
	for i, c := range sha256.Sum256(file) {
		if i < len(tag) {
			tag[i] = 'A' + c%26
		}
	}
	name := pdf.Name(string(tag) + "+" + s.font.name)
	head, hhea, scale := s.font.sfnt.Head, s.font.sfnt.Hhea, 1000/float64(s.font.sfnt.Head.UnitsPerEm)
	unit := func(n int16) int64 { return int64(float64(n) * scale) }
	widths := make(pdf.Array, len(s.glyphs))
	for i, g := range s.glyphs {
		widths[i] = int64(s.font.advance(g) * 1000)
	}
	descriptor := to.Add(pdf.Dict{
		"Type": pdf.Name("FontDescriptor"), "FontName": name,
		"Flags":    int64(4), // symbolic: the codes are our own
		"FontBBox": pdf.Array{unit(head.XMin), unit(head.YMin), unit(head.XMax), unit(head.YMax)},
		"Ascent":   unit(hhea.Ascender), "Descent": unit(hhea.Descender), "CapHeight": unit(hhea.Ascender),
		"ItalicAngle": int64(0), "StemV": int64(80),
		"FontFile2": to.AddStream(pdf.Dict{"Length1": int64(len(file))}, file),
	})
	descendant := to.Add(pdf.Dict{
		"Type": pdf.Name("Font"), "Subtype": pdf.Name("CIDFontType2"), "BaseFont": name,
		"CIDSystemInfo": pdf.Dict{"Registry": pdf.String("Adobe"), "Ordering": pdf.String("Identity"), "Supplement": int64(0)},
		"CIDToGIDMap":   pdf.Name("Identity"), "FontDescriptor": descriptor,
		"W": pdf.Array{int64(0), widths},
	})
	return to.Add(pdf.Dict{
		"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type0"), "BaseFont": name,
		"Encoding": pdf.Name("Identity-H"), "DescendantFonts": pdf.Array{descendant},
		"ToUnicode": to.AddStream(pdf.Dict{}, s.toUnicode()),
	}), nil
}

// outlines returns the font file. The library's Subset alters tables of the font that
// it reads from, so it gets copies of those.
func (s *Subset) outlines() ([]byte, error) {
	s.font.mu.Lock()
	defer s.font.mu.Unlock()
	work := *s.font.sfnt
	head, hhea, maxp := *work.Head, *work.Hhea, *work.Maxp
	work.Head, work.Hhea, work.Maxp = &head, &hhea, &maxp
	if work.OS2 != nil {
		os2 := *work.OS2
		work.OS2 = &os2
	}
	small, err := work.Subset(slices.Clone(s.glyphs), font.SubsetOptions{Tables: font.KeepPDFTables})
	if err != nil {
		return nil, fmt.Errorf("%w: subset: %w", ErrFont, err)
	}
	return steady(small.Write(), s.font.sfnt.Head.Modified)
}

// toUnicode is the CMap that gives the text back, ISO 32000-1, 9.10.3. Characters
// beyond the BMP are surrogate pairs.
func (s *Subset) toUnicode() []byte {
	text := make(map[uint16]rune, len(s.number))
	for r, n := range s.number {
		text[n] = r
	}
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	const block = 100 // entries that one operator may have
	for start := 1; start < len(s.glyphs); start += block {
		end := min(start+block, len(s.glyphs))
		fmt.Fprintf(&b, "%d beginbfchar\n", end-start)
		for n := start; n < end; n++ {
			fmt.Fprintf(&b, "<%04X> <", n)
			for _, u := range utf16.Encode([]rune{text[uint16(n)]}) {
				fmt.Fprintf(&b, "%04X", u)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}
