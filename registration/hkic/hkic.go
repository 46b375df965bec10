// Package hkic is the Hong Kong identity card as a person reads it: the number
// with its check digit, and the data on the card's face.
//
// It knows nothing of the card's chip, and never writes a number anywhere: a
// Number's String is masked.
package hkic

import "errors"

// Number is an identity card's number with its check digit; the zero value is none.
type Number struct {
	prefix string // one or two letters
	digits string // six
	check  byte   // '0' to '9', or 'A'
}

var (
	// ErrNumber says that a text is not a number, or its check digit is wrong. It never quotes the text.
	ErrNumber = errors.New("not an identity card number")
	// ErrCard says that a card's data are incomplete or impossible, and which field it is.
	ErrCard = errors.New("card data refused")
)

// Card is what the face of a card says.
type Card struct {
	Number      Number
	Surname     string // as printed before the comma
	GivenNames  string // as printed after it; may be absent
	ChineseName string // up to six characters; may be absent
	Birth       Date
	Gender      string // "M", "F", or "" on cards that do not say
	IssuedAt    Date   // of this card
	FirstIssue  string // month of first registration, "MM-YY"; may be absent
	Symbols     string // printed symbols, such as "***AZ"
}

// Date may lack its day, or day and month: 1957-00-00.
type Date struct{ Year, Month, Day int }
