package changes

import "chop/internal/pdf"

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
