package face

import "math"

// Openness measures how open the eyes are, left in the picture first: how high the
// dark of iris and lashes is, in widths of the eye. About 0.2 to 0.35 when open; it
// is to be compared with the same person's open eyes, not with a number.
//
// It looks at the pixels, because the landmark net draws a closed eye nearly as high
// as an open one: the aspect ratio of its six points does not tell them apart.
func Openness(p *Picture, landmarks *[68]Point) (eyes [2]float64) {
	for i, first := range []int{36, 42} {
		eyes[i] = openness(p, landmarks[first], landmarks[first+3])
	}
	return eyes
}

// openness of the eye between two corners. u runs along the eye and v down, from its middle, in its widths.
func openness(p *Picture, left, right Point) float64 {
	w := math.Hypot(right.X-left.X, right.Y-left.Y)
	if !(w >= 8) { // pixels: too few to tell anything
		return 0
	}
	along := Point{right.X - left.X, right.Y - left.Y}
	middle := Point{(left.X + right.X) / 2, (left.Y + right.Y) / 2}
	light := func(u, v float64) float64 {
		return p.light(middle.X+u*along.X-v*along.Y, middle.Y+u*along.Y+v*along.X)
	}
	const step = 0.02
	// The skin under the eye, which no brow shades.
	var skin, n float64
	for u := -0.3; u <= 0.3; u += step {
		for v := 0.38; v <= 0.5; v += step {
			skin += light(u, v)
			n++
		}
	}
	skin /= n
	const darker, zone, height = 0.6, 0.2, 0.26
	var dark float64
	n = 0
	for u := -zone; u <= zone; u += step {
		for v := -height; v <= height; v += step {
			if light(u, v) < darker*skin {
				dark += step
			}
		}
		n++
	}
	return dark / n
}

// light is the luminance of the pixel at a place, 0 to 255; beyond the edge, of the nearest.
func (p *Picture) light(x, y float64) float64 {
	xi, yi := int(math.Max(0, math.Min(x+0.5, float64(p.W-1)))), int(math.Max(0, math.Min(y+0.5, float64(p.H-1))))
	c := p.Pix[3*(yi*p.W+xi):][:3]
	return 0.299*float64(c[0]) + 0.587*float64(c[1]) + 0.114*float64(c[2])
}
