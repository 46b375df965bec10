package pades

import (
	"fmt"
	"math"

	"chop/internal/pdf"
)

// A Place is where a new visible signature stands on its page, in points from the lower
// left corner of the page as it is shown: rotation and crop box are taken into account.
type Place struct {
	Page                int // the first is 1
	X, Y, Width, Height float64
}

// smallestPlace is below what anyone can read, in points.
const smallestPlace = 12

// rect is a rectangle in a page's own coordinates.
type rect struct{ llx, lly, urx, ury float64 }

func (r rect) width() float64  { return r.urx - r.llx }
func (r rect) height() float64 { return r.ury - r.lly }

func (r rect) array() pdf.Array { return pdf.Array{r.llx, r.lly, r.urx, r.ury} }

func (r rect) within(o rect) bool {
	const slack = 0.5
	return r.llx >= o.llx-slack && r.lly >= o.lly-slack && r.urx <= o.urx+slack && r.ury <= o.ury+slack
}

func readRect(v *pdf.View, o pdf.Object) (rect, error) {
	list, err := v.Array(o)
	if err != nil {
		return rect{}, err
	}
	if len(list) == 0 {
		return rect{}, nil
	}
	if len(list) != 4 {
		return rect{}, fmt.Errorf("%w: rectangle of %d numbers", ErrMalformed, len(list))
	}
	var n [4]float64
	for i := range n {
		if n[i], err = v.Number(list[i]); err != nil {
			return rect{}, err
		}
		if math.Abs(n[i]) > 1e6 {
			return rect{}, fmt.Errorf("%w: rectangle with the coordinate %g", ErrMalformed, n[i])
		}
	}
	return rect{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}, nil
}

// A sheet is a page as a viewer shows it.
type sheet struct {
	page   pdf.Page
	box    rect // what is shown, in the page's coordinates
	rotate int  // clockwise, by a viewer: 0, 90, 180, 270
}

func openSheet(v *pdf.View, index int) (*sheet, error) {
	page, err := pdf.PageAt(v, index)
	if err != nil {
		return nil, fmt.Errorf("%w: page %d: %w", ErrAppearance, index+1, err)
	}
	if page.Ref.IsZero() {
		return nil, fmt.Errorf("%w: page %d is no indirect object", ErrMalformed, index+1)
	}
	s := &sheet{page: page}
	media, err := readRect(v, page.Dict["MediaBox"])
	if err != nil {
		return nil, fmt.Errorf("read media box: %w", err)
	}
	if media.width() == 0 || media.height() == 0 {
		media = rect{0, 0, 612, 792} // what viewers assume
	}
	crop, err := readRect(v, page.Dict["CropBox"])
	if err != nil {
		return nil, fmt.Errorf("read crop box: %w", err)
	}
	s.box = rect{max(media.llx, crop.llx), max(media.lly, crop.lly), min(media.urx, crop.urx), min(media.ury, crop.ury)}
	if s.box.width() <= 0 || s.box.height() <= 0 {
		s.box = media
	}
	angle, err := v.Number(page.Dict["Rotate"])
	if err != nil || angle != math.Trunc(angle) || math.Mod(angle, 90) != 0 {
		return nil, fmt.Errorf("%w: page %d is rotated by %v", ErrMalformed, index+1, page.Dict["Rotate"])
	}
	s.rotate = (int(math.Mod(angle, 360)) + 360) % 360
	return s, nil
}

// locate turns a place on the page as shown into the page's coordinates.
func (s *sheet) locate(p Place) (rect, error) {
	for _, n := range []float64{p.X, p.Y, p.Width, p.Height} {
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return rect{}, fmt.Errorf("%w: place %+v", ErrAppearance, p)
		}
	}
	b := s.box
	var r rect
	switch s.rotate {
	case 90:
		r = rect{b.urx - p.Y - p.Height, b.lly + p.X, b.urx - p.Y, b.lly + p.X + p.Width}
	case 180:
		r = rect{b.urx - p.X - p.Width, b.ury - p.Y - p.Height, b.urx - p.X, b.ury - p.Y}
	case 270:
		r = rect{b.llx + p.Y, b.ury - p.X - p.Width, b.llx + p.Y + p.Height, b.ury - p.X}
	default:
		r = rect{b.llx + p.X, b.lly + p.Y, b.llx + p.X + p.Width, b.lly + p.Y + p.Height}
	}
	if !r.within(b) {
		w, h := s.shown(b)
		return rect{}, fmt.Errorf("%w: the place %g,%g,%g,%g is not on page %d, which is %g by %g points",
			ErrAppearance, p.X, p.Y, p.Width, p.Height, p.Page, w, h)
	}
	return r, nil
}

// shown returns the width and height that a rectangle of the page has on the screen.
func (s *sheet) shown(r rect) (w, h float64) {
	if s.rotate%180 == 90 {
		return r.height(), r.width()
	}
	return r.width(), r.height()
}

// matrix turns an appearance so that it stands upright on the page as shown. The viewer
// moves it into the annotation's rectangle by itself, ISO 32000-1, 12.5.5.
func (s *sheet) matrix() pdf.Array {
	var sin, cos int64
	switch s.rotate {
	case 0:
		cos = 1
	case 90:
		sin = 1
	case 180:
		cos = -1
	case 270:
		sin = -1
	}
	return pdf.Array{cos, sin, -sin, cos, int64(0), int64(0)}
}
