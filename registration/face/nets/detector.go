package nets

import (
	"math"
	"slices"

	"chop/registration/face"
)

// detector finds faces: a small YOLO (v2) of separable convolutions, on the whole
// picture put into the upper left corner of a square.
type detector struct {
	first  conv
	blocks []separable
	last   conv
}

const (
	detectorSide = 416 // pixels
	cells        = detectorSide / 32
	detectorMean = 0 // index into means
	leastScore   = 0.5
	mostOverlap  = 0.4 // of two boxes for one face, as intersection over union
)

// anchors are the shapes of box that the net knows, in cells.
var anchors = [][2]float64{{1.603231, 2.094468}, {6.041143, 7.080126}, {2.882459, 3.518061}, {4.266906, 5.178857}, {9.041765, 10.66308}}

func newDetector(w *weights) detector {
	d := detector{first: w.conv("conv0", 1, false, leaky)}
	for _, name := range []string{"conv1", "conv2", "conv3", "conv4", "conv5"} {
		d.blocks = append(d.blocks, w.separable(name, 1, leaky))
	}
	d.last = w.conv("conv8", 1, false, none)
	return d
}

// found is a box in units of the square's side.
type found struct {
	box   face.Box
	score float64
}

// shares are how much of the square a picture fills, one after the other until a
// face is found: a face that fills a whole picture is larger than the net knows them.
var shares = []float64{1, 0.7, 0.5}

func (d detector) run(r *run, p *face.Picture) []found {
	for _, share := range shares {
		if boxes := d.look(r, p, int(float64(whole(p).long())/share)); len(boxes) > 0 {
			return boxes
		}
	}
	return nil
}

// look finds the faces of a picture put into a square of long×long pixels.
func (d detector) look(r *run, p *face.Picture, long int) []found {
	r.reset()
	out := d.output(r, fit(r, p, whole(p), long, detectorSide, false, means[detectorMean]))
	side := float64(long)
	var boxes []found
	for y := range cells {
		for x := range cells {
			for i, a := range anchors {
				v := out.v[(y*cells+x)*out.c+5*i:][:5] // x, y, w, h, objectness
				score := sigmoid(v[4])
				if score < leastScore {
					continue
				}
				w, h := math.Exp(float64(v[2]))*a[0]/cells*side, math.Exp(float64(v[3]))*a[1]/cells*side
				boxes = append(boxes, found{face.Box{
					X: (float64(x)+sigmoid(v[0]))/cells*side - w/2,
					Y: (float64(y)+sigmoid(v[1]))/cells*side - h/2,
					W: w, H: h,
				}, score})
			}
		}
	}
	return distinct(boxes)
}

func (d detector) output(r *run, in tensor) tensor {
	t := d.first.run(r, in)
	t = r.pool(t, 2, 2, true, false)
	for i, b := range d.blocks {
		t = b.run(r, t)
		stride := 2
		if i == len(d.blocks)-1 {
			stride = 1
		}
		t = r.pool(t, 2, stride, true, false)
	}
	return d.last.run(r, t)
}

// distinct keeps the surest box of each face, surest first.
func distinct(boxes []found) []found {
	slices.SortStableFunc(boxes, func(a, b found) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	var kept []found
	for _, b := range boxes {
		if !slices.ContainsFunc(kept, func(k found) bool { return overlap(k.box, b.box) > mostOverlap }) {
			kept = append(kept, b)
		}
	}
	return kept
}

// overlap is intersection over union.
func overlap(a, b face.Box) float64 {
	w := min(a.X+a.W, b.X+b.W) - max(a.X, b.X)
	h := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	both := max(w, 0) * max(h, 0)
	return both / max(a.W*a.H+b.W*b.H-both, 1e-9)
}

func sigmoid(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }
