package nets

import "slices"

// tensor is a stack of channels over an image: v[(y*w+x)*c+channel].
type tensor struct {
	h, w, c int
	v       []float32
}

// activation is what follows a convolution.
type activation int

const (
	none activation = iota
	relu
	leaky // a tenth of what is negative
)

// conv is a convolution with its bias, and with batch normalisation folded in.
type conv struct {
	kernel, stride, in, out int
	same                    bool // padded so that output = ⌈input/stride⌉; otherwise not padded
	filter                  []float32
	bias                    []float32
	activation              activation
}

// depthwise is a 3×3 convolution of each channel by itself, padded, without bias.
type depthwise struct {
	stride, channels int
	filter           []float32
}

// separable is a depthwise convolution and one of 1×1 after it.
type separable struct {
	each depthwise
	mix  conv
}

func (w *weights) conv(name string, stride int, same bool, a activation) conv {
	f, b := w.get(name+"/filters", 4), w.get(name+"/bias", 1)
	return conv{kernel: f.shape[0], stride: stride, in: f.shape[2], out: f.shape[3], same: same, filter: f.v, bias: b.v, activation: a}
}

// scaled is a convolution whose result is multiplied and shifted a channel.
func (w *weights) scaled(name string, stride int, same bool, a activation) conv {
	c := w.conv(name+"/conv", stride, same, a)
	scale, shift := w.get(name+"/scale/weights", 1), w.get(name+"/scale/biases", 1)
	if w.err != nil {
		return c
	}
	c.filter, c.bias = slices.Clone(c.filter), slices.Clone(c.bias)
	for i := range c.filter {
		c.filter[i] *= scale.v[i%c.out]
	}
	for i := range c.bias {
		c.bias[i] = c.bias[i]*scale.v[i] + shift.v[i]
	}
	return c
}

func (w *weights) separable(name string, stride int, a activation) separable {
	each, mix, bias := w.get(name+"/depthwise_filter", 4), w.get(name+"/pointwise_filter", 4), w.get(name+"/bias", 1)
	return separable{
		each: depthwise{stride: stride, channels: each.shape[2], filter: each.v},
		mix:  conv{kernel: 1, stride: 1, in: mix.shape[2], out: mix.shape[3], filter: mix.v, bias: bias.v, activation: a},
	}
}

// run is where one picture is computed: memory that is used again for the next,
// and how many processors share the work.
type run struct {
	slab  []float32
	used  int
	extra int // what did not fit this time
	parts int
}

// reset makes room for the next net. No tensor of the run before may be in use.
func (r *run) reset() {
	if r.extra > 0 {
		r.slab = make([]float32, len(r.slab)+r.extra)
	}
	r.used, r.extra = 0, 0
}

// wipe overwrites what pictures left.
func (r *run) wipe() { clear(r.slab) }

// tensor gives memory, with what was in it before.
func (r *run) tensor(h, w, c int) tensor {
	n := h * w * c
	if r.used+n > len(r.slab) {
		r.extra += n
		return tensor{h, w, c, make([]float32, n)}
	}
	v := r.slab[r.used : r.used+n : r.used+n]
	r.used += n
	return tensor{h, w, c, v}
}

func (c conv) run(r *run, in tensor) tensor {
	h, w, top, left := window(in, c.kernel, c.stride, c.same)
	out := r.tensor(h, w, c.out)
	r.share(h, func(y int) {
		line := out.v[y*w*c.out:][:w*c.out]
		for x := range w {
			copy(line[x*c.out:], c.bias)
		}
		for ky := range c.kernel {
			iy := y*c.stride - top + ky
			if iy < 0 || iy >= in.h {
				continue
			}
			row := in.v[iy*in.w*in.c:][:in.w*in.c]
			filter := c.filter[ky*c.kernel*in.c*c.out:]
			n := c.kernel * in.c
			for x := 0; x < w; x++ {
				// Where the row of the kernel lies on the image, it is contiguous, in the image and in the filter.
				x0 := x*c.stride - left
				lo, hi := max(x0, 0), min(x0+c.kernel, in.w)
				acc := line[x*c.out:][:c.out]
				if next := x0 + c.stride; x+1 < w && x0 >= 0 && next+c.kernel <= in.w {
					multiplyTwo(acc, line[(x+1)*c.out:][:c.out], row[x0*in.c:][:n], row[next*in.c:][:n], filter)
					x++
					continue
				}
				multiply(acc, row[lo*in.c:hi*in.c], filter[(lo-x0)*in.c*c.out:])
			}
		}
		activate(line, c.activation)
	})
	return out
}

// window returns the output's size and the padding before the input.
func window(in tensor, kernel, stride int, same bool) (h, w, top, left int) {
	if !same {
		return (in.h-kernel)/stride + 1, (in.w-kernel)/stride + 1, 0, 0
	}
	h, w = (in.h+stride-1)/stride, (in.w+stride-1)/stride
	return h, w, max(0, (h-1)*stride+kernel-in.h) / 2, max(0, (w-1)*stride+kernel-in.w) / 2
}

func activate(v []float32, a activation) {
	switch a {
	case relu:
		for i, x := range v {
			v[i] = max(x, 0)
		}
	case leaky:
		for i, x := range v {
			if x < 0 {
				v[i] = x * 0.1
			}
		}
	}
}

func (d depthwise) run(r *run, in tensor) tensor {
	h, w, top, left := window(in, 3, d.stride, true)
	out := r.tensor(h, w, in.c)
	r.share(h, func(y int) {
		for x := range w {
			acc := out.v[(y*w+x)*in.c:][:in.c]
			clear(acc)
			for ky := range 3 {
				iy := y*d.stride - top + ky
				if iy < 0 || iy >= in.h {
					continue
				}
				for kx := range 3 {
					ix := x*d.stride - left + kx
					if ix < 0 || ix >= in.w {
						continue
					}
					row := in.v[(iy*in.w+ix)*in.c:][:len(acc)]
					f := d.filter[(ky*3+kx)*in.c:][:len(acc)]
					for i := range acc {
						acc[i] += row[i] * f[i]
					}
				}
			}
		}
	})
	return out
}

func (s separable) run(r *run, in tensor) tensor { return s.mix.run(r, s.each.run(r, in)) }

// pool takes the largest (or, with average, the mean) of each kernel×kernel
// square. Squares that reach over the edge take what is inside.
func (r *run) pool(in tensor, kernel, stride int, same, average bool) tensor {
	h, w, _, _ := window(in, kernel, stride, same)
	out := r.tensor(h, w, in.c)
	r.share(h, func(y int) {
		for x := range w {
			acc := out.v[(y*w+x)*in.c:][:in.c]
			n := 0
			for iy := y * stride; iy < min(y*stride+kernel, in.h); iy++ {
				for ix := x * stride; ix < min(x*stride+kernel, in.w); ix++ {
					row := in.v[(iy*in.w+ix)*in.c:][:len(acc)]
					switch {
					case n == 0:
						copy(acc, row)
					case average:
						for i, v := range row {
							acc[i] += v
						}
					default:
						for i, v := range row {
							acc[i] = max(acc[i], v)
						}
					}
					n++
				}
			}
			if average {
				for i := range acc {
					acc[i] /= float32(n)
				}
			}
		}
	})
	return out
}
