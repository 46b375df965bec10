package verify

import (
	"io"
	"math"
	"slices"

	"chop/internal/pdf"
	"chop/validation/changes"
)

// Sheet is one page of a PDF file on which somebody signed or something was changed: its outline, to the size of the
// page, and where. It shows nothing of the content.
type Sheet struct {
	Page   int     `json:"page"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Marks  []Mark  `json:"marks"`
}

// Mark is a rectangle from the upper left corner. Change says that what is there changed, otherwise it is a signature's.
type Mark struct {
	Change bool    `json:"change,omitempty"`
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	W      float64 `json:"w"`
	H      float64 `json:"h"`
}

// Changed reports whether anything on the sheet did.
func (s Sheet) Changed() bool {
	return slices.ContainsFunc(s.Marks, func(m Mark) bool { return m.Change })
}

const (
	maxSheets = 24
	maxMarks  = 64   // on one sheet
	maxPages  = 5000 // that are looked at
)

// sheets draws the map of a PDF file; nil for any other, and for one whose pages cannot be walked: the list of changes
// says the same in words.
func sheets(r io.ReaderAt, size int64, signatures []Signature, list []changes.Change) []Sheet {
	if len(signatures) == 0 && len(list) == 0 {
		return nil
	}
	f, err := pdf.Open(r, size, pdf.Limits{})
	if err != nil {
		return nil
	}
	v := f.Latest()
	signed := widgets(v, signatures)
	var out []Sheet
	for p, err := range pdf.Pages(v) {
		if err != nil || p.Index >= maxPages || len(out) == maxSheets {
			break
		}
		box, ok := boxOf(v, p.Dict)
		if !ok {
			continue
		}
		s := Sheet{Page: p.Index + 1, Width: box[2] - box[0], Height: box[3] - box[1]}
		add := func(d pdf.Dict, change bool) bool {
			rect, ok := rectOf(v, d["Rect"])
			if !ok || len(s.Marks) >= maxMarks {
				return false
			}
			m := Mark{Change: change, X: max(rect[0], box[0]) - box[0], Y: box[3] - min(rect[3], box[3])}
			m.W, m.H = min(rect[2], box[2])-box[0]-m.X, box[3]-max(rect[1], box[1])-m.Y
			if m.W < 1 || m.H < 1 {
				return false
			}
			s.Marks = append(s.Marks, m)
			return true
		}
		annots, _ := v.Array(p.Dict["Annots"])
		for _, o := range annots[:min(len(annots), maxPages)] {
			if ref, ok := o.(pdf.Ref); ok && signed[ref] {
				if d, err := v.Dict(ref); err == nil {
					add(d, false)
				}
			}
		}
		whole := false
		for _, c := range list {
			if c.Page != s.Page || c.Kind == changes.Evidence || c.Kind == changes.Orphan {
				continue
			}
			if d, err := v.Dict(c.Ref); c.Ref.IsZero() || err != nil || !add(d, true) {
				whole = true // what changed has no place of its own
			}
		}
		if whole {
			s.Marks = append(s.Marks, Mark{Change: true, W: s.Width, H: s.Height})
		}
		if len(s.Marks) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// widgets are those of the fields that were signed.
func widgets(v *pdf.View, signatures []Signature) map[pdf.Ref]bool {
	fields, err := pdf.Fields(v)
	if err != nil {
		return nil
	}
	found := map[pdf.Ref]bool{}
	for _, f := range fields {
		if slices.ContainsFunc(signatures, func(s Signature) bool { return s.Field == f.Name }) {
			for _, w := range f.Widgets {
				found[w] = true
			}
		}
	}
	return found
}

// boxOf is what of a page is shown: its CropBox, or its MediaBox.
func boxOf(v *pdf.View, page pdf.Dict) ([4]float64, bool) {
	for _, name := range []pdf.Name{"CropBox", "MediaBox"} {
		if b, ok := rectOf(v, page[name]); ok && b[2]-b[0] >= 1 && b[3]-b[1] >= 1 {
			return b, true
		}
	}
	return [4]float64{}, false
}

// rectOf reads a rectangle (7.9.5) that lies within what a page may measure.
func rectOf(v *pdf.View, o pdf.Object) (b [4]float64, ok bool) {
	list, err := v.Array(o)
	if err != nil || len(list) != 4 {
		return b, false
	}
	for i := range b {
		if b[i], err = v.Number(list[i]); err != nil || math.IsNaN(b[i]) || math.Abs(b[i]) > 1e6 {
			return b, false
		}
	}
	return [4]float64{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}, true
}
