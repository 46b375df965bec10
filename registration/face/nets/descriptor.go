package nets

import (
	"math"

	"chop/registration/face"
)

// describer is a residual net of 29 convolutions, in the manner of dlib's face
// recognition, that maps an aligned face to 128 numbers.
type describer struct {
	first  conv
	blocks []residual
	last   conv
}

// residual is two convolutions whose result is added to their input; a block that
// goes down halves the image and may double the channels.
type residual struct {
	down bool
	a, b conv
}

const faceSide = 150

func newDescriber(w *weights) describer {
	d := describer{first: w.scaled("conv32_down", 2, false, relu)}
	for _, name := range []string{
		"conv32_1", "conv32_2", "conv32_3",
		"conv64_down", "conv64_1", "conv64_2", "conv64_3",
		"conv128_down", "conv128_1", "conv128_2",
		"conv256_down", "conv256_1", "conv256_2", "conv256_down_out",
	} {
		b := residual{down: isDown(name)}
		if b.down {
			b.a = w.scaled(name+"/conv1", 2, false, relu)
		} else {
			b.a = w.scaled(name+"/conv1", 1, true, relu)
		}
		b.b = w.scaled(name+"/conv2", 1, true, none)
		d.blocks = append(d.blocks, b)
	}
	m := w.get("fc", 2)
	d.last = conv{kernel: 1, stride: 1, in: m.shape[0], out: m.shape[1], filter: m.v, bias: make([]float32, m.shape[1])}
	return d
}

func isDown(name string) bool {
	return len(name) > 8 && name[len(name)-1] != '1' && name[len(name)-1] != '2' && name[len(name)-1] != '3'
}

func (d describer) output(r *run, in tensor) tensor {
	t := r.pool(d.first.run(r, in), 3, 2, false, false)
	for _, b := range d.blocks {
		x := t
		if b.down {
			x = r.pool(t, 2, 2, false, true)
		}
		t = b.add(r, b.b.run(r, b.a.run(r, t)), x)
	}
	return d.last.run(r, r.pool(t, t.h, 1, false, true))
}

// add is relu(y + x), where what either lacks at its right, its bottom or in its channels is zero.
func (b residual) add(r *run, y, x tensor) tensor {
	if y.h == x.h && y.w == x.w && y.c == x.c {
		for i, v := range x.v {
			y.v[i] += v
		}
		activate(y.v, relu)
		return y
	}
	out := r.tensor(max(y.h, x.h), max(y.w, x.w), max(y.c, x.c))
	clear(out.v)
	for _, t := range []tensor{y, x} {
		for row := range t.h {
			for col := range t.w {
				into := out.v[(row*out.w+col)*out.c:]
				for i, v := range t.v[(row*t.w+col)*t.c:][:t.c] {
					into[i] += v
				}
			}
		}
	}
	activate(out.v, relu)
	return out
}

func (d describer) run(r *run, p *face.Picture, points *[68]face.Point) (descriptor face.Descriptor) {
	r.reset()
	a := aligned(p, points)
	out := d.output(r, fit(r, p, a, a.long(), faceSide, true, means[1]))
	copy(descriptor[:], out.v)
	return descriptor
}

// aligned is the square that the net was trained on: placed and sized by the
// centres of eyes and mouth. It is not turned. Clipped to the picture.
func aligned(p *face.Picture, points *[68]face.Point) area {
	left, right, mouth := centre(points[36:42]), centre(points[42:48]), centre(points[48:68])
	const ofSide, across, down = 0.45, 0.5, 0.43 // eyes to mouth; the centre of all three
	toMouth := func(q face.Point) float64 { return math.Hypot(mouth.X-q.X, mouth.Y-q.Y) }
	side := math.Floor((toMouth(left) + toMouth(right)) / 2 / ofSide)
	middle := centre([]face.Point{left, right, mouth})
	return clip(p, face.Box{X: math.Floor(max(0, middle.X-across*side)), Y: math.Floor(max(0, middle.Y-down*side)), W: side, H: side})
}

func centre(points []face.Point) (c face.Point) {
	for _, p := range points {
		c.X += p.X / float64(len(points))
		c.Y += p.Y / float64(len(points))
	}
	return c
}
