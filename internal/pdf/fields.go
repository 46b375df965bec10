package pdf

import "fmt"

// A Field is a terminal field of the interactive form (12.7.4).
type Field struct {
	Name    string // fully qualified, decoded: partial names joined by periods
	Ref     Ref    // zero for a field that is written into its parent's Kids
	Dict    Dict   // with the inherited FT, Ff, V, DV, DA, Q and MaxLen
	Widgets []Ref  // its widget annotations; the field itself if it is merged with its only one
	VHolder Ref    // the object whose dictionary holds V: the field or an ancestor; zero without V
}

// A Signature is a signature field, with its value if it is signed (12.7.5.5).
type Signature struct {
	Field Field
	Value Dict   // nil if the field is not signed
	Ref   Ref    // the object that holds Value ...
	Path  []Name // ... there at this path: none, or V where the value is direct in a field
}

var fieldInherited = []Name{"FT", "Ff", "V", "DV", "DA", "Q", "MaxLen"}

// Fields returns the terminal fields in the order of the field tree, which need not
// be that of the pages; none if there is no form. Two fields may have one name.
// Errors as in Pages.
func Fields(v *View) ([]Field, error) {
	catalog, err := v.Catalog()
	if err != nil {
		return nil, err
	}
	form, err := v.Dict(catalog["AcroForm"])
	if err != nil {
		return nil, fmt.Errorf("read AcroForm: %w", err)
	}
	roots, err := v.Array(form["Fields"])
	if err != nil {
		return nil, fmt.Errorf("read AcroForm Fields: %w", err)
	}
	w := &fieldWalk{v: v, left: v.f.lim.Nodes, seen: map[Ref]bool{}}
	for _, o := range roots {
		if err := w.node(o, Field{Dict: Dict{}}, 0); err != nil {
			return nil, fmt.Errorf("walk fields: %w", err)
		}
	}
	return w.out, nil
}

type fieldWalk struct {
	v    *View
	left int
	seen map[Ref]bool
	out  []Field
}

// node visits one field below parent, of which Name, inherited entries and VHolder
// count. A field that has been visited is skipped: some writers list it twice, and
// nothing new can be below it.
func (w *fieldWalk) node(o Object, parent Field, depth int) error {
	if w.left--; w.left < 0 {
		return fmt.Errorf("%w: more than %d nodes", ErrLimit, w.v.f.lim.Nodes)
	}
	if depth > w.v.f.lim.Depth {
		return fmt.Errorf("%w: field tree deeper than %d", ErrLimit, w.v.f.lim.Depth)
	}
	ref, _ := o.(Ref)
	if !ref.IsZero() {
		if w.seen[ref] {
			return nil
		}
		w.seen[ref] = true
	}
	d, err := w.v.Dict(o)
	if err != nil || d == nil {
		return err
	}
	f := Field{Ref: ref, Dict: inherit(d, parent.Dict, fieldInherited), VHolder: parent.VHolder}
	if f.Name, err = w.name(d, parent.Name); err != nil {
		return err
	}
	if d["V"] != nil {
		f.VHolder = ref
	}
	kids, err := w.v.Array(d["Kids"])
	if err != nil {
		return err
	}
	terminal := true
	for _, kid := range kids {
		k, err := w.v.Dict(kid)
		if err != nil {
			return err
		}
		if k == nil {
			continue
		}
		if k["T"] == nil { // a kid without a name of its own is a widget
			if err := w.widget(kid, &f); err != nil {
				return err
			}
			continue
		}
		terminal = false
		if err := w.node(kid, f, depth+1); err != nil {
			return err
		}
	}
	if !terminal {
		return nil
	}
	if len(f.Widgets) == 0 && d["Subtype"] == Name("Widget") && !ref.IsZero() {
		f.Widgets = []Ref{ref}
	}
	w.out = append(w.out, f)
	return nil
}

// widget adds a kid without a name to the widgets of f. It counts as a node, and once.
func (w *fieldWalk) widget(kid Object, f *Field) error {
	if w.left--; w.left < 0 {
		return fmt.Errorf("%w: more than %d nodes", ErrLimit, w.v.f.lim.Nodes)
	}
	if r, ok := kid.(Ref); ok && !w.seen[r] {
		w.seen[r] = true
		f.Widgets = append(f.Widgets, r)
	}
	return nil
}

func (w *fieldWalk) name(d Dict, parent string) (string, error) {
	if d["T"] == nil {
		return parent, nil
	}
	t, err := w.v.Text(d["T"])
	if err != nil {
		return "", err
	}
	if parent != "" {
		return parent + "." + t, nil
	}
	return t, nil
}

// Signatures returns the signature fields, signed or not, in the order of Fields. A
// field whose V is something else than a dictionary is ErrMalformed.
func Signatures(v *View) ([]Signature, error) {
	fields, err := Fields(v)
	if err != nil {
		return nil, err
	}
	var out []Signature
	for _, f := range fields {
		if ft, err := v.Name(f.Dict["FT"]); err != nil || ft != "Sig" {
			continue
		}
		s := Signature{Field: f}
		if s.Value, err = v.Dict(f.Dict["V"]); err != nil {
			return nil, fmt.Errorf("value of signature field %q: %w", f.Name, err)
		}
		switch value := f.Dict["V"].(type) {
		case Ref:
			s.Ref = value
		case Dict:
			s.Ref, s.Path = f.VHolder, []Name{"V"}
		}
		out = append(out, s)
	}
	return out, nil
}
