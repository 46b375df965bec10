package changes

import (
	"slices"

	"chop/internal/pdf"
)

// newFieldKeys are what a new signature field may have; actions are not among them.
var newFieldKeys = []pdf.Name{
	"Type", "Subtype", "FT", "T", "TU", "TM", "V", "F", "Ff", "P", "Rect", "AP", "AS", "MK", "DA", "Q",
	"Lock", "SV", "Border", "BS", "H", "NM", "M", "Kids", "Parent", "StructParent", "DR",
}

// newField judges a root field that the newer revision adds.
func (w *walk) newField(ref pdf.Ref) {
	w.account(ref)
	d, err := w.new.Dict(ref)
	if err != nil || d == nil {
		w.other(ref, 0, "a field was added that cannot be read")
		return
	}
	name, err := w.new.Text(d["T"])
	if before, was := w.old.Get(ref); was != nil || before != nil {
		w.other(ref, 0, "an object that was there was made a field")
		return
	}
	switch {
	case err != nil || name == "" || slices.Contains([]byte(name), '.') || w.taken(name):
		w.other(ref, 0, "a field was added with the name %q, which is taken or none", name)
		return
	case d["FT"] != pdf.Name("Sig") || d["Parent"] != nil:
		w.other(ref, 0, "field %q was added, which is no signature field", name)
		return
	}
	widgets := w.widgets(ref, d)
	if widgets == nil {
		w.other(ref, 0, "signature field %q has widgets that cannot be judged", name)
		return
	}
	c := Change{Kind: Sign, Ref: ref, Field: name, New: true, Detail: "signature field was added"}
	for _, wd := range widgets {
		if visible(w.new, wd) {
			c.Kind, c.Detail = NewField, "visible signature field was added"
		}
	}
	if d["V"] != nil {
		if !w.signatureValue(d["V"]) {
			w.other(ref, 0, "value of signature field %q is no signature", name)
			return
		}
		v, _ := w.new.Dict(d["V"])
		if sub, _ := w.new.Name(v["SubFilter"]); sub == "ETSI.RFC3161" && c.Kind == Sign {
			c.Kind, c.Detail = Evidence, "document time-stamp"
		}
	}
	w.report(c)
}

// taken reports whether the older revision has a field of that name.
func (w *walk) taken(name string) bool {
	for _, f := range w.fields {
		if f.name == name {
			return true
		}
	}
	return false
}

// widgets returns the widget dictionaries of a new signature field, nil if they are
// not as they should be, and remembers them as added.
func (w *walk) widgets(ref pdf.Ref, d pdf.Dict) []pdf.Dict {
	for key := range d {
		if !slices.Contains(newFieldKeys, key) {
			return nil
		}
	}
	kids, err := w.new.Array(d["Kids"])
	if err != nil {
		return nil
	}
	if len(kids) == 0 {
		w.added[ref] = true
		return []pdf.Dict{d}
	}
	var out []pdf.Dict
	for _, kid := range kids {
		r, ok := kid.(pdf.Ref)
		if !ok {
			return nil
		}
		before, errOld := w.old.Get(r)
		k, err := w.new.Dict(r)
		if errOld != nil || before != nil || err != nil || k == nil || k["Parent"] != nil && k["Parent"] != ref || k["T"] != nil || k["FT"] != nil && k["FT"] != pdf.Name("Sig") {
			return nil
		}
		for key := range k {
			if !slices.Contains(newFieldKeys, key) {
				return nil
			}
		}
		w.added[r] = true
		out = append(out, k)
	}
	return out
}

// visible reports whether a widget can show something: it has an area, and no flag
// hides it.
func visible(v *pdf.View, d pdf.Dict) bool {
	const hidden = 1<<1 | 1<<5
	if flags, err := v.Int(d["F"]); err == nil && flags&hidden != 0 {
		return false
	}
	rect, err := v.Array(d["Rect"])
	if err != nil || len(rect) != 4 {
		return d["Rect"] != nil
	}
	var n [4]float64
	for i := range rect {
		if n[i], err = v.Number(rect[i]); err != nil {
			return true
		}
	}
	return n[0] != n[2] && n[1] != n[3]
}
