package facetest

import (
	"math"

	"chop/registration/face"
)

// Turn bends a picture so that the head seems turned: by about -1 (towards the left
// of the picture) to 1. What is near the middle of the face moves, its outline stays.
func Turn(p *face.Picture, f *face.Face, by float64) *face.Picture {
	jaw0, jaw16, chin, brow := f.Landmarks[0], f.Landmarks[16], f.Landmarks[8], f.Landmarks[27]
	cx, cy := (jaw0.X+jaw16.X)/2, (chin.Y+brow.Y)/2
	rx, ry := math.Abs(jaw16.X-jaw0.X)/2*1.15, math.Abs(chin.Y-brow.Y)*1.3
	shift := by * 0.4 * rx
	return remap(p, func(x, y float64) (float64, float64) {
		v := (y - cy) / ry
		if v*v >= 1 {
			return x, y
		}
		down := (1 - v*v) * (1 - v*v)
		// Where does what is here come from? x = s + shift·window(s), by iteration.
		s := x
		for range 12 {
			u := (s - cx) / rx
			window := 0.0
			if u*u < 1 {
				window = (1 - u*u) * (1 - u*u)
			}
			s = x - shift*window*down
		}
		return s, y
	})
}

// Blink presses the eyes together: what is of their height comes into a narrow line, and the skin around is stretched.
func Blink(p *face.Picture, f *face.Face) *face.Picture {
	const line, eye, reach = 0.05, 0.30, 0.55 // half heights, in widths of an eye
	for _, first := range []int{36, 42} {
		left, right := f.Landmarks[first], f.Landmarks[first+3]
		w := math.Hypot(right.X-left.X, right.Y-left.Y)
		cos, sin := (right.X-left.X)/w, (right.Y-left.Y)/w
		cx, cy := (left.X+right.X)/2, (left.Y+right.Y)/2
		p = remap(p, func(x, y float64) (float64, float64) {
			u, v := ((x-cx)*cos+(y-cy)*sin)/w, (-(x-cx)*sin+(y-cy)*cos)/w
			if math.Abs(u) > 0.8 || math.Abs(v) > reach {
				return x, y
			}
			to := math.Abs(v) * eye / line
			if math.Abs(v) > line {
				to = eye + (math.Abs(v)-line)*(reach-eye)/(reach-line)
			}
			across := math.Min(1, (0.8-math.Abs(u))/0.25)
			to = v + (math.Copysign(to, v)-v)*across
			return cx + w*(u*cos-to*sin), cy + w*(u*sin+to*cos)
		})
	}
	return p
}

// Brighter multiplies all pixels.
func Brighter(p *face.Picture, by float64) *face.Picture {
	q := &face.Picture{W: p.W, H: p.H, Pix: make([]byte, len(p.Pix))}
	for i, v := range p.Pix {
		q.Pix[i] = byte(math.Min(255, float64(v)*by))
	}
	return q
}

// remap asks for each pixel where it comes from.
func remap(p *face.Picture, from func(x, y float64) (float64, float64)) *face.Picture {
	q := &face.Picture{W: p.W, H: p.H, Pix: make([]byte, len(p.Pix))}
	for y := range p.H {
		for x := range p.W {
			sx, sy := from(float64(x), float64(y))
			sx, sy = math.Max(0, math.Min(sx, float64(p.W-1))), math.Max(0, math.Min(sy, float64(p.H-1)))
			x0, y0 := int(sx), int(sy)
			x1, y1 := min(x0+1, p.W-1), min(y0+1, p.H-1)
			fx, fy := sx-float64(x0), sy-float64(y0)
			for c := range 3 {
				at := func(x, y int) float64 { return float64(p.Pix[3*(y*p.W+x)+c]) }
				v := (at(x0, y0)*(1-fx)+at(x1, y0)*fx)*(1-fy) + (at(x0, y1)*(1-fx)+at(x1, y1)*fx)*fy
				q.Pix[3*(y*p.W+x)+c] = byte(v + 0.5)
			}
		}
	}
	return q
}
