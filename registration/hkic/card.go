package hkic

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// YoungestAge is from when residents register.
const YoungestAge = 11

// Card is what the face of a card says.
type Card struct {
	Number          Number `json:"number"`
	Surname         string `json:"surname"`         // as printed before the comma
	GivenNames      string `json:"givenNames"`      // as printed after it; may be absent
	ChineseName     string `json:"chineseName"`     // up to six characters; may be absent
	CommercialCodes string `json:"commercialCodes"` // four digits a character, "7115 1129 2429"; may be absent
	Birth           Date   `json:"birth"`           // may be partial
	Gender          string `json:"gender"`          // "M", "F", or "" where the card does not say
	Issued          Date   `json:"issued"`          // date of issue of this card
	FirstIssued     string `json:"firstIssued"`     // month of first registration, "(MM-YY)" without brackets; may be absent
	Symbols         string `json:"symbols"`         // as printed: "***AZ"
}

// Check puts a card keyed in by a person into its normal form (NFC, single
// blanks, upper-case symbols) and refuses what no card says. The error names
// the field, and the person sees it; it quotes nothing.
func (c Card) Check(now time.Time) (Card, error) {
	if c.Number.IsZero() {
		return c, fmt.Errorf("%w: number is missing", ErrCard)
	}
	for _, f := range []struct {
		name  string
		value *string
		check func(string) bool
	}{
		{"surname", &c.Surname, latinName},
		{"given names", &c.GivenNames, func(s string) bool { return s == "" || latinName(s) }},
		{"Chinese name", &c.ChineseName, chineseName},
		{"commercial codes", &c.CommercialCodes, codesForm.MatchString},
		{"gender", &c.Gender, func(s string) bool { return s == "" || s == "M" || s == "F" }},
		{"month of first registration", &c.FirstIssued, func(s string) bool { return s == "" || monthForm.MatchString(s) }},
		{"symbols", &c.Symbols, symbolsForm.MatchString},
	} {
		if !utf8.ValidString(*f.value) {
			return c, fmt.Errorf("%w: %s", ErrCard, f.name)
		}
		*f.value = strings.Join(strings.Fields(norm.NFC.String(*f.value)), " ")
		if f.name == "symbols" || f.name == "gender" {
			*f.value = strings.ToUpper(*f.value)
		}
		if !f.check(*f.value) {
			return c, fmt.Errorf("%w: %s", ErrCard, f.name)
		}
	}
	if n := len(strings.Fields(c.CommercialCodes)); n > 0 && n != utf8.RuneCountInString(c.ChineseName) {
		return c, fmt.Errorf("%w: commercial codes are one a character of the Chinese name", ErrCard)
	}
	today := Today(now)
	switch {
	case c.Birth.IsZero() || c.Birth.check() != nil || today.Before(c.Birth) || today.Year-c.Birth.Year > 150:
		return c, fmt.Errorf("%w: date of birth", ErrCard)
	case !c.Issued.Whole() || c.Issued.check() != nil || today.Before(c.Issued) || c.Issued.Before(c.Birth):
		return c, fmt.Errorf("%w: date of issue", ErrCard)
	}
	return c, nil
}

var (
	codesForm = regexp.MustCompile(`^([0-9]{4}( [0-9]{4}){0,5})?$`)
	monthForm = regexp.MustCompile(`^(0[1-9]|1[0-2])-[0-9]{2}$`)
	// The printed symbols: asterisks for the re-entry permit, then letters.
	symbolsForm = regexp.MustCompile(`^(\*\*\*|\*)?(A|R|C|U|Z|X|W|O|B|N|L1)*$`)
	latinForm   = regexp.MustCompile(`^[A-Za-z]['A-Za-z .-]*$`)
)

// maxPart bounds surname and given names, in characters.
const maxPart = 40

func latinName(s string) bool { return len(s) <= maxPart && latinForm.MatchString(s) }

// chineseName takes up to six ideographs, in and beyond the BMP (HKSCS). Private
// use characters of old HKSCS encodings are refused: they mean nothing to anybody else.
func chineseName(s string) bool {
	n := 0
	for _, r := range s {
		if !unicode.Is(unicode.Han, r) || !unicode.Is(unicode.Lo, r) {
			return false
		}
		n++
	}
	return n <= 6
}

// EnglishName is the name as printed: "CHAN, Tai Man".
func (c Card) EnglishName() string {
	if c.GivenNames == "" {
		return c.Surname
	}
	return c.Surname + ", " + c.GivenNames
}

// SplitName reads a name as printed, "CHAN, Tai Man": at the first comma.
func SplitName(s string) (surname, given string) {
	surname, given, _ = strings.Cut(s, ",")
	return strings.TrimSpace(surname), strings.TrimSpace(given)
}

// maxCommonName is the upper bound of a common name (RFC 5280, appendix A.1).
const maxCommonName = 64

// CommonName is the name for a certificate: as printed, and where that is longer
// than a common name may be, without the given names at its end that do not fit.
func (c Card) CommonName() string {
	name := c.EnglishName()
	for len(name) > maxCommonName {
		i := strings.LastIndexAny(name, " ")
		if i < 0 {
			return name[:maxCommonName]
		}
		name = strings.TrimRight(name[:i], " ,")
	}
	return name
}

// OldEnough reports whether the holder has certainly reached the age from which residents register.
func (c Card) OldEnough(now time.Time) bool { return c.Birth.AgeAt(now) >= YoungestAge }
