package reports

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"

	"chop/internal/pdf"
	"chop/internal/raster"
	"chop/validation"
	"chop/validation/changes"
)

// Limits of the pictures of one document.
const (
	maxPictures = 50
	maxDrawn    = 200 // pages, of all revisions together
	maxMarks    = 64  // on one picture
	maxNotes    = 8
	quality     = 85 // of JPEG
)

// Pictures are the pages of a PDF as its signatures cover them.
type Pictures struct {
	List []Picture
	// Cut says that there are more pages than pictures.
	Cut bool
	// Lacking is why there are none: one of raster's errors, or nil.
	Lacking error
}

// Picture is one page as one or more signatures cover it.
type Picture struct {
	Page, Of int
	// Fields are the signatures.
	Fields []string
	// JPEG has three components of eight bits; Width and Height are in pixels.
	JPEG          []byte
	Width, Height int
	// Changed is where the page looks otherwise in the file as it is, in pixels from the upper left.
	Changed []image.Rectangle
	// Gone says that the file as it is has no such page, or none that can be drawn.
	Gone bool
	// Later are changes after these signatures on this page, or on no known one.
	Later []changes.Change
}

// Draw draws the pages of the document in the first size bytes of doc: for each signature those of the revision that it
// covers, without what came later, and not again where a page looks as it did for the signature before. Anything but
// a PDF has no pages. A document of which something cannot be drawn has the pictures of what can, and why.
func Draw(ctx context.Context, doc io.ReaderAt, size int64, r *validation.Report) Pictures {
	d := &drawing{ctx: ctx, doc: doc, size: size, report: r, shown: map[int][sha256.Size]byte{}}
	d.list = signed(r.Signatures)
	for _, s := range d.list {
		if err := d.revision(s); err != nil {
			d.out.Lacking = err
			break
		}
	}
	return d.out
}

// A coverage is the bytes that some signatures cover.
type coverage struct {
	end    int64
	fields []string
}

// signed are the coverages, least first. Time-stamps alone are nobody's.
func signed(list []validation.Signature) (out []coverage) {
	for _, s := range list {
		if s.Covers == 0 || s.Format == validation.FormatTimestamp {
			continue
		}
		i := slices.IndexFunc(out, func(c coverage) bool { return c.end == s.Covers })
		if i < 0 {
			i, out = len(out), append(out, coverage{end: s.Covers})
		}
		out[i].fields = append(out[i].fields, s.Field)
	}
	slices.SortFunc(out, func(a, b coverage) int { return cmp.Compare(a.end, b.end) })
	return out
}

type drawing struct {
	ctx    context.Context
	doc    io.ReaderAt
	size   int64
	report *validation.Report
	list   []coverage
	drawn  int
	shown  map[int][sha256.Size]byte // how each page was last shown
	out    Pictures
}

// pages draws some pages of the first end bytes.
func (d *drawing) pages(end int64, first, last int) ([]*image.RGBA, error) {
	d.drawn += last - first + 1
	return raster.Pages(d.ctx, io.NewSectionReader(d.doc, 0, end), first, last)
}

// revision draws what one coverage shows.
func (d *drawing) revision(s coverage) error {
	f, err := pdf.Open(io.NewSectionReader(d.doc, 0, s.end), s.end, pdf.Limits{})
	if err != nil {
		return fmt.Errorf("%w: %w", raster.ErrFailed, err)
	}
	count := 0
	for _, err := range pdf.Pages(f.Latest()) {
		if err != nil {
			return fmt.Errorf("%w: %w", raster.ErrFailed, err)
		}
		if count++; count > maxPictures {
			break
		}
	}
	for first := 1; first <= count; first += raster.MaxAtOnce {
		if d.drawn >= maxDrawn || len(d.out.List) >= maxPictures {
			d.out.Cut = true
			return nil
		}
		last := min(first+raster.MaxAtOnce-1, count, maxPictures)
		list, err := d.pages(s.end, first, last)
		if err != nil {
			return err
		}
		var now []*image.RGBA
		if s.end < d.size {
			now = d.latest(first, last)
		}
		for i, m := range list {
			after := m
			if s.end < d.size {
				after = now[i]
			}
			if err := d.picture(s, f.Len(), first+i, count, m, after); err != nil {
				return err
			}
		}
	}
	d.out.Cut = d.out.Cut || count > maxPictures
	return nil
}

// latest draws pages as the file is; nil stands for what cannot be drawn.
func (d *drawing) latest(first, last int) []*image.RGBA {
	list, err := d.pages(d.size, first, last)
	if err == nil {
		return list
	}
	out := make([]*image.RGBA, last-first+1)
	for i := range out { // one by one: some may be there
		if one, err := d.pages(d.size, first+i, first+i); err == nil {
			out[i] = one[0]
		}
	}
	return out
}

// picture adds the picture m of a page, which now looks as after; revisions is how many the coverage has.
func (d *drawing) picture(s coverage, revisions, page, of int, m, after *image.RGBA) error {
	sum := sha256.Sum256(m.Pix)
	if d.shown[page] == sum {
		return nil
	}
	if len(d.out.List) >= maxPictures {
		d.out.Cut = true
		return nil
	}
	d.shown[page] = sum
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		return errors.Join(raster.ErrFailed, err)
	}
	p := Picture{Page: page, Of: of, Fields: s.fields, JPEG: b.Bytes(), Width: m.Rect.Dx(), Height: m.Rect.Dy(), Gone: after == nil}
	if after != nil {
		p.Changed = raster.Differences(m, after)
		if len(p.Changed) > maxMarks {
			p.Changed = []image.Rectangle{m.Rect}
		}
	}
	for _, c := range d.report.Document.Changes {
		if c.Revision < revisions || c.Kind == changes.Evidence || c.Page != page && (c.Page != 0 || len(p.Changed) == 0) {
			continue
		}
		if p.Later = append(p.Later, c); len(p.Later) == maxNotes {
			break
		}
	}
	d.out.List = append(d.out.List, p)
	return nil
}
