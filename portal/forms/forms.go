// Package forms is a catalogue of statutory forms as data, and the drawing of them:
// as bilingual A4 PDFs with the fields of an AcroForm (ISO 32000-1, 12.7) and an empty
// signature field, blank or filled in. It also draws the receipt of a signing.
//
// A form is one commented YAML file in catalogue/; docs/forms.md says how to add one.
// The departments are real ones, the forms and their numbers are made up, and none is
// of a kind that Schedule 1 of the Electronic Transactions Ordinance (Cap. 553) leaves
// out of electronic signing: wills, powers of attorney, oaths, statutory declarations,
// land documents and the like.
//
// The package signs nothing, keeps nothing and knows no HTTP. What people type is in
// the PDF that is returned and nowhere else: no error text carries a value.
package forms

import (
	"embed"
	"errors"
)

//go:embed catalogue
var catalogueFiles embed.FS

var (
	// ErrUnknownForm is for a form's id that the catalogue does not have.
	ErrUnknownForm = errors.New("no such form")
	// ErrUnknownField is for a value whose field the form does not have.
	ErrUnknownField = errors.New("no such field in this form")
	// ErrLanguage is for a language that is not one of Languages.
	ErrLanguage = errors.New("no such language")
	// ErrCatalogue is for a form file that breaks a rule of this package.
	ErrCatalogue = errors.New("invalid form catalogue")
	// ErrFont is for a font that is missing or of no use.
	ErrFont = errors.New("font cannot be used")
	// ErrDraw is for a text that cannot be placed. Load refuses forms that could
	// cause it; it is left for receipts with absurd data.
	ErrDraw = errors.New("cannot be drawn")
)

// SignatureField is the name of the one signature field of every form.
const SignatureField = "Signature"

// A Department is who asks for forms.
type Department struct {
	ID   string `yaml:"id"`
	Name Text   `yaml:"name"`
}

// A Form is one statutory form. Nothing in it may be changed: it is shared.
type Form struct {
	// ID names the form in URLs: lower-case letters, digits and hyphens.
	ID string `yaml:"id"`
	// Number is what is printed as the form's number, Revision its edition.
	Number   string `yaml:"number"`
	Revision string `yaml:"revision"`
	// Department is filled in by Load from DepartmentID.
	DepartmentID string      `yaml:"department"`
	Department   *Department `yaml:"-"`

	Title Text `yaml:"title"`
	// Purpose says in one or two sentences who asks, and why.
	Purpose Text `yaml:"purpose"`
	// Ordinance is the law under which the form is made.
	Ordinance Text `yaml:"ordinance"`
	// Keywords are further words by which people search, in any language.
	Keywords []string `yaml:"keywords"`

	Sections []*Section `yaml:"sections"`
	// Declaration is what the signature says. It stands right above the signature.
	Declaration Text      `yaml:"declaration"`
	Signature   Signature `yaml:"signature"`

	faces *faces
}

// A Section is a group of fields under a heading.
type Section struct {
	Title Text `yaml:"title"`
	// Intro is an optional sentence below the heading.
	Intro  Text     `yaml:"intro"`
	Fields []*Field `yaml:"fields"`
}

// A Signature is the place of the signature field, below the declaration.
type Signature struct {
	// Label says who signs.
	Label Text `yaml:"label"`
	// Align is where the box stands: left (the default) or right.
	Align string `yaml:"align"`
	// Width and Height of the box in points; 0 means 300 by 84.
	Width  float64 `yaml:"width"`
	Height float64 `yaml:"height"`
}

// A Kind is what a field takes.
type Kind string

// The kinds of fields. Field.Check says how each is written.
const (
	KindText        Kind = "text"
	KindMultiline   Kind = "multiline"
	KindDate        Kind = "date"
	KindChoice      Kind = "choice"
	KindCheckbox    Kind = "checkbox"
	KindHKID        Kind = "hkid"
	KindPhone       Kind = "phone"
	KindEmail       Kind = "email"
	KindAmount      Kind = "amount"
	KindChineseName Kind = "chinese-name"
)

// A Field is one question of a form.
type Field struct {
	// ID is the field's name in Fill's values and in the PDF: a letter, then letters
	// and digits.
	ID string `yaml:"id"`
	// Use takes the field of that name from common.yaml; what else is written
	// overrides its parts.
	Use  string `yaml:"use"`
	Kind Kind   `yaml:"kind"`

	Label Text `yaml:"label"`
	// Help is an optional sentence that tells how to answer.
	Help Text `yaml:"help"`
	// Error replaces the usual message when Pattern does not match.
	Error Text `yaml:"error"`

	// Required must be answered; a required checkbox must be ticked.
	Required bool `yaml:"required"`
	// Optional undoes the Required of a common field.
	Optional bool `yaml:"optional"`
	// Max is the most characters; 0 means the kind's own.
	Max int `yaml:"max"`
	// Pattern is a regular expression (RE2) that the whole answer must match.
	Pattern string `yaml:"pattern"`
	// Options of a choice, in the order shown.
	Options []*Option `yaml:"options"`
	// When bounds a date by the day of filling in: past, future (both with today), or
	// empty.
	When string `yaml:"when"`
	// Least and Most bound an amount, in whole dollars; Most 0 means 1,000,000,000.
	Least int64 `yaml:"least"`
	Most  int64 `yaml:"most"`

	// Columns is the width on paper in sixths of the line: 2, 3, 4 or 6 (the default).
	Columns int `yaml:"columns"`
	// Lines is the height of an empty multi-line box; 0 means 3.
	Lines int `yaml:"lines"`
	// Prefill names what the resident's profile or stored data may fill in; see
	// PrefillKeys. "none" undoes that of a common field.
	Prefill string `yaml:"prefill"`

	pattern matcher
	faces   *faces
}

// An Option is one answer of a choice.
type Option struct {
	Key   string `yaml:"key"`
	Label Text   `yaml:"label"`
}
