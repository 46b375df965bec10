package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"chop/internal/pdf"
	"chop/internal/typeset"
	"chop/validation"
)

// The page is A4, in points.
const (
	pageWidth, pageHeight = 595.0, 842.0
	margin                = 56.0
	fontSize              = 9.5
	leading               = 14.0
	perPage               = 51 // lines, and the page's number below
	bodyWidth             = pageWidth - 2*margin
)

// PDF is the detailed report as pages, with Chinese text whatever the language, and behind it the pictures, if there
// are any; nobody has signed it.
func PDF(s Subject, lang string) ([]byte, error) {
	text, err := Detailed(s, lang)
	if err != nil {
		return nil, err
	}
	font, err := typeset.Load(typeset.DefaultFont, typeset.DefaultFontFace)
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	b := &booklet{font: font, subset: font.Subset(), lang: lang}
	b.fonts, b.pages = b.w.Alloc(), b.w.Alloc()
	lines, err := wrapped(font, text)
	if err == nil {
		b.count = (len(lines) + perPage - 1) / perPage
		if s.Pictures != nil {
			b.count += len(s.Pictures.List)
		}
		err = b.text(lines)
	}
	if err == nil && s.Pictures != nil {
		err = b.pictures(s)
	}
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return b.bytes()
}

// A booklet is a report on its way to its pages.
type booklet struct {
	w            pdf.Draft
	font         *typeset.Font
	subset       *typeset.Subset
	lang         string
	fonts, pages pdf.Ref
	kids         pdf.Array
	count        int
}

// text adds pages of lines.
func (b *booklet) text(lines []string) error {
	for part := range slices.Chunk(lines, perPage) {
		if err := b.page(nil, pdf.Dict{}, part); err != nil {
			return err
		}
	}
	return nil
}

// page adds one page with lines at its top and its number at its foot; under them is what drawn shows.
func (b *booklet) page(drawn []byte, images pdf.Dict, lines []string) error {
	c := bytes.NewBuffer(drawn)
	show := func(y float64, lines []string) error {
		fmt.Fprintf(c, "BT 0 g /F %g Tf %g TL %g %g Td\n", fontSize, leading, margin, y)
		for _, line := range lines {
			shown, err := pdf.Append(nil, b.subset.Encode(line))
			if err != nil {
				return err
			}
			fmt.Fprintf(c, "%s Tj T*\n", shown)
		}
		c.WriteString("ET\n")
		return nil
	}
	if err := show(pageHeight-margin-fontSize, lines); err != nil {
		return err
	}
	if err := show(margin-leading, []string{fmt.Sprintf("%d / %d", len(b.kids)+1, b.count)}); err != nil {
		return err
	}
	b.kids = append(b.kids, b.w.Add(pdf.Dict{
		"Type": pdf.Name("Page"), "Parent": b.pages, "MediaBox": pdf.Array{int64(0), int64(0), int64(pageWidth), int64(pageHeight)},
		"Resources": pdf.Dict{"Font": b.fonts, "XObject": images}, "Contents": b.w.AddStream(pdf.Dict{}, c.Bytes()),
	}))
	return nil
}

func (b *booklet) bytes() ([]byte, error) {
	ref, err := b.subset.Embed(&b.w)
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	b.w.Set(b.fonts, pdf.Dict{"F": ref})
	b.w.Set(b.pages, pdf.Dict{"Type": pdf.Name("Pages"), "Kids": b.kids, "Count": int64(len(b.kids))})
	catalog := b.w.Add(pdf.Dict{"Type": pdf.Name("Catalog"), "Pages": b.pages, "Lang": pdf.String(b.lang)})
	data, err := b.w.Bytes(catalog, pdf.Ref{})
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return data, nil
}

// wrapped breaks a text into lines that fit. What the font cannot draw is written as its number.
func wrapped(font *typeset.Font, text string) (lines []string, err error) {
	widths := map[rune]float64{}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		var now strings.Builder
		width := 0.0
		for _, r := range validation.Plain(line) {
			part := string(r)
			if !font.Has(r) {
				part = fmt.Sprintf(`\u%04x`, r)
			}
			for _, c := range part {
				wide, known := widths[c]
				if !known {
					if wide, err = font.Width(string(c)); err != nil {
						return nil, err
					}
					widths[c] = wide
				}
				if width += wide * fontSize; width > bodyWidth {
					lines = append(lines, now.String())
					now.Reset()
					width = wide * fontSize
				}
				now.WriteRune(c)
			}
		}
		lines = append(lines, now.String())
	}
	return lines, nil
}
