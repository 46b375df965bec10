package changes

import (
	"fmt"
	"slices"
	"strings"

	"chop/internal/pdf"
)

// Permission is what a signature lets later revisions do (ISO 32000-2, 12.8.2).
type Permission struct {
	// Certified says that the signature is a certification (DocMDP).
	Certified bool
	// Level is DocMDP's P: 1 nothing but validation data, 2 form filling and signing
	// too, 3 annotations too. An approval signature without a restriction of its own
	// allows what 2 does.
	Level int
	// The level is the lower of what DocMDP says and of what a field lock says.
	certification, limit int
	locks                []lock
}

// A lock is a FieldMDP transform or the Lock of a signature field: fields that may
// not be filled any more.
type lock struct {
	action string // All, Include, Exclude
	fields []string
}

// Permissions reads what the signature with this value, in this field, allows.
// An entry that cannot be read is an error: the signer restricted something, and
// what would be a guess.
func Permissions(v *pdf.View, fieldDict, value pdf.Dict) (Permission, error) {
	p := Permission{certification: 2, limit: 3}
	references, err := v.Array(value["Reference"])
	if err != nil {
		return p, fmt.Errorf("signature references: %w", err)
	}
	for _, o := range references {
		if err := p.reference(v, o); err != nil {
			return p, fmt.Errorf("signature reference: %w", err)
		}
	}
	if fieldDict["Lock"] != nil {
		if err := p.lock(v, fieldDict["Lock"]); err != nil {
			return p, fmt.Errorf("field lock: %w", err)
		}
	}
	p.Level = min(p.certification, p.limit)
	return p, nil
}

func (p *Permission) reference(v *pdf.View, o pdf.Object) error {
	d, err := v.Dict(o)
	if err != nil {
		return err
	}
	method, err := v.Name(d["TransformMethod"])
	if err != nil {
		return err
	}
	switch method {
	case "DocMDP":
		params, err := v.Dict(d["TransformParams"])
		if err != nil {
			return err
		}
		p.Certified = true
		return accessLevel(v, params["P"], &p.certification)
	case "FieldMDP":
		return p.lock(v, d["TransformParams"])
	}
	return nil // UR3 and Identity restrict nothing
}

// accessLevel reads a P, which is 2 where it is not said.
func accessLevel(v *pdf.View, o pdf.Object, level *int) error {
	n, err := v.Int(o)
	switch {
	case err != nil:
		return err
	case o == nil:
		n = 2
	case n < 1 || n > 3:
		return fmt.Errorf("%w: access permissions %d", pdf.ErrMalformed, n)
	}
	*level = int(n)
	return nil
}

func (p *Permission) lock(v *pdf.View, o pdf.Object) error {
	d, err := v.Dict(o)
	if err != nil {
		return err
	}
	action, err := v.Name(d["Action"])
	if err != nil {
		return err
	}
	l := lock{action: string(action)}
	names, err := v.Array(d["Fields"])
	if err != nil {
		return err
	}
	for _, n := range names {
		name, err := v.Text(n)
		if err != nil {
			return err
		}
		l.fields = append(l.fields, name)
	}
	switch action {
	case "All", "Include", "Exclude":
		p.locks = append(p.locks, l)
	default:
		return fmt.Errorf("%w: field lock with the action %q", pdf.ErrMalformed, action)
	}
	if d["P"] != nil {
		return accessLevel(v, d["P"], &p.limit)
	}
	return nil
}

// locked reports whether the field may not be filled.
func (l lock) locked(field string) bool {
	named := slices.ContainsFunc(l.fields, func(n string) bool {
		return n == field || strings.HasPrefix(field, n+".")
	})
	switch l.action {
	case "Include":
		return named
	case "Exclude":
		return !named
	}
	return true
}

// Allows reports whether the signature allows the change.
func (p Permission) Allows(c Change) bool {
	switch c.Kind {
	case Evidence:
		return true
	case Orphan:
		return p.Level > 1
	case NewField:
		// Over a certified document a new field that can be seen can also cover what was
		// certified: the sneaky signature attack.
		return p.Level > 1 && !p.Certified
	case Sign, Fill:
		return p.Level > 1 && (c.New || !slices.ContainsFunc(p.locks, func(l lock) bool { return l.locked(c.Field) }))
	case Note:
		return p.Level > 2
	}
	return false
}
