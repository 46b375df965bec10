package pades

import (
	"fmt"

	"chop/internal/pdf"
)

// A target is the field that will hold a signature, and the place where it is drawn.
type target struct {
	name   string
	ref    pdf.Ref
	dict   pdf.Dict // of an existing field: its own object; nil for a new one
	widget pdf.Ref  // of an existing field: where its appearance goes
	lock   *fieldLock
	seed   pdf.Dict // /SV, may be nil
	docMDP Permission
}

// Annotation and field flags, ISO 32000-1, tables 165 and 221.
const (
	printed  = 1 << 2
	locked   = 1 << 7
	readOnly = 1 << 0
)

// existingField finds an empty signature field that may be signed.
func (r *revision) existingField(name string) (*target, error) {
	fields, err := pdf.Fields(r.view)
	if err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	for _, f := range fields {
		if f.Name == name {
			return r.openField(f)
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrFieldNotFound, name)
}

func (r *revision) openField(f pdf.Field) (*target, error) {
	v := r.view
	if ft, _ := v.Name(f.Dict["FT"]); ft != "Sig" {
		return nil, fmt.Errorf("%w: %q", ErrFieldType, f.Name)
	}
	value, err := v.Resolve(f.Dict["V"])
	if err != nil {
		return nil, fmt.Errorf("read value of field %q: %w", f.Name, err)
	}
	if value != nil {
		return nil, fmt.Errorf("%w: %q", ErrFieldSigned, f.Name)
	}
	flags, err := v.Int(f.Dict["Ff"])
	if err != nil {
		return nil, fmt.Errorf("read flags of field %q: %w", f.Name, err)
	}
	if flags&readOnly != 0 {
		return nil, fmt.Errorf("%w: field %q is read-only", ErrForbidden, f.Name)
	}
	if f.Ref.IsZero() {
		return nil, fmt.Errorf("%w: field %q is no indirect object", ErrMalformed, f.Name)
	}
	own, err := r.object(f.Ref)
	if err != nil {
		return nil, fmt.Errorf("read field %q: %w", f.Name, err)
	}
	t := &target{name: f.Name, ref: f.Ref, dict: own}
	if len(f.Widgets) > 0 {
		t.widget = f.Widgets[0]
	}
	if t.seed, err = v.Dict(own["SV"]); err != nil {
		return nil, fmt.Errorf("read seed values of field %q: %w", f.Name, err)
	}
	return t, t.readLock(v, own["Lock"])
}

// readLock reads what the field's author wants to be locked by its signature,
// ISO 32000-2, table 236.
func (t *target) readLock(v *pdf.View, o pdf.Object) error {
	d, err := v.Dict(o)
	if err != nil {
		return fmt.Errorf("read lock of field %q: %w", t.name, err)
	}
	if d == nil {
		return nil
	}
	lock, err := readFieldLock(v, d)
	if err != nil {
		return fmt.Errorf("field %q: %w", t.name, err)
	}
	t.lock = &lock
	p, err := v.Int(d["P"])
	if err != nil || p < 0 || p > 3 {
		return fmt.Errorf("%w: lock of field %q has the permission %v", ErrMalformed, t.name, d["P"])
	}
	t.docMDP = Permission(p)
	return nil
}

// newField chooses a name that no field at the top of the form has.
func (r *revision) newField(prefix string) (*target, error) {
	fields, err := pdf.Fields(r.view)
	if err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	taken := make(map[string]bool, len(fields))
	for _, f := range fields {
		taken[topName(f.Name)] = true
	}
	for i := 1; ; i++ {
		if name := fmt.Sprintf("%s%d", prefix, i); !taken[name] {
			return &target{name: name, ref: r.up.Alloc()}, nil
		}
	}
}

func topName(full string) string {
	for i := range len(full) {
		if full[i] == '.' {
			return full[:i]
		}
	}
	return full
}

func (r *revision) object(ref pdf.Ref) (pdf.Dict, error) {
	o, err := r.up.Get(ref)
	if err != nil {
		return nil, err
	}
	d, err := r.view.Dict(o)
	if err != nil {
		return nil, err
	}
	return d.Clone(), nil
}

// place makes t hold a signature. A new field becomes a field of the form and a widget
// of a page, invisible unless drawn says where and what; ISO 32000-1, 12.7.4.5.
func (r *revision) place(t *target, signature pdf.Ref, drawn *drawing) error {
	if t.dict != nil {
		return r.placeExisting(t, signature, drawn)
	}
	field := pdf.Dict{
		"Type":    pdf.Name("Annot"),
		"Subtype": pdf.Name("Widget"),
		"FT":      pdf.Name("Sig"),
		"T":       pdf.EncodeText(t.name),
		"V":       signature,
		"F":       int64(printed | locked),
		"Rect":    pdf.Array{int64(0), int64(0), int64(0), int64(0)},
	}
	page, err := r.firstPage()
	if drawn != nil {
		page, err = drawn.page, nil
		field["Rect"] = drawn.rect.array()
		drawn.dress(field)
	}
	if err != nil {
		return err
	}
	if !page.Ref.IsZero() {
		field["P"] = page.Ref
		if err := r.addAnnotation(page, t.ref); err != nil {
			return err
		}
	}
	r.up.Set(t.ref, field)
	return r.addField(t.ref)
}

// firstPage is where invisible signatures are. A document may have no page, or one that
// is no object of its own; then they are on none.
func (r *revision) firstPage() (pdf.Page, error) {
	for page, err := range pdf.Pages(r.view) {
		if err != nil {
			return pdf.Page{}, fmt.Errorf("find first page: %w", err)
		}
		return page, nil
	}
	return pdf.Page{}, nil
}

// placeExisting signs a field that is there. Where its widget is an object of its own,
// the value is written there too: a reader that follows the standard takes it from the
// field, but poppler and mupdf look at the widget alone.
func (r *revision) placeExisting(t *target, signature pdf.Ref, drawn *drawing) error {
	widget := t.dict
	if !t.widget.IsZero() && t.widget != t.ref {
		var err error
		if widget, err = r.object(t.widget); err != nil {
			return fmt.Errorf("read widget of field %q: %w", t.name, err)
		}
		widget["V"] = signature
		r.up.Set(t.widget, widget)
	}
	if drawn != nil {
		drawn.dress(widget)
	}
	t.dict["V"] = signature
	r.up.Set(t.ref, t.dict)
	return r.signField()
}
