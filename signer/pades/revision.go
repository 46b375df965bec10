package pades

import (
	"fmt"

	"chop/internal/pdf"
)

const (
	markContents  = "contents"
	markByteRange = "byterange"

	// sigFlags are SignaturesExist and AppendOnly, ISO 32000-1, table 219.
	sigFlags = 3
)

// A revision is one incremental update in the making: what a signature, a DSS or a
// document timestamp have in common when they change the catalog, the form and a page.
// It touches as little as it can, since every object that it writes anew is something
// that a validator must find harmless.
type revision struct {
	view    *pdf.View
	up      *pdf.Update
	catalog pdf.Dict // a copy; written by build if changed
	changed bool
}

func newRevision(f *pdf.File) (*revision, error) {
	v := f.Latest()
	catalog, err := v.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	return &revision{view: v, up: pdf.NewUpdate(f), catalog: catalog.Clone()}, nil
}

func (r *revision) build() (*pdf.Increment, error) {
	if r.changed {
		r.up.Set(r.view.CatalogRef(), r.catalog)
	}
	inc, err := r.up.Build()
	if err != nil {
		return nil, fmt.Errorf("write update: %w", err)
	}
	return inc, nil
}

// entry returns a copy of the dictionary under a key of the catalog, empty if there is
// none, and the function that puts it back: into its own object if it has one.
func (r *revision) entry(key pdf.Name) (pdf.Dict, func(pdf.Dict), error) {
	o := r.catalog[key]
	d, err := r.view.Dict(o)
	if err != nil {
		return nil, nil, fmt.Errorf("read catalog's %s: %w", key, err)
	}
	if ref, ok := o.(pdf.Ref); ok && d != nil {
		return d.Clone(), func(d pdf.Dict) { r.up.Set(ref, d) }, nil
	}
	if d = d.Clone(); d == nil {
		d = pdf.Dict{}
	}
	return d, func(d pdf.Dict) { r.catalog[key], r.changed = d, true }, nil
}

// addField makes a field one of the form's own. All else in the form stays: default
// resources and appearance, calculation order, XFA, NeedAppearances.
func (r *revision) addField(field pdf.Ref) error {
	form, store, err := r.entry("AcroForm")
	if err != nil {
		return err
	}
	fields, err := r.view.Array(form["Fields"])
	if err != nil {
		return fmt.Errorf("read form's fields: %w", err)
	}
	fields = append(pdf.Array(nil), fields...)
	fields = append(fields, field)
	changed := r.setFlags(form)
	// An array of its own is written anew; where the reference leads nowhere, or to an
	// empty one, the form gets a direct array.
	if ref, ok := form["Fields"].(pdf.Ref); ok && len(fields) > 1 {
		r.up.Set(ref, fields)
	} else {
		form["Fields"], changed = fields, true
	}
	if changed {
		store(form)
	}
	return nil
}

// signField marks the form as signed where the field is in it already.
func (r *revision) signField() error {
	form, store, err := r.entry("AcroForm")
	if err != nil {
		return err
	}
	if r.setFlags(form) {
		store(form)
	}
	return nil
}

func (r *revision) setFlags(form pdf.Dict) bool {
	old, err := r.view.Int(form["SigFlags"])
	if err == nil && old&sigFlags == sigFlags {
		return false
	}
	if err != nil {
		old = 0
	}
	form["SigFlags"] = old | sigFlags
	return true
}

// addAnnotation puts a widget onto a page.
func (r *revision) addAnnotation(page pdf.Page, widget pdf.Ref) error {
	o, err := r.up.Get(page.Ref)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	dict, err := r.view.Dict(o)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	annots, err := r.view.Array(dict["Annots"])
	if err != nil {
		return fmt.Errorf("read page's annotations: %w", err)
	}
	annots = append(append(pdf.Array(nil), annots...), widget)
	if ref, ok := dict["Annots"].(pdf.Ref); ok && len(annots) > 1 {
		r.up.Set(ref, annots)
		return nil
	}
	dict = dict.Clone()
	dict["Annots"] = annots
	r.up.Set(page.Ref, dict)
	return nil
}

// declareExtension names the developer extension under which a PDF 1.x file carries
// ETSI's entries, EN 319 142-1, clause 5.6. PDF 2.0 knows them by itself.
func (r *revision) declareExtension() error {
	if r.view.File().Version() >= "2." {
		return nil
	}
	extensions, store, err := r.entry("Extensions")
	if err != nil {
		return err
	}
	if extensions["ESIC"] != nil {
		return nil
	}
	extensions["ESIC"] = pdf.Dict{"BaseVersion": pdf.Name("1.7"), "ExtensionLevel": int64(1)}
	store(extensions)
	return nil
}

// certify makes a signature the document's certification, ISO 32000-1, 12.8.4.
func (r *revision) certify(signature pdf.Ref) error {
	perms, store, err := r.entry("Perms")
	if err != nil {
		return err
	}
	perms["DocMDP"] = signature
	store(perms)
	return nil
}
