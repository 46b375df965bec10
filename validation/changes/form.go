package changes

import (
	"fmt"

	"chop/internal/pdf"
)

// A field is a node of the older revision's form, or one of its widgets.
type field struct {
	name   string // full
	ref    pdf.Ref
	sig    bool // a signature field
	signed bool // ... with a value
	node   bool // has Kids that are fields
	widget bool // a widget annotation that is not merged with its field
	root   *field
}

// fieldRoles gives every field and widget of the older revision its role.
func (w *walk) fieldRoles() error {
	catalog, err := w.old.Catalog()
	if err != nil {
		return err
	}
	form, err := w.old.Dict(catalog["AcroForm"])
	if err != nil {
		return err
	}
	kids, err := w.old.Array(form["Fields"])
	if err != nil {
		return err
	}
	for _, kid := range kids {
		if err := w.collectField(kid, nil, "", 0); err != nil {
			return err
		}
	}
	return nil
}

// collectField visits one node below parent, whose field type it inherits.
func (w *walk) collectField(o pdf.Object, parent *field, kind pdf.Name, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: field tree is too deep", pdf.ErrLimit)
	}
	if err := w.step(); err != nil {
		return err
	}
	ref, ok := o.(pdf.Ref)
	if !ok || w.fields[ref] != nil {
		return nil // a direct field is part of its parent, and strictly compared with it
	}
	d, err := w.old.Dict(ref)
	if err != nil || d == nil {
		return err
	}
	f := &field{ref: ref, root: parent}
	if parent != nil {
		f.name, f.signed = parent.name, parent.signed
	}
	if d["T"] != nil {
		t, err := w.old.Text(d["T"])
		if err != nil {
			return err
		}
		if f.name != "" {
			f.name += "."
		}
		f.name += t
	} else if parent != nil {
		f.widget = true
	}
	if t, err := w.old.Name(d["FT"]); err == nil && t != "" {
		kind = t
	}
	f.sig = kind == "Sig"
	f.signed = f.sig && (f.signed || d["V"] != nil)
	w.fields[ref] = f
	kids, err := w.old.Array(d["Kids"])
	if err != nil {
		return err
	}
	for _, kid := range kids {
		f.node = true
		if err := w.collectField(kid, f, kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// acroForm compares the interactive form (12.7.3).
func (w *walk) acroForm(catalog pdf.Ref, before, after pdf.Object) {
	old, err := w.old.Dict(before)
	if err != nil {
		w.other(catalog, 0, "/AcroForm: %v", err)
		return
	}
	form, err := w.new.Dict(after)
	if err != nil || form == nil && old != nil {
		w.other(catalog, 0, "/AcroForm was taken away or cannot be read any more")
		return
	}
	w.accountArray(before, after)
	ref, _ := after.(pdf.Ref)
	w.strict(ref, 0, old, form, "Fields", "SigFlags", "DR", "DA", "Q", "NeedAppearances")
	w.account(form["DR"])
	w.permit(old["DR"])
	was, _ := w.old.Int(old["SigFlags"])
	if is, err := w.new.Int(form["SigFlags"]); err != nil || was&^is != 0 {
		w.other(ref, 0, "/SigFlags lost a flag")
	}
	if form["NeedAppearances"] != nil && form["NeedAppearances"] != false && !w.equal(old["NeedAppearances"], form["NeedAppearances"], 0) {
		w.other(ref, 0, "/NeedAppearances makes readers draw all fields anew")
	}
	for _, key := range []pdf.Name{"DA", "Q"} {
		if old[key] != nil && !w.equal(old[key], form[key], 0) {
			w.other(ref, 0, "/%s changed", key)
		}
	}
	w.resources(ref, old["DR"], form["DR"], 0)
	w.fieldList(ref, old["Fields"], form["Fields"])
	for _, f := range w.fields {
		w.field(f)
	}
}

// resources allows default resources (12.7.3) to be added and nothing to be replaced.
// Only XObject may differ: the default appearance of a field, which is what these
// resources are for, cannot draw any, and a common library keeps its last signature's
// picture there.
func (w *walk) resources(ref pdf.Ref, before, after pdf.Object, depth int) {
	if before == nil {
		return
	}
	old, errOld := w.old.Dict(before)
	d, errNew := w.new.Dict(after)
	if errOld != nil || errNew != nil || old == nil || depth > 1 {
		w.pushAll(before, 0, 0)
		if !w.equal(before, after, 0) {
			w.other(ref, 0, "default resources changed")
		}
		return
	}
	w.accountArray(before, after)
	for key, o := range old {
		if depth == 0 && key == "XObject" {
			continue
		}
		w.resources(ref, o, d[key], depth+1)
	}
}

// fieldList compares the root fields: the old ones must all be there, in their order;
// the new ones are signature fields.
func (w *walk) fieldList(form pdf.Ref, before, after pdf.Object) {
	old, err := w.old.Array(before)
	if err != nil {
		w.other(form, 0, "/Fields: %v", err)
		return
	}
	list, err := w.new.Array(after)
	if err != nil {
		w.other(form, 0, "/Fields cannot be read any more: %v", err)
		return
	}
	w.accountArray(before, after)
	next := 0
	for _, o := range list {
		if next < len(old) && w.equal(old[next], o, 0) {
			next++
			continue
		}
		ref, ok := o.(pdf.Ref)
		if !ok || w.fields[ref] != nil {
			w.other(form, 0, "a field was added in a way that cannot be judged")
			continue
		}
		w.newField(ref)
	}
	if next < len(old) {
		w.other(form, 0, "field %d of %d was removed or moved", next+1, len(old))
	}
}
