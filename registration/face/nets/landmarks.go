package nets

import (
	"chop/registration/face"
)

// landmarker finds the 68 points in a box around a face: four dense blocks of
// separable convolutions and one matrix.
type landmarker struct {
	first  conv
	blocks [4][4]separable // of the first block, the first is not used
	points conv
}

const landmarkSide = 112

func newLandmarker(w *weights) landmarker {
	l := landmarker{first: w.conv("dense0/conv0", 2, true, relu)}
	for i := range l.blocks {
		for j := range l.blocks[i] {
			if i == 0 && j == 0 {
				continue
			}
			stride, a := 1, none
			if j == 0 {
				stride, a = 2, relu
			}
			l.blocks[i][j] = w.separable("dense"+digit(i)+"/conv"+digit(j), stride, a)
		}
	}
	m, b := w.get("fc/weights", 2), w.get("fc/bias", 1)
	l.points = conv{kernel: 1, stride: 1, in: m.shape[0], out: m.shape[1], filter: m.v, bias: b.v}
	return l
}

func digit(i int) string { return string(rune('0' + i)) }

func (l landmarker) output(r *run, in tensor) tensor {
	for i, b := range l.blocks {
		var sum tensor
		if i == 0 {
			sum = l.first.run(r, in)
		} else {
			sum = b[0].run(r, in)
		}
		// Each part sees the sum of those before it.
		for j, s := range b[1:] {
			next := sum
			if j > 0 {
				next = r.tensor(sum.h, sum.w, sum.c)
				copy(next.v, sum.v)
				activate(next.v, relu)
			}
			for k, x := range s.run(r, next).v {
				sum.v[k] += x
			}
		}
		activate(sum.v, relu)
		in = sum
	}
	return l.points.run(r, r.pool(in, 7, 2, false, true))
}

// run returns the points in the picture's pixels. box is within the picture.
func (l landmarker) run(r *run, p *face.Picture, box area) (points [68]face.Point) {
	r.reset()
	out := l.output(r, fit(r, p, box, box.long(), landmarkSide, true, means[1]))
	side := float64(box.long())
	for i := range points {
		points[i] = face.Point{
			X: float64(box.x) + float64(out.v[2*i])*side - (side-float64(box.w))/2,
			Y: float64(box.y) + float64(out.v[2*i+1])*side - (side-float64(box.h))/2,
		}
	}
	return points
}
