package pades

import (
	"fmt"
	"strings"

	"chop/internal/pdf"
)

// restrictions is what the signatures that are already in a file forbid to whoever
// comes later, ISO 32000-2, 12.8.2. Only signatures and form fields concern us:
// a DSS and document timestamps are permitted by every DocMDP level, 12.8.2.2.2.
type restrictions struct {
	signed  int        // signed fields, document timestamps included
	docMDP  Permission // the strictest; NotCertified if nothing restricts
	docBy   string     // the field that says so
	fieldBy []fieldLock
}

type fieldLock struct {
	action pdf.Name // All, Include or Exclude
	fields []string
	by     string
}

// MaySign says whether the signatures that are already in a file permit one more, in a
// new field. ErrForbidden.
func MaySign(f *pdf.File) error {
	sigs, err := pdf.Signatures(f.Latest())
	if err != nil {
		return fmt.Errorf("read earlier signatures: %w", err)
	}
	r, err := readRestrictions(f.Latest(), sigs)
	if err != nil {
		return err
	}
	return r.allowSigning("")
}

func readRestrictions(v *pdf.View, sigs []pdf.Signature) (*restrictions, error) {
	r := new(restrictions)
	for _, s := range sigs {
		if s.Value == nil {
			continue
		}
		r.signed++
		if err := r.addSignature(v, s.Value, s.Field.Name); err != nil {
			return nil, fmt.Errorf("signature of field %q: %w", s.Field.Name, err)
		}
	}
	// A certification counts also where no field leads to it.
	catalog, err := v.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	perms, err := v.Dict(catalog["Perms"])
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	certification, err := v.Dict(perms["DocMDP"])
	if err != nil {
		return nil, fmt.Errorf("read certification: %w", err)
	}
	if certification != nil {
		r.signed = max(r.signed, 1)
		if err := r.addSignature(v, certification, "the document's /Perms"); err != nil {
			return nil, fmt.Errorf("certification: %w", err)
		}
	}
	return r, nil
}

func (r *restrictions) addSignature(v *pdf.View, value pdf.Dict, by string) error {
	refs, err := v.Array(value["Reference"])
	if err != nil {
		return fmt.Errorf("read references: %w", err)
	}
	for _, o := range refs {
		ref, err := v.Dict(o)
		if err != nil {
			return fmt.Errorf("read reference: %w", err)
		}
		method, err := v.Name(ref["TransformMethod"])
		if err != nil {
			return fmt.Errorf("read transform: %w", err)
		}
		params, err := v.Dict(ref["TransformParams"])
		if err != nil {
			return fmt.Errorf("read transform parameters: %w", err)
		}
		switch method {
		case "DocMDP":
			if err := r.addDocMDP(v, params, by); err != nil {
				return err
			}
		case "FieldMDP":
			lock, err := readFieldLock(v, params)
			if err != nil {
				return err
			}
			lock.by = by
			r.fieldBy = append(r.fieldBy, lock)
		}
	}
	return nil
}

func (r *restrictions) addDocMDP(v *pdf.View, params pdf.Dict, by string) error {
	p := int64(FormsAndSigning) // the default, table 254
	if params["P"] != nil {
		var err error
		if p, err = v.Int(params["P"]); err != nil {
			return fmt.Errorf("read permission: %w", err)
		}
	}
	if p < 1 || p > 3 {
		p = int64(NoChanges) // an unknown restriction is taken at its strictest
	}
	if r.docMDP == NotCertified || Permission(p) < r.docMDP {
		r.docMDP, r.docBy = Permission(p), by
	}
	return nil
}

// readFieldLock reads /Action and /Fields, which FieldMDP parameters and a field's
// /Lock dictionary have in common, tables 256 and 236.
func readFieldLock(v *pdf.View, d pdf.Dict) (fieldLock, error) {
	var l fieldLock
	var err error
	if l.action, err = v.Name(d["Action"]); err != nil {
		return l, fmt.Errorf("read lock's action: %w", err)
	}
	switch l.action {
	case "All", "Include", "Exclude":
	default:
		return l, fmt.Errorf("%w: a lock with the unknown action %q", ErrForbidden, l.action)
	}
	names, err := v.Array(d["Fields"])
	if err != nil {
		return l, fmt.Errorf("read lock's fields: %w", err)
	}
	for _, o := range names {
		name, err := v.Text(o)
		if err != nil {
			return l, fmt.Errorf("read lock's fields: %w", err)
		}
		l.fields = append(l.fields, name)
	}
	return l, nil
}

// locks reports whether the field of that full name may no longer change. A name
// stands for the field and all its descendants.
func (l fieldLock) locks(name string) bool {
	named := false
	for _, f := range l.fields {
		named = named || name == f || strings.HasPrefix(name, f+".")
	}
	switch l.action {
	case "Include":
		return named
	case "Exclude":
		return !named
	}
	return true
}

// allowSigning says whether a signature may still be made in the field of that name,
// be it new or not.
func (r *restrictions) allowSigning(name string) error {
	if r.docMDP == NoChanges {
		return fmt.Errorf("%w: %s permits no further signatures (DocMDP level 1)", ErrForbidden, r.docBy)
	}
	for _, l := range r.fieldBy {
		if l.locks(name) {
			return fmt.Errorf("%w: field %q is locked by the signature of %q", ErrForbidden, name, l.by)
		}
	}
	return nil
}

// allowCertification says whether the document may be certified: ISO 32000-2,
// 12.8.2.2.1, the certification is the first signature.
func (r *restrictions) allowCertification() error {
	if r.signed > 0 {
		return ErrNotFirst
	}
	return nil
}

// docMDPReference is what makes a signature restrict the document as a whole.
func docMDPReference(p Permission) pdf.Dict {
	return pdf.Dict{
		"Type":            pdf.Name("SigRef"),
		"TransformMethod": pdf.Name("DocMDP"),
		"TransformParams": pdf.Dict{
			"Type": pdf.Name("TransformParams"),
			"P":    int64(p),
			"V":    pdf.Name("1.2"),
		},
	}
}

// fieldMDPReference turns a field's /Lock into what its signature promises. Data names
// the object that the lock is about: the catalog.
func fieldMDPReference(l fieldLock, catalog pdf.Ref) pdf.Dict {
	params := pdf.Dict{
		"Type":   pdf.Name("TransformParams"),
		"Action": l.action,
		"V":      pdf.Name("1.2"),
	}
	if l.action != "All" {
		names := make(pdf.Array, len(l.fields))
		for i, f := range l.fields {
			names[i] = pdf.EncodeText(f)
		}
		params["Fields"] = names
	}
	return pdf.Dict{
		"Type":            pdf.Name("SigRef"),
		"TransformMethod": pdf.Name("FieldMDP"),
		"TransformParams": params,
		"Data":            catalog,
	}
}
