// Package cardface draws made-up identity cards for tests and for the camera of a
// browser test: roughly the places of what stands on a card of 2018, nothing of its
// design, and the word SPECIMEN. It is no picture of a real card, and cannot be taken for one.
package cardface

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"sync"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/vector"

	"chop/internal/typeset"
	"chop/registration/hkic"
)

// Width and Height are a card's, in pixels: ID-1 (ISO/IEC 7810) at 400 dots an inch.
const (
	Width  = 1348
	Height = 850
)

// Portrait is where the picture of the holder is.
var Portrait = image.Rect(60, 210, 460, 730)

// fonts are what is drawn with: Latin in the Go font, Chinese in Debian's fonts-arphic-uming.
var fonts = sync.OnceValues(func() (f struct{ latin, chinese *typeset.Font }, err error) {
	if f.latin, err = typeset.Parse(goregular.TTF, 0); err == nil {
		f.chinese, err = typeset.Load(typeset.DefaultFont, typeset.DefaultFontFace)
	}
	return f, err
})

// Draw draws the face of a card, with a picture in Portrait: nil leaves it grey.
func Draw(c hkic.Card, portrait image.Image) (*image.RGBA, error) {
	use, err := fonts()
	if err != nil {
		return nil, err
	}
	m := image.NewRGBA(image.Rect(0, 0, Width, Height))
	draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{233, 240, 236, 255}), image.Point{}, draw.Src)
	draw.Draw(m, Portrait, image.NewUniform(color.RGBA{190, 196, 200, 255}), image.Point{}, draw.Src)
	if portrait != nil {
		put(m, Portrait, portrait)
	}
	text := func(size float64, x, y float64, s string) {
		font := use.latin
		if size < 0 { // Chinese
			font, size = use.chinese, -size
		}
		p := &pen{vector.NewRasterizer(Width, Height)}
		if e := font.Outline(s, x, -y, size, p); e != nil {
			err = e
		}
		p.z.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{20, 24, 40, 255}), image.Point{})
	}
	const title, plain, large, chinese, chineseTitle = 34, 40, 54, -52, -48
	text(chineseTitle, 60, 80, "香港永久性居民身份證")
	text(title, 60, 140, "HONG KONG PERMANENT IDENTITY CARD")
	text(plain, 900, 80, "SPECIMEN")
	y := 220.0
	for _, line := range []struct {
		size float64
		s    string
	}{{chinese, c.ChineseName}, {plain, c.EnglishName()}, {plain, c.CommercialCodes}} {
		if line.s != "" {
			text(line.size, 510, y, line.s)
			y += 70
		}
	}
	text(chinese, 510, 480, "出生日期")
	text(title, 740, 476, "Date of Birth")
	text(plain, 510, 540, printed(c.Birth, "02-01-2006"))
	switch c.Gender {
	case "M":
		text(chinese, 860, 545, "男")
		text(plain, 930, 540, "M")
	case "F":
		text(chinese, 860, 545, "女")
		text(plain, 930, 540, "F")
	}
	text(plain, 1060, 540, c.Symbols)
	text(chinese, 510, 640, "簽發日期")
	text(title, 740, 636, "Date of Issue")
	if c.FirstIssued != "" {
		text(plain, 510, 700, "("+c.FirstIssued+")")
	}
	text(plain, 510, 760, printed(c.Issued, "02-01-06"))
	text(large, 890, 790, c.Number.Secret())
	return m, err
}

// pen draws into a rasterizer, whose y grows downwards.
type pen struct{ z *vector.Rasterizer }

func (p *pen) MoveTo(x, y float64) { p.z.MoveTo(float32(x), float32(-y)) }
func (p *pen) LineTo(x, y float64) { p.z.LineTo(float32(x), float32(-y)) }
func (p *pen) QuadTo(cx, cy, x, y float64) {
	p.z.QuadTo(float32(cx), float32(-cy), float32(x), float32(-y))
}
func (p *pen) CubeTo(ax, ay, bx, by, x, y float64) {
	p.z.CubeTo(float32(ax), float32(-ay), float32(bx), float32(-by), float32(x), float32(-y))
}
func (p *pen) Close() { p.z.ClosePath() }

// printed is a date as a card has it: DD-MM-YYYY or DD-MM-YY; what is not known is left out.
func printed(d hkic.Date, form string) string {
	year := fmt.Sprintf("%04d", d.Year)
	if form == "02-01-06" {
		year = year[2:]
	}
	switch {
	case d.Month == 0:
		return year
	case d.Day == 0:
		return fmt.Sprintf("%02d-%s", d.Month, year)
	}
	return fmt.Sprintf("%02d-%02d-%s", d.Day, d.Month, year)
}

// put fills a place with a picture, cut at its sides where it has another shape.
func put(m *image.RGBA, place image.Rectangle, picture image.Image) {
	b := picture.Bounds()
	scale := max(float64(place.Dx())/float64(b.Dx()), float64(place.Dy())/float64(b.Dy()))
	left := (float64(b.Dx()) - float64(place.Dx())/scale) / 2
	top := (float64(b.Dy()) - float64(place.Dy())/scale) / 2
	for y := range place.Dy() {
		for x := range place.Dx() {
			m.Set(place.Min.X+x, place.Min.Y+y, picture.At(b.Min.X+int(left+float64(x)/scale), b.Min.Y+int(top+float64(y)/scale)))
		}
	}
}

// OnTable is a card as a camera sees it: smaller or larger, on a dark table, in a frame of w×h pixels.
func OnTable(card image.Image, w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{70, 60, 52, 255}), image.Point{}, draw.Src)
	scale := 0.92 * min(float64(w)/Width, float64(h)/Height)
	cw, ch := int(scale*Width), int(scale*Height)
	b := card.Bounds()
	for y := range ch {
		for x := range cw {
			// The mean of what a pixel covers, so that small print stays legible.
			m.Set((w-cw)/2+x, (h-ch)/2+y, mean(card, image.Rect(
				b.Min.X+x*b.Dx()/cw, b.Min.Y+y*b.Dy()/ch, b.Min.X+(x+1)*b.Dx()/cw, b.Min.Y+(y+1)*b.Dy()/ch)))
		}
	}
	return m
}

func mean(m image.Image, r image.Rectangle) color.RGBA {
	r.Max.X, r.Max.Y = max(r.Max.X, r.Min.X+1), max(r.Max.Y, r.Min.Y+1)
	var sum [3]uint32
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			red, green, blue, _ := m.At(x, y).RGBA()
			sum[0], sum[1], sum[2] = sum[0]+red>>8, sum[1]+green>>8, sum[2]+blue>>8
		}
	}
	n := uint32(r.Dx() * r.Dy())
	return color.RGBA{byte(sum[0] / n), byte(sum[1] / n), byte(sum[2] / n), 255}
}
