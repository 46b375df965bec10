package forms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	idPattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)
	fieldPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9]{0,39}$`)
)

// What a form may have. The drawing relies on it: within these no answer overflows.
const (
	maxSections   = 12
	maxFields     = 60
	maxOptions    = 40
	maxShort      = 200  // characters of a title or a label
	maxLong       = 1200 // characters of a purpose, a help, a declaration
	maxSingleLine = 200  // characters of a single-line answer
	maxMultiline  = 1500 // of a multi-line answer
	maxLines      = 40   // lines of a multi-line answer
)

// matcher matches a whole answer.
type matcher struct{ re *regexp.Regexp }

func (m matcher) match(s string) bool { return m.re == nil || m.re.MatchString(s) }

func (f *Form) validate() error {
	switch {
	case !idPattern.MatchString(f.ID):
		return fmt.Errorf("id %.50q", f.ID)
	case f.Department == nil:
		return fmt.Errorf("no department %.50q in %s", f.DepartmentID, departmentsFile)
	case f.Number == "" || len(f.Number) > 20 || f.Revision == "" || len(f.Revision) > 20:
		return fmt.Errorf("number %.30q, revision %.30q: both are needed, at most 20 characters", f.Number, f.Revision)
	case len(f.Sections) == 0 || len(f.Sections) > maxSections:
		return fmt.Errorf("%d sections, must be 1 to %d", len(f.Sections), maxSections)
	}
	if err := f.faces.check(f.Number+f.Revision, false); err != nil {
		return fmt.Errorf("number or revision: %w", err)
	}
	if err := f.validateTexts(); err != nil {
		return err
	}
	seen := map[string]bool{SignatureField: true}
	for i, s := range f.Sections {
		if err := f.faces.need(s.Title, maxShort); err != nil {
			return fmt.Errorf("title of section %d: %w", i+1, err)
		}
		if err := f.faces.allow(s.Intro, maxLong); err != nil {
			return fmt.Errorf("intro of section %d: %w", i+1, err)
		}
		if len(s.Fields) == 0 {
			return fmt.Errorf("section %d has no fields", i+1)
		}
		for _, field := range s.Fields {
			if !fieldPattern.MatchString(field.ID) || seen[field.ID] {
				return fmt.Errorf("field id %.50q is malformed or used twice", field.ID)
			}
			if seen[field.ID] = true; len(seen) > maxFields+1 {
				return fmt.Errorf("more than %d fields", maxFields)
			}
			if err := field.validate(); err != nil {
				return fmt.Errorf("field %q: %w", field.ID, err)
			}
		}
	}
	return nil
}

func (f *Form) validateTexts() error {
	for _, t := range []struct {
		what string
		text Text
		max  int
	}{
		{"department's name", f.Department.Name, maxShort}, {"title", f.Title, maxShort}, {"purpose", f.Purpose, maxLong},
		{"ordinance", f.Ordinance, maxShort}, {"declaration", f.Declaration, maxLong}, {"signature's label", f.Signature.Label, maxShort},
	} {
		if err := f.faces.need(t.text, t.max); err != nil {
			return fmt.Errorf("%s: %w", t.what, err)
		}
	}
	s := &f.Signature
	if s.Align == "" {
		s.Align = "left"
	}
	if s.Width == 0 {
		s.Width = 300
	}
	if s.Height == 0 {
		s.Height = 84
	}
	if s.Align != "left" && s.Align != "right" {
		return fmt.Errorf("signature's align %.20q, must be left or right", s.Align)
	}
	// Below this the appearance of a signature would be too small to be read.
	if !(s.Width >= 200 && s.Width <= bodyWidth && s.Height >= 60 && s.Height <= 160) {
		return fmt.Errorf("signature of %g by %g points, must be 200 to %g by 60 to 160", s.Width, s.Height, bodyWidth)
	}
	return nil
}

func (f *faces) need(t Text, most int) error {
	if !t.whole() {
		return fmt.Errorf("not there in all of %s, %s and %s", English, Traditional, Simplified)
	}
	return f.allow(t, most)
}

func (f *faces) allow(t Text, most int) error {
	if t.IsZero() {
		return nil
	}
	if !t.whole() {
		return fmt.Errorf("not there in all of %s, %s and %s", English, Traditional, Simplified)
	}
	for _, lang := range Languages {
		s := t.In(lang)
		if n := utf8.RuneCountInString(s); n > most {
			return fmt.Errorf("%s: %d characters, at most %d", lang, n, most)
		}
		if s != strings.TrimSpace(s) {
			return fmt.Errorf("%s: white space at an end", lang)
		}
		if err := f.check(s, false); err != nil {
			return fmt.Errorf("%s: %w", lang, err)
		}
	}
	return nil
}

var kinds = []Kind{KindText, KindMultiline, KindDate, KindChoice, KindCheckbox, KindHKID, KindPhone, KindEmail, KindAmount, KindChineseName}

// validate checks a field, and fills in what is left to the kind.
func (f *Field) validate() error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("kind %.20q", f.Kind)
	}
	labelMax := maxShort
	if f.Kind == KindCheckbox {
		labelMax = maxLong // a statement to be ticked
	}
	if err := f.faces.need(f.Label, labelMax); err != nil {
		return fmt.Errorf("label: %w", err)
	}
	for what, t := range map[string]Text{"help": f.Help, "error": f.Error} {
		if err := f.faces.allow(t, maxLong); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if f.Optional {
		f.Required, f.Optional = false, false
	}
	if f.Columns == 0 {
		f.Columns = gridColumns
	}
	if !slices.Contains([]int{2, 3, 4, gridColumns}, f.Columns) {
		return fmt.Errorf("%d columns, must be 2, 3, 4 or %d", f.Columns, gridColumns)
	}
	if f.Prefill == "none" {
		f.Prefill = ""
	}
	if f.Prefill != "" && !slices.Contains(PrefillKeys, f.Prefill) {
		return fmt.Errorf("no prefill key %.40q", f.Prefill)
	}
	if f.When != "" && (f.Kind != KindDate || f.When != "past" && f.When != "future") {
		return fmt.Errorf("when %.20q: only a date has it, past or future", f.When)
	}
	if (f.Least != 0 || f.Most != 0) && f.Kind != KindAmount || f.Least < 0 || f.Most < 0 || f.Most > maxAmount {
		return fmt.Errorf("least or most: only an amount has them, 0 to %d", maxAmount)
	}
	if f.Kind == KindAmount && f.Most == 0 {
		f.Most = maxAmount
	}
	if f.Kind == KindAmount && f.Least > f.Most {
		return fmt.Errorf("least %d is more than most %d", f.Least, f.Most)
	}
	if err := f.validateLength(); err != nil {
		return err
	}
	return f.validateOptions()
}

func (f *Field) validateLength() error {
	limit, usual := maxSingleLine, 80
	switch f.Kind {
	case KindMultiline:
		limit, usual = maxMultiline, 500
		if f.Lines == 0 {
			f.Lines = 3
		}
		if f.Lines < 2 || f.Lines > 12 || f.Columns != gridColumns {
			return fmt.Errorf("%d lines on %d columns; must be 2 to 12, over the whole width", f.Lines, f.Columns)
		}
	case KindChineseName:
		limit, usual = 12, 6 // an identity card has up to six characters
	case KindText:
	default:
		if f.Max != 0 {
			return fmt.Errorf("a %s has its own length", f.Kind)
		}
		usual = 100
	}
	if f.Lines != 0 && f.Kind != KindMultiline {
		return fmt.Errorf("lines: only a multiline has them")
	}
	if f.Max == 0 {
		f.Max = usual
	}
	if f.Max < 1 || f.Max > limit {
		return fmt.Errorf("max %d, must be 1 to %d", f.Max, limit)
	}
	if f.Pattern == "" {
		return nil
	}
	if f.Kind != KindText || len(f.Pattern) > 200 {
		return fmt.Errorf("pattern: only a text has one, of at most 200 bytes")
	}
	re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	f.pattern = matcher{re}
	return nil
}

func (f *Field) validateOptions() error {
	if f.Kind != KindChoice {
		if len(f.Options) > 0 {
			return fmt.Errorf("options: only a choice has them")
		}
		return nil
	}
	if len(f.Options) < 2 || len(f.Options) > maxOptions {
		return fmt.Errorf("%d options, must be 2 to %d", len(f.Options), maxOptions)
	}
	seen := map[string]bool{}
	for _, o := range f.Options {
		if o == nil || !idPattern.MatchString(o.Key) && !regexp.MustCompile(`^[0-9]{1,4}$`).MatchString(o.Key) || seen[o.Key] {
			return fmt.Errorf("an option's key is malformed or used twice")
		}
		seen[o.Key] = true
		if err := f.faces.need(o.Label, 80); err != nil {
			return fmt.Errorf("option %q: %w", o.Key, err)
		}
	}
	return nil
}
