package pades

import (
	"bytes"
	"fmt"
	"time"

	"chop/internal/pdf"
	"chop/internal/typeset"
)

// A drawing is a visible signature: an appearance stream and where it goes.
type drawing struct {
	page pdf.Page
	rect rect
	form pdf.Ref // the form XObject
}

// dress gives a widget its appearance.
func (d *drawing) dress(widget pdf.Dict) {
	widget["AP"] = pdf.Dict{"N": d.form}
	delete(widget, "AS") // a choice among appearances, of which there is one now
}

// The dress of the house: a seal on paper.
const (
	paper     = "0.984 0.980 0.969 rg"
	ink       = "0.106 0.106 0.106 rg"
	secondary = "0.353 0.337 0.314 rg"
	hairline  = "0.867 0.847 0.812 RG"
	vermilion = "0.706 0.137 0.094 rg"
	white     = "1 1 1 rg"

	sealGlyph = "印"
)

// hongKong is where the signature's time is told; it has had no summer time since 1979.
var hongKong = time.FixedZone("HKT", 8*60*60)

// draw makes the appearance for a new field that has a place, or for an existing field
// that has an area on a page. Otherwise the signature is invisible and draw returns nil.
func (r *revision) draw(t *target, req *Request) (*drawing, error) {
	var s *sheet
	var where rect
	var err error
	switch {
	case req.Visible != nil:
		if req.Visible.Page < 1 {
			return nil, fmt.Errorf("%w: page %d; the first is 1", ErrAppearance, req.Visible.Page)
		}
		if s, err = openSheet(r.view, req.Visible.Page-1); err != nil {
			return nil, err
		}
		if where, err = s.locate(*req.Visible); err != nil {
			return nil, err
		}
	case t.dict != nil && req.Font != nil && !t.widget.IsZero():
		if s, where, err = r.placeOf(t.widget); err != nil || s == nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	form, err := r.drawForm(s, where, req)
	if err != nil {
		return nil, err
	}
	return &drawing{page: s.page, rect: where, form: form}, nil
}

// placeOf finds the rectangle and page of an existing widget; a nil sheet means that it
// is hidden, has no area, or is on no page.
func (r *revision) placeOf(widget pdf.Ref) (*sheet, rect, error) {
	d, err := r.object(widget)
	if err != nil {
		return nil, rect{}, fmt.Errorf("read widget: %w", err)
	}
	where, err := readRect(r.view, d["Rect"])
	if err != nil {
		return nil, rect{}, fmt.Errorf("read widget's rectangle: %w", err)
	}
	if where.width() < smallestPlace || where.height() < smallestPlace {
		return nil, rect{}, nil
	}
	home, _ := d["P"].(pdf.Ref)
	for page, err := range pdf.Pages(r.view) {
		if err != nil {
			return nil, rect{}, fmt.Errorf("find widget's page: %w", err)
		}
		annots, err := r.view.Array(page.Dict["Annots"])
		if err != nil {
			return nil, rect{}, fmt.Errorf("read annotations of page %d: %w", page.Index+1, err)
		}
		on := !home.IsZero() && page.Ref == home
		for _, a := range annots {
			on = on || a == widget
		}
		if on {
			s, err := openSheet(r.view, page.Index)
			return s, where, err
		}
	}
	return nil, rect{}, nil
}

// drawForm writes the form XObject: the seal at the left, beside it who signed, when,
// and, if given, why and where.
func (r *revision) drawForm(s *sheet, where rect, req *Request) (pdf.Ref, error) {
	w, h := s.shown(where)
	if w < smallestPlace || h < smallestPlace {
		return pdf.Ref{}, fmt.Errorf("%w: %g by %g points is too small", ErrAppearance, w, h)
	}
	paragraphs, err := signatureText(req)
	if err != nil {
		return pdf.Ref{}, err
	}
	face, err := req.Font()
	if err != nil {
		return pdf.Ref{}, err
	}
	pad := min(6, h*0.1, w*0.05)
	side := min(h-2*pad, w*0.25, 54)
	left := 2*pad + side
	lines, size, err := flow(face, paragraphs, w-left-pad, h-2*pad)
	if err != nil {
		return pdf.Ref{}, err
	}
	sub := face.Subset()
	var b bytes.Buffer
	fmt.Fprintf(&b, "q\n%s\n%s\n0.5 w\n0.25 0.25 %.2f %.2f re\nB\n", paper, hairline, w-0.5, h-0.5)
	top := h - pad
	drawSeal(&b, sub, pad, top-side, side)
	b.WriteString("BT\n")
	y := top
	for _, l := range lines {
		at := size * l.style.scale
		y -= at * leading
		fmt.Fprintf(&b, "%s\n/F0 %.2f Tf\n1 0 0 1 %.2f %.2f Tm\n<%X> Tj\n", l.style.color, at, left, y+at*0.3, sub.Encode(l.text))
	}
	b.WriteString("ET\nQ\n")
	font, err := sub.Embed(r.up)
	if err != nil {
		return pdf.Ref{}, err
	}
	return r.up.AddStream(pdf.Dict{
		"Type":      pdf.Name("XObject"),
		"Subtype":   pdf.Name("Form"),
		"BBox":      rect{0, 0, w, h}.array(),
		"Matrix":    s.matrix(),
		"Resources": pdf.Dict{"Font": pdf.Dict{"F0": font}},
	}, b.Bytes()), nil
}

func signatureText(req *Request) ([]paragraph, error) {
	name := req.Name
	if name == "" {
		name = req.Identity.cert.Subject.CommonName
	}
	quiet, body := style{0.8, secondary}, style{0.9, ink}
	all := []paragraph{
		{"Digitally signed 數碼簽署", quiet},
		{name, style{1.15, ink}},
		{req.Time.In(hongKong).Format("2 January 2006, 15:04:05 MST"), body},
	}
	if req.Reason != "" {
		all = append(all, paragraph{"Reason 原因: " + req.Reason, body})
	}
	if req.Location != "" {
		all = append(all, paragraph{"Location 地點: " + req.Location, body})
	}
	for i := range all {
		var err error
		if all[i].text, err = plain(all[i].text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// drawSeal draws the square seal with its lower left corner at x, y.
func drawSeal(b *bytes.Buffer, sub *typeset.Subset, x, y, side float64) {
	r := side * 0.07
	k := r * 0.4477 // where the control points of a quarter circle lie, from the corner
	x1, y1 := x+side, y+side
	fmt.Fprintf(b, "%s\n%.2f %.2f m\n", vermilion, x+r, y)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x1-r, y, x1-k, y, x1, y+k, x1, y+r)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x1, y1-r, x1, y1-k, x1-k, y1, x1-r, y1)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\n", x+r, y1, x+k, y1, x, y1-k, x, y1-r)
	fmt.Fprintf(b, "%.2f %.2f l\n%.2f %.2f %.2f %.2f %.2f %.2f c\nf\n", x, y+r, x, y+k, x+k, y, x+r, y)
	size := side * 0.8
	fmt.Fprintf(b, "BT\n%s\n/F0 %.2f Tf\n1 0 0 1 %.2f %.2f Tm\n<%X> Tj\nET\n",
		white, size, x+(side-size)/2, y+(side-size)/2+size*0.12, sub.Encode(sealGlyph))
}
