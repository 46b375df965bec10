package changes_test

import (
	"bytes"
	"testing"

	"chop/internal/pdf"
	"chop/validation/changes"
)

func permission(t *testing.T, field, value pdf.Dict) (changes.Permission, error) {
	t.Helper()
	doc := base()
	f, err := pdf.Open(bytes.NewReader(doc), int64(len(doc)), pdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return changes.Permissions(f.Latest(), field, value)
}

func transform(method pdf.Name, params pdf.Dict) pdf.Dict {
	return pdf.Dict{"Reference": pdf.Array{pdf.Dict{"TransformMethod": method, "TransformParams": params}}}
}

func TestAllows(t *testing.T) {
	all := []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign, changes.NewField, changes.Note, changes.Other}
	for _, c := range []struct {
		name         string
		field, value pdf.Dict
		allowed      []changes.Kind
	}{
		{"approval", nil, nil, []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign, changes.NewField}},
		{"certified, P absent", nil, transform("DocMDP", pdf.Dict{}), []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign}},
		{"certified, P 1", nil, transform("DocMDP", pdf.Dict{"P": int64(1)}), []changes.Kind{changes.Evidence}},
		{"certified, P 2", nil, transform("DocMDP", pdf.Dict{"P": int64(2)}), []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign}},
		{"certified, P 3", nil, transform("DocMDP", pdf.Dict{"P": int64(3)}), []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign, changes.Note}},
		{"approval, lock with P 1", pdf.Dict{"Lock": pdf.Dict{"Action": pdf.Name("All"), "P": int64(1)}}, nil, []changes.Kind{changes.Evidence}},
		{"usage rights", nil, transform("UR3", pdf.Dict{}), []changes.Kind{changes.Evidence, changes.Orphan, changes.Fill, changes.Sign, changes.NewField}},
	} {
		p, err := permission(t, c.field, c.value)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, k := range all {
			want := false
			for _, a := range c.allowed {
				want = want || a == k
			}
			if got := p.Allows(changes.Change{Kind: k, Field: "F", New: true}); got != want {
				t.Errorf("%s: %s: got %v, want %v", c.name, k, got, want)
			}
		}
	}
}

func TestLocks(t *testing.T) {
	names := pdf.Array{pdf.String("A"), pdf.String("G.B")}
	for _, c := range []struct {
		action string
		locked map[string]bool
	}{
		{"All", map[string]bool{"A": true, "X": true}},
		{"Include", map[string]bool{"A": true, "A.Kid": true, "AB": false, "G": false, "G.B": true, "X": false}},
		{"Exclude", map[string]bool{"A": false, "A.Kid": false, "AB": true, "G.B": false, "X": true}},
	} {
		p, err := permission(t, nil, transform("FieldMDP", pdf.Dict{"Action": pdf.Name(c.action), "Fields": names}))
		if err != nil {
			t.Fatal(err)
		}
		for field, locked := range c.locked {
			if got := p.Allows(changes.Change{Kind: changes.Fill, Field: field}); got == locked {
				t.Errorf("%s: filling %q allowed: %v", c.action, field, got)
			}
			if !p.Allows(changes.Change{Kind: changes.Sign, Field: field, New: true}) {
				t.Errorf("%s: a new signature field %q is locked", c.action, field)
			}
		}
	}
}

// A restriction that cannot be read is an error, never no restriction.
func TestUnreadablePermissions(t *testing.T) {
	for name, value := range map[string]pdf.Dict{
		"level 4":           transform("DocMDP", pdf.Dict{"P": int64(4)}),
		"level of a name":   transform("DocMDP", pdf.Dict{"P": pdf.Name("2")}),
		"lock without act":  transform("FieldMDP", pdf.Dict{"Fields": pdf.Array{pdf.String("A")}}),
		"lock of numbers":   transform("FieldMDP", pdf.Dict{"Action": pdf.Name("Include"), "Fields": pdf.Array{int64(1)}}),
		"references a name": {"Reference": pdf.Name("x")},
	} {
		if _, err := permission(t, nil, value); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
