package forms

import (
	"bytes"
	"fmt"

	"chop/internal/pdf"
	"chop/internal/typeset"
)

// Page geometry, in points: A4.
const (
	pageWidth  = 595.28
	pageHeight = 841.89
	margin     = 48.0
	bodyWidth  = 499.0
	bodyTop    = 64.0            // of pages after the first
	bodyBottom = pageHeight - 62 // above the footer
)

// The dress of the house: a seal on paper.
const (
	paper     = "0.984 0.980 0.969"
	ink       = "0.106 0.106 0.106"
	secondary = "0.353 0.337 0.314"
	thin      = "0.200 0.190 0.180" // secondary, for Chinese
	rule      = "0.867 0.847 0.812"
	edge      = "0.660 0.635 0.595" // of boxes to be written in: darker than a rule, for printers
	vermilion = "0.706 0.137 0.094"
	white     = "1 1 1"
	ghost     = "0.930 0.918 0.894" // of a seal that is not there yet

	sealGlyph = "印"
)

// A canvas is a document being drawn, from the top of its first page downwards. Lengths
// are in points, and y is measured from the page's top.
type canvas struct {
	w       pdf.Draft
	faces   *faces
	pair    pair
	subsets map[*typeset.Font]*typeset.Subset
	fonts   []*typeset.Font // in the order of their names F0, F1, F2
	// resources is shared by all pages and appearances; it is written at the end, when
	// it is known which characters were used.
	resources pdf.Ref
	pages     []*page
	root      pdf.Ref // the page tree
	y         float64
	fields    pdf.Array
	tags      tags
	onNewPage func()
}

type page struct {
	ref    pdf.Ref
	buf    bytes.Buffer
	annots pdf.Array
	marked []int // the elements of its marked content, by MCID
}

func newCanvas(f *faces, p pair) *canvas {
	c := &canvas{faces: f, pair: p, subsets: map[*typeset.Font]*typeset.Subset{}, fonts: []*typeset.Font{f.latin, f.bold, f.han}}
	for _, font := range c.fonts {
		c.subsets[font] = font.Subset()
	}
	c.resources, c.root = c.w.Alloc(), c.w.Alloc()
	return c
}

func (c *canvas) page() *page { return c.pages[len(c.pages)-1] }

func (c *canvas) newPage() {
	c.pages = append(c.pages, &page{ref: c.w.Alloc()})
	c.y = bodyTop
	if c.onNewPage != nil {
		c.onNewPage()
	}
}

// room begins a new page unless h points are left on this one. What is higher than a
// page gets a page of its own, from its top.
func (c *canvas) room(h float64) {
	if c.y+h > bodyBottom && c.y > bodyTop {
		c.newPage()
	}
}

// text writes one line with its baseline at y.
func (c *canvas) text(x, y float64, text string, s style) {
	c.page().buf.Write(c.show(x, pageHeight-y, text, s))
}

// show is the text object of one line, with its origin at x, y from the lower left.
func (c *canvas) show(x, y float64, text string, s style) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "BT\n%s rg\n1 0 0 1 %.2f %.2f Tm\n", s.ink, x, y)
	for _, r := range c.faces.runs(text, s.bold) {
		// The outline that makes Chinese bold would be too thick in small text, since
		// readers draw no line thinner than a pixel.
		if s.bold && s.size >= 11 && r.font == c.faces.han {
			fmt.Fprintf(&b, "2 Tr %s RG %.3f w\n", s.ink, s.size*0.032)
		} else if s.bold {
			b.WriteString("0 Tr\n")
		}
		if s.ink == secondary { // strokes as thin as those of Ming would vanish in grey
			fmt.Fprintf(&b, "%s rg\n", map[bool]string{true: thin, false: secondary}[r.font == c.faces.han])
		}
		fmt.Fprintf(&b, "/%s %.2f Tf\n<%X> Tj\n", c.fontName(r.font), s.size, c.subsets[r.font].Encode(r.text))
	}
	if s.bold {
		b.WriteString("0 Tr\n")
	}
	b.WriteString("ET\n")
	return b.Bytes()
}

func (c *canvas) fontName(f *typeset.Font) string {
	for i, font := range c.fonts {
		if font == f {
			return fmt.Sprint("F", i)
		}
	}
	return "F0"
}

// leading is the height of a line.
func leading(size float64) float64 { return size * 1.36 }

// lines writes lines from the top y downwards and returns where they end.
func (c *canvas) lines(x, y float64, lines []string, s style) float64 {
	for _, l := range lines {
		c.text(x, y+s.size*1.02, l, s)
		y += leading(s.size)
	}
	return y
}

// box draws a rectangle whose upper left corner is at x, y. Either colour may be empty.
func (c *canvas) box(x, y, w, h float64, fill, stroke string, line float64) {
	b := &c.page().buf
	op := "n"
	if fill != "" {
		fmt.Fprintf(b, "%s rg\n", fill)
		op = "f"
	}
	if stroke != "" {
		fmt.Fprintf(b, "%s RG %.2f w\n", stroke, line)
		op = map[bool]string{true: "B", false: "S"}[fill != ""]
	}
	fmt.Fprintf(b, "%.2f %.2f %.2f %.2f re %s\n", x, pageHeight-y-h, w, h, op)
}

func (c *canvas) line(x0, y0, x1, y1 float64, colour string, width float64) {
	fmt.Fprintf(&c.page().buf, "%s RG %.2f w %.2f %.2f m %.2f %.2f l S\n", colour, width, x0, pageHeight-y0, x1, pageHeight-y1)
}

// seal draws the square seal with its upper left corner at x, y.
func (c *canvas) seal(x, y, side float64, ground, glyph string) {
	b := &c.page().buf
	r := side * 0.07
	k := r * 0.4477 // where the control points of a quarter circle lie, from the corner
	x1, y1 := x+side, pageHeight-y
	y0 := y1 - side
	fmt.Fprintf(b, "%s rg\n%.2f %.2f m\n", ground, x+r, y0)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x1-r, y0, x1-k, y0, x1, y0+k, x1, y0+r)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x1, y1-r, x1, y1-k, x1-k, y1, x1-r, y1)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x+r, y1, x+k, y1, x, y1-k, x, y1-r)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\nf\n", x, y0+r, x, y0+k, x+k, y0, x+r, y0)
	size := side * 0.8
	b.Write(c.show(x+(side-size)/2, y0+(side-size)/2+size*0.12, sealGlyph, style{size: size, ink: glyph}))
}
