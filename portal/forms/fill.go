package forms

import "time"

// Blank draws the form with empty fields, to be filled in by hand or in a reader of PDF.
func (f *Form) Blank(lang string, at time.Time) ([]byte, error) { return f.draw(nil, lang, at) }

// Fill checks the answers and draws the form with them. at is the time of filling in.
// Errors are those of Check. The same arguments give the same bytes.
func (f *Form) Fill(values map[string]string, lang string, at time.Time) ([]byte, error) {
	kept, err := f.Check(values, lang, at)
	if err != nil {
		return nil, err
	}
	return f.draw(kept, lang, at)
}
