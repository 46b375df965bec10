package reports

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chop/internal/pdf"
	"chop/internal/raster"
	"chop/validation"
)

// remarks are the words about the pictures as a whole.
func (p *Pictures) remarks() (list []string) {
	if len(p.List) > 0 {
		list = append(list, "pictures")
	}
	if p.Cut {
		list = append(list, "pictures-cut")
	}
	switch {
	case errors.Is(p.Lacking, raster.ErrAbsent):
		list = append(list, "pictures-absent")
	case p.Lacking != nil:
		list = append(list, "pictures-failed")
	}
	return list
}

// vermilion is the house's, for what changed; never alone: words say it too.
const vermilion = "0.706 0.137 0.094"

// pictures adds a page a picture: what it shows in words, and below it, as large as there is room for, the page.
func (b *booklet) pictures(s Subject) error {
	for _, p := range s.Pictures.List {
		lines, err := wrapped(b.font, strings.Join(b.caption(p, s.Report), "\n"))
		if err != nil {
			return err
		}
		lines = lines[:min(len(lines), perPage/3)]
		image := b.w.AddPlain(pdf.Dict{
			"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Image"), "Width": int64(p.Width), "Height": int64(p.Height),
			"ColorSpace": pdf.Name("DeviceRGB"), "BitsPerComponent": int64(8), "Filter": pdf.Name("DCTDecode"),
		}, p.JPEG)
		top := pageHeight - margin - float64(len(lines)+1)*leading
		if err := b.page(placed(p, top), pdf.Dict{"P": image}, lines); err != nil {
			return err
		}
	}
	return nil
}

// caption says which page it is, who signed it so, and what became of it.
func (b *booklet) caption(p Picture, r *validation.Report) []string {
	say := func(name string) string { return word(name, b.lang) }
	lines := []string{fmt.Sprintf(say("page"), p.Page, p.Of)}
	for _, s := range r.Signatures {
		if !slices.Contains(p.Fields, s.Field) {
			continue
		}
		who := s.Field
		if s.Signer != "" {
			who += " (" + s.Signer + ")"
		}
		lines = append(lines, say("as-signed")+": "+validation.Plain(who)+" · "+string(s.Indication))
	}
	switch {
	case p.Gone:
		lines = append(lines, say("page-gone"))
	case len(p.Changed) > 0:
		lines = append(lines, say("looks-other"))
	default:
		lines = append(lines, say("looks-same"))
	}
	for _, c := range p.Later {
		lines = append(lines, say("later")+": "+validation.Plain(c.String()))
	}
	return lines
}

// placed draws a picture below top, with a thin border, and frames and hatches what changed.
func placed(p Picture, top float64) []byte {
	var c bytes.Buffer
	scale := min(bodyWidth/float64(p.Width), (top-margin-leading)/float64(p.Height))
	w, h := scale*float64(p.Width), scale*float64(p.Height)
	x, y := margin+(bodyWidth-w)/2, top-h
	fmt.Fprintf(&c, "q %.2f 0 0 %.2f %.2f %.2f cm /P Do Q\n", w, h, x, y)
	fmt.Fprintf(&c, "q 0.6 G 0.5 w %.2f %.2f %.2f %.2f re S Q\n", x, y, w, h)
	for _, r := range p.Changed {
		rx, ry := x+scale*float64(r.Min.X), top-scale*float64(r.Max.Y)
		rw, rh := scale*float64(r.Dx()), scale*float64(r.Dy())
		fmt.Fprintf(&c, "q %s RG 1.2 w %.2f %.2f %.2f %.2f re S\n", vermilion, rx, ry, rw, rh)
		fmt.Fprintf(&c, "%.2f %.2f %.2f %.2f re W n 0.4 w\n", rx, ry, rw, rh)
		for at := -rh; at < rw; at += 8 {
			fmt.Fprintf(&c, "%.2f %.2f m %.2f %.2f l S\n", rx+at, ry, rx+at+rh, ry+rh)
		}
		c.WriteString("Q\n")
	}
	return c.Bytes()
}
