package adobe

import (
	"bytes"
	"fmt"

	"chop/internal/pdf"
	"chop/signer/pades"
)

// admit refuses a document that pdfsign would damage. It moves the catalog to another
// object, which makes every earlier signature suspect, and gives it a new form, in which
// only the signature fields at the top are left.
func admit(f *pdf.File) error {
	if err := pades.MaySign(f); err != nil {
		return err
	}
	v := f.Latest()
	sigs, err := pdf.Signatures(v)
	if err != nil {
		return fmt.Errorf("read earlier signatures: %w", err)
	}
	for _, s := range sigs {
		if s.Value != nil {
			return fmt.Errorf("%w: the signature of field %q would no longer pass", ErrUnsupported, s.Field.Name)
		}
	}
	catalog, err := v.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	form, err := v.Dict(catalog["AcroForm"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	for key := range form {
		if key != "Fields" && key != "SigFlags" {
			return fmt.Errorf("%w: the form's /%s would be lost", ErrUnsupported, key)
		}
	}
	fields, err := v.Array(form["Fields"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	for _, o := range fields {
		field, err := v.Dict(o)
		if err != nil {
			return fmt.Errorf("read form: %w", err)
		}
		if _, indirect := o.(pdf.Ref); !indirect || field["FT"] != pdf.Name("Sig") {
			return fmt.Errorf("%w: a form field that is no signature would be lost", ErrUnsupported)
		}
	}
	return nil
}

// compare refuses an output that is not the original with one signature added: every
// byte of the original stands, no object of it but the catalog has changed, and the
// catalog, which pdfsign writes as a new object, only by its form and version.
func compare(before, after *pdf.File, original, output []byte) error {
	if !bytes.HasPrefix(output, original) {
		return fmt.Errorf("%w: the original's bytes changed", ErrDamaged)
	}
	old, now := before.Latest(), after.Latest()
	if len(after.Revisions()) != len(before.Revisions())+1 {
		return fmt.Errorf("%w: %d revisions, were %d", ErrDamaged, len(after.Revisions()), len(before.Revisions()))
	}
	for _, ref := range now.Changed() {
		if e, ok := old.Entry(ref.Num); ok && e.Kind != pdf.Free && ref.Num != 0 && ref != old.CatalogRef() {
			return fmt.Errorf("%w: object %v was changed", ErrDamaged, ref)
		}
	}
	if a, b := len(before.Anomalies()), len(after.Anomalies()); b > a {
		return fmt.Errorf("%w: %v", ErrDamaged, after.Anomalies()[b-1])
	}
	if err := checkSize(now); err != nil {
		return err
	}
	return compareCatalogs(old, now)
}

// checkSize finds a cross-reference stream that does not list itself: its /Size then
// counts an object that is not there, ISO 32000-1, 7.5.8.1.
func checkSize(v *pdf.View) error {
	index, err := v.Array(v.Trailer()["Index"])
	if err != nil || len(index) < 2 {
		return err
	}
	start, err := v.Int(index[len(index)-2])
	if err != nil {
		return err
	}
	count, err := v.Int(index[len(index)-1])
	if err != nil {
		return err
	}
	if size, err := v.Int(v.Trailer()["Size"]); err != nil || size != start+count {
		return fmt.Errorf("%w: the trailer's /Size is %d, the highest object %d", ErrDamaged, size, start+count-1)
	}
	return nil
}

func compareCatalogs(old, now *pdf.View) error {
	a, err := old.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	b, err := now.Catalog()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for key, value := range a {
		if key == "AcroForm" || key == "Version" {
			continue
		}
		want, err := pdf.Append(nil, value)
		if err != nil {
			return fmt.Errorf("write catalog's /%s: %w", key, err)
		}
		got, err := pdf.Append(nil, b[key])
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%w: the catalog's /%s", ErrDamaged, key)
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok && key != "AcroForm" && key != "Version" {
			return fmt.Errorf("%w: the catalog has a new /%s", ErrDamaged, key)
		}
	}
	fields, err := pdf.Fields(now)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	names := map[string]bool{}
	for _, f := range fields {
		if names[f.Name] {
			return fmt.Errorf("%w: two fields are called %q", ErrDamaged, f.Name)
		}
		names[f.Name] = true
	}
	return nil
}
