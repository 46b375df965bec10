package face

import (
	"image"
	"image/color"
)

// fromImage takes a decoded image's pixels, reduced to Longest. What is transparent is black.
func fromImage(img image.Image) *Picture {
	b := img.Bounds()
	return reduce(b.Dx(), b.Dy(), Longest, rows(img))
}

// FromImage makes a picture of what was drawn.
func FromImage(img image.Image) *Picture { return fromImage(img) }

// rows returns what writes row y of an image as RGB: quickly for the types that the decoders give.
func rows(img image.Image) func(y int, row []byte) {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.YCbCr:
		return func(y int, row []byte) {
			for x := range b.Dx() {
				yi, ci := m.YOffset(b.Min.X+x, b.Min.Y+y), m.COffset(b.Min.X+x, b.Min.Y+y)
				row[3*x], row[3*x+1], row[3*x+2] = color.YCbCrToRGB(m.Y[yi], m.Cb[ci], m.Cr[ci])
			}
		}
	case *image.RGBA:
		return func(y int, row []byte) {
			at := m.PixOffset(b.Min.X, b.Min.Y+y)
			for x := range b.Dx() {
				copy(row[3*x:3*x+3], m.Pix[at+4*x:])
			}
		}
	}
	return func(y int, row []byte) {
		for x := range b.Dx() {
			red, green, blue, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			row[3*x], row[3*x+1], row[3*x+2] = byte(red>>8), byte(green>>8), byte(blue>>8)
		}
	}
}

// reduce averages squares of k by k pixels, for the least k by which neither side
// is over longest. What is left over at the right and at the bottom is dropped.
func reduce(w, h, longest int, row func(y int, into []byte)) *Picture {
	k := (max(w, h) + longest - 1) / longest
	p := &Picture{W: max(1, w/k), H: max(1, h/k)}
	p.Pix = make([]byte, 3*p.W*p.H)
	line := make([]byte, 3*w)
	if k == 1 {
		for y := range h {
			row(y, p.Pix[3*w*y:3*w*(y+1)])
		}
		return p
	}
	sum := make([]uint32, 3*p.W)
	for y := range p.H {
		clear(sum)
		n := 0
		for dy := range k {
			if y*k+dy >= h {
				break // a side shorter than k
			}
			row(y*k+dy, line)
			n++
			for x := range p.W {
				for dx := x * k; dx < min((x+1)*k, w); dx++ {
					sum[3*x] += uint32(line[3*dx])
					sum[3*x+1] += uint32(line[3*dx+1])
					sum[3*x+2] += uint32(line[3*dx+2])
				}
			}
		}
		n *= min(k, w)
		for i := range sum {
			p.Pix[3*p.W*y+i] = byte((sum[i] + uint32(n)/2) / uint32(n))
		}
	}
	clear(line)
	clear(sum)
	return p
}

// turned applies an EXIF orientation, 1 to 8 (CIPA DC-008, tag 274).
func (p *Picture) turned(orientation int) *Picture {
	if orientation <= 1 || orientation > 8 {
		return p
	}
	q := &Picture{W: p.W, H: p.H, Pix: make([]byte, len(p.Pix))}
	if orientation >= 5 {
		q.W, q.H = p.H, p.W
	}
	for y := range p.H {
		for x := range p.W {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = p.W - 1 - x
			case 3:
				tx, ty = p.W-1-x, p.H-1-y
			case 4:
				ty = p.H - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = p.H-1-y, x
			case 7:
				tx, ty = p.H-1-y, p.W-1-x
			case 8:
				tx, ty = y, p.W-1-x
			}
			copy(q.Pix[3*(ty*q.W+tx):][:3], p.Pix[3*(y*p.W+x):][:3])
		}
	}
	p.Wipe()
	return q
}
