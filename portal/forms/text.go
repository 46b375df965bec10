package forms

import "fmt"

// The languages, as in BCP 47.
const (
	English     = "en"
	Traditional = "zh-Hant-HK"
	Simplified  = "zh-Hans"
)

// Languages are all of them, in the order of the language switch.
var Languages = [...]string{English, Traditional, Simplified}

// A Text is one text in three languages.
type Text struct {
	En   string `yaml:"en"`
	Hant string `yaml:"zh-Hant-HK"`
	Hans string `yaml:"zh-Hans"`
}

// In returns the text in a language; one that is unknown gets English.
func (t Text) In(lang string) string {
	switch lang {
	case Traditional:
		return t.Hant
	case Simplified:
		return t.Hans
	}
	return t.En
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t == Text{} }

// whole reports whether the text is there in all languages.
func (t Text) whole() bool { return t.En != "" && t.Hant != "" && t.Hans != "" }

// A pair is the two languages of a document: the one that was chosen, and beside it
// English or Traditional Chinese.
type pair struct{ first, second string }

func pairOf(lang string) (pair, error) {
	switch lang {
	case English:
		return pair{English, Traditional}, nil
	case Traditional, Simplified:
		return pair{lang, English}, nil
	}
	return pair{}, fmt.Errorf("%w: %.20q", ErrLanguage, lang)
}
