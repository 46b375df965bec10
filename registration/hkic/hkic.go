// Package hkic is the Hong Kong identity card: the number with its check digit,
// the data on the card's face (Cap. 177A, schedule 1), and the chip.
//
// The real chip's protocol is not public. The one here is a stand-in behind one
// interface, Chip, and docs/hkic-card.md is its specification: files of ISO/IEC
// 7816-4, signed by their issuer in the manner of ICAO 9303, and a challenge to
// the card's own key, so that a copy is refused.
//
// The package never writes a number anywhere: what prints a Number prints it
// masked, and no error quotes what it refused.
package hkic

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/width"
)

var (
	// ErrNumber says that a text is not a number, or that its check digit is wrong. It never quotes the text.
	ErrNumber = errors.New("not an identity card number")
	// ErrCard says which field of a card's data is missing or impossible. It never quotes the field.
	ErrCard = errors.New("card data refused")
)

// Number is an identity card's number with its check digit. The zero value is
// none; any other was made by Parse and is right.
type Number struct {
	letters string // one or two
	digits  string // six
	check   byte   // '0' to '9', or 'A'
}

// maxNumber bounds what Parse looks at, in bytes: a number in full-width letters with blanks between.
const maxNumber = 64

// Parse reads a number as people write it: "A123456(3)", "a1234563", "AB 987654 (3)", in letters of any width.
func Parse(s string) (Number, error) {
	if len(s) > maxNumber {
		return Number{}, fmt.Errorf("%w: too long", ErrNumber)
	}
	s = strings.ToUpper(strings.Join(strings.Fields(width.Fold.String(s)), ""))
	if head, ok := strings.CutSuffix(s, ")"); ok {
		before, check, found := strings.Cut(head, "(")
		if !found || len(check) != 1 {
			return Number{}, fmt.Errorf("%w: brackets", ErrNumber)
		}
		s = before + check
	}
	if len(s) != 8 && len(s) != 9 {
		return Number{}, fmt.Errorf("%w: one or two letters, six digits and a check digit are wanted", ErrNumber)
	}
	n := Number{letters: s[:len(s)-7], digits: s[len(s)-7 : len(s)-1], check: s[len(s)-1]}
	for _, c := range []byte(n.letters) {
		if c < 'A' || c > 'Z' {
			return Number{}, fmt.Errorf("%w: letters", ErrNumber)
		}
	}
	for _, c := range []byte(n.digits) {
		if c < '0' || c > '9' {
			return Number{}, fmt.Errorf("%w: digits", ErrNumber)
		}
	}
	if n.check != CheckDigit(n.letters, n.digits) {
		return Number{}, fmt.Errorf("%w: check digit", ErrNumber)
	}
	return n, nil
}

// CheckDigit is the check digit for one or two letters A to Z and six digits.
// A letter counts from A = 10, the blank before a single letter 36; weights go
// from 9 down to 2.
func CheckDigit(letters, digits string) byte {
	sum := 0
	if len(letters) == 1 {
		sum = 9 * 36
	}
	for i, c := range []byte(letters + digits) {
		v := int(c - '0')
		if c >= 'A' {
			v = int(c-'A') + 10
		}
		sum += v * (len(letters+digits) - i + 1)
	}
	if check := (11 - sum%11) % 11; check < 10 {
		return '0' + byte(check)
	}
	return 'A'
}

// IsZero reports whether there is no number.
func (n Number) IsZero() bool { return n == Number{} }

// Secret is the number in full, "A123456(3)", for where it must be told: the
// Immigration Department, and its holder's own eyes.
func (n Number) Secret() string {
	if n.IsZero() {
		return ""
	}
	return n.letters + n.digits + "(" + string(n.check) + ")"
}

// Normal is the form for look-up, without check digit and brackets: "A123456".
func (n Number) Normal() string { return n.letters + n.digits }

// String is masked: "A123•••(•)".
func (n Number) String() string {
	if n.IsZero() {
		return ""
	}
	return n.letters + n.digits[:3] + "•••(•)"
}

// GoString is masked too: %#v is for logs as well.
func (n Number) GoString() string { return "hkic.Number{" + n.String() + "}" }

// MarshalText and UnmarshalText carry the number in full; what encodes a Number keeps it secret.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.Secret()), nil }

// UnmarshalText reads a number; the empty text is none.
func (n *Number) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*n = Number{}
		return nil
	}
	parsed, err := Parse(string(b))
	if err == nil {
		*n = parsed
	}
	return err
}
