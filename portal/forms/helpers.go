package forms

import "time"

// PrefillKeys are what a form may ask a profile (profile.*) or the resident's stored
// data (eme.*) for. Values are to be given as Field.Check takes them: dates as
// 2006-01-02, the gender as female or male, the marital status as never-married,
// divorced or widowed.
var PrefillKeys = []string{
	"profile.enName", "profile.chName", "profile.hkid", "profile.birthDate", "profile.gender",
	"eme.mobileNumber", "eme.homeTelNumber", "eme.officeTelNumber", "eme.emailAddress",
	"eme.residentialAddress", "eme.postalAddress", "eme.maritalStatus",
}

// Fields returns all fields in the order of the form.
func (f *Form) Fields() []*Field {
	var all []*Field
	for _, s := range f.Sections {
		all = append(all, s.Fields...)
	}
	return all
}

// Field returns the field of that ID, or nil.
func (f *Form) Field(id string) *Field {
	for _, field := range f.Fields() {
		if field.ID == id {
			return field
		}
	}
	return nil
}

// MaxLines is the most lines of a multi-line answer: four times those of its empty box.
func (f *Field) MaxLines() int { return min(4*f.Lines, maxLines) }

// Prefill asks for what each field may be filled in with, and returns the answers that
// the fields take; what they do not take is left out, for the person to type.
func (f *Form) Prefill(have func(key string) string, at time.Time) map[string]string {
	values := map[string]string{}
	for _, field := range f.Fields() {
		if field.Prefill == "" {
			continue
		}
		if v, bad := field.Check(have(field.Prefill), English, at); bad == nil && v != "" {
			values[field.ID] = v
		}
	}
	return values
}

// An Input is how a page asks for a field: attributes of HTML's input element.
type Input struct {
	Element      string // input, textarea, select or checkbox
	Type         string // of an input: text, tel, email; dates are three text inputs or one
	InputMode    string // numeric, decimal, tel, email or nothing
	Autocomplete string // what the browser knows; WCAG 2.1, 1.3.5
	Spellcheck   bool
	MaxLength    int // in characters; HTML counts UTF-16 units, so leave room
}

// Input returns it. A date is a text in the form 2026-11-23 that the page composes.
func (f *Field) Input() Input {
	in := Input{Element: "input", Type: "text", Autocomplete: autocomplete[f.Prefill], MaxLength: 2 * f.Max}
	switch f.Kind {
	case KindMultiline:
		in.Element, in.Type, in.Spellcheck = "textarea", "", true
	case KindChoice:
		return Input{Element: "select"}
	case KindCheckbox:
		return Input{Element: "checkbox"}
	case KindDate:
		in.InputMode = "numeric"
	case KindPhone:
		in.Type, in.InputMode = "tel", "tel"
	case KindEmail:
		in.Type, in.InputMode = "email", "email"
	case KindAmount:
		in.InputMode = "decimal"
	}
	return in
}

var autocomplete = map[string]string{
	"profile.enName": "name", "profile.birthDate": "bday", "profile.gender": "sex",
	"eme.mobileNumber": "tel", "eme.homeTelNumber": "home tel", "eme.officeTelNumber": "work tel",
	"eme.emailAddress": "email", "eme.residentialAddress": "street-address", "eme.postalAddress": "street-address",
}
