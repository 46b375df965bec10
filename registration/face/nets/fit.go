package nets

import (
	"math"

	"chop/registration/face"
)

// means are what is subtracted of red, green and blue: of the detector, and of the other two nets.
var means = [2][3]float32{{117.001, 114.697, 97.404}, {122.782, 117.001, 104.298}}

// area is a part of a picture, in whole pixels.
type area struct{ x, y, w, h int }

func whole(p *face.Picture) area { return area{0, 0, p.W, p.H} }

func (a area) long() int { return max(a.w, a.h) }

// clip is what of a box lies in the picture, at least one pixel.
func clip(p *face.Picture, b face.Box) area {
	a := area{x: clamp(b.X, p.W-1), y: clamp(b.Y, p.H-1)}
	a.w = clamp(b.X+b.W-float64(a.x), p.W-a.x)
	a.h = clamp(b.Y+b.H-float64(a.y), p.H-a.y)
	a.w, a.h = max(a.w, 1), max(a.h, 1)
	return a
}

// clamp rounds down to 0 ≤ x ≤ most; what is not a number is 0.
func clamp(x float64, most int) int {
	if !(x > 0) {
		return 0
	}
	return int(math.Min(x, float64(most)))
}

// fit scales an area, as the part of a square of long×long pixels, to side×side. The
// rest of the square is black: on all sides if centred, else at the end. It is
// normalised. It averages what it makes smaller, so that fine detail does not become noise.
func fit(r *run, p *face.Picture, a area, long, side int, centred bool, mean [3]float32) tensor {
	padX, padY := 0, 0
	if centred {
		padX, padY = (long-a.w)/2, (long-a.h)/2
	}
	xs, ys := taps(a.w, padX, long, side), taps(a.h, padY, long, side)
	out := r.tensor(side, side, 3)
	lines := r.tensor(a.h, side, 3) // the area, scaled across
	r.share(a.h, func(y int) {
		row := p.Pix[3*((a.y+y)*p.W+a.x):][:3*a.w]
		for x, t := range xs {
			var sum [3]float32
			for i, weight := range t.weights {
				px := row[3*(t.first+i):][:3]
				sum[0] += weight * float32(px[0])
				sum[1] += weight * float32(px[1])
				sum[2] += weight * float32(px[2])
			}
			copy(lines.v[3*(y*side+x):], sum[:])
		}
	})
	r.share(side, func(y int) {
		line := out.v[3*y*side:][:3*side]
		clear(line)
		for i, weight := range ys[y].weights {
			for x, v := range lines.v[3*(ys[y].first+i)*side:][:3*side] {
				line[x] += weight * v
			}
		}
		for x := range line {
			line[x] = (line[x] - mean[x%3]) / 255
		}
	})
	return out
}

// tap says which samples make a new one, and how much each counts. Padding counts
// as zero, so the weights may sum to less than one.
type tap struct {
	first   int
	weights []float32
}

// taps scales n samples, with pad before and as many after as make long, to side:
// a triangle as wide as two new samples, or as two old ones where there are more new ones.
func taps(n, pad, long, side int) []tap {
	scale := float64(long) / float64(side)
	reach := math.Max(scale, 1)
	all := make([]tap, side)
	for i := range all {
		at := (float64(i)+0.5)*scale - 0.5
		lo, hi := int(math.Ceil(at-reach)), int(math.Floor(at+reach))
		var sum float64
		for j := lo; j <= hi; j++ {
			if j < 0 || j >= long {
				continue
			}
			weight := 1 - math.Abs(float64(j)-at)/reach
			sum += weight
			if j-pad < 0 || j-pad >= n {
				continue
			}
			if len(all[i].weights) == 0 {
				all[i].first = j - pad
			}
			all[i].weights = append(all[i].weights, float32(weight))
		}
		for j := range all[i].weights {
			all[i].weights[j] /= float32(sum)
		}
	}
	return all
}
