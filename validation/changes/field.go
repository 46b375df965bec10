package changes

import (
	"slices"

	"chop/internal/pdf"
)

// Flags of an annotation (12.5.3) that honest work sets when a field is signed: to be
// printed, not to be changed. Those that hide or show it are not among them.
const signingFlags = 1<<2 | 1<<6 | 1<<7 | 1<<9

// readOnly is the flag of a field (12.7.4.1) that forbids to fill it, set for the
// fields that a signature locks.
const readOnly = 1

// field compares one node of the form, or a widget, with what became of it.
func (w *walk) field(f *field) {
	before, after, err := w.both(f.ref)
	if err != nil || after == nil {
		return
	}
	but := []pdf.Name{"Parent", "Ff"}
	kind := Fill
	switch {
	case f.sig && f.signed:
		// What a signed field shows is part of what was signed.
		w.loose = append(w.loose, place{before["AP"], after["AP"],
			Change{Kind: Other, Ref: f.ref, Field: f.name, Detail: "appearance of a signed field changed"}})
		but = append(but, "AP")
	case f.sig && before["V"] == nil && after["V"] != nil || f.sig && f.widget && w.nowSigned(f):
		kind = Sign
		but = append(but, "V", "AP", "AS", "F", "M")
		w.signing(f, before, after)
	case f.sig:
		w.loose = append(w.loose, place{before["AP"], after["AP"],
			Change{Kind: Fill, Ref: f.ref, Field: f.name, Detail: "appearance of an empty signature field changed"}})
		but = append(but, "AP")
	default:
		but = append(but, "V", "AP", "AS", "I", "RV", "TI", "M")
		w.filling(f, before, after)
	}
	w.strict(f.ref, 0, before, after, but...)
	if !w.equal(before["Parent"], after["Parent"], 0) {
		w.other(f.ref, 0, "field %q was moved in the form", f.name)
	}
	was, _ := w.old.Int(before["Ff"])
	if is, err := w.new.Int(after["Ff"]); err != nil || is != was && is != was|readOnly {
		w.other(f.ref, 0, "flags of field %q changed", f.name)
	} else if is != was {
		w.report(Change{Kind: kind, Ref: f.ref, Field: f.name, Detail: "made read-only"})
	}
	if after["AP"] != nil || before["AP"] != nil {
		w.appearance(f, before["AP"], after["AP"])
	}
}

// nowSigned reports whether the field that a widget belongs to gets its value in the
// newer revision.
func (w *walk) nowSigned(f *field) bool {
	if f.root == nil {
		return false
	}
	before, after, err := w.both(f.root.ref)
	return err == nil && before["V"] == nil && after["V"] != nil
}

// signing is the first value of a signature field that was there.
func (w *walk) signing(f *field, before, after pdf.Dict) {
	w.account(after["V"])
	w.account(after["AP"])
	w.permit(before["AP"])
	was, _ := w.old.Int(before["F"])
	if is, err := w.new.Int(after["F"]); err != nil || (was^is)&^signingFlags != 0 {
		w.other(f.ref, 0, "visibility of field %q changed", f.name)
	}
	if f.widget {
		return // reported with its field
	}
	if !w.signatureValue(after["V"]) {
		w.other(f.ref, 0, "value of signature field %q is no signature", f.name)
		return
	}
	w.report(Change{Kind: Sign, Ref: f.ref, Field: f.name, Detail: "was signed"})
}

// signatureValue wants a new dictionary with what makes it a signature: an old one
// would be a signature that was made for something else.
func (w *walk) signatureValue(o pdf.Object) bool {
	if ref, ok := o.(pdf.Ref); ok {
		if before, err := w.old.Get(ref); before != nil || err != nil {
			return false
		}
	}
	d, err := w.new.Dict(o)
	return err == nil && d["Contents"] != nil && d["ByteRange"] != nil && d["Filter"] != nil
}

// filling is a new value of any other field, with the appearance that shows it.
func (w *walk) filling(f *field, before, after pdf.Dict) {
	for _, key := range []pdf.Name{"V", "AP", "AS", "I", "RV", "TI"} {
		if before[key] == nil && after[key] == nil {
			continue
		}
		w.loose = append(w.loose, place{before[key], after[key],
			Change{Kind: Fill, Ref: f.ref, Field: f.name, Detail: "/" + string(key) + " changed"}})
	}
}

// appearance wants an appearance dictionary to remain one (12.5.5): streams, or
// dictionaries of streams by state. A field that loses it vanishes from the page.
func (w *walk) appearance(f *field, before, after pdf.Object) {
	d, err := w.new.Dict(after)
	if err != nil || d == nil {
		w.other(f.ref, 0, "field %q lost its appearance", f.name)
		return
	}
	if !w.differs(before, after) {
		return
	}
	for _, key := range []pdf.Name{"N", "R", "D"} {
		if d[key] == nil {
			continue
		}
		if s, err := w.new.Stream(d[key]); err == nil && s != nil {
			continue
		}
		states, err := w.new.Dict(d[key])
		if err != nil || w.anyNotStream(states) {
			w.other(f.ref, 0, "appearance /%s of field %q is none", key, f.name)
		}
	}
	if d["N"] == nil {
		w.other(f.ref, 0, "field %q lost its appearance", f.name)
	}
}

func (w *walk) anyNotStream(states pdf.Dict) bool {
	for _, o := range states {
		if s, err := w.new.Stream(o); err != nil || s == nil {
			return true
		}
	}
	return false
}

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
