package forms

import (
	"fmt"
	"strings"
)

// A FieldError says what is wrong with the answer to one field.
type FieldError struct {
	Field string // its ID
	// Key names the kind of error for programs: required, tooLong, tooManyLines,
	// character, pattern, date, past, future, choice, tick, hkid, phone, email, amount,
	// tooSmall, tooLarge, chineseName.
	Key string
	// Message is for the person, in the language asked for. It names no value.
	Message string
}

// FieldErrors is the error of Fill and Check for answers that the form does not take,
// in the order of the form.
type FieldErrors struct{ Errors []FieldError }

// Error lists fields and keys. It never has what was typed.
func (e *FieldErrors) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d answers are not accepted:", len(e.Errors))
	for _, f := range e.Errors {
		fmt.Fprintf(&b, " %s (%s)", f.Field, f.Key)
	}
	return b.String()
}

// Message returns the message of a field, or nothing.
func (e *FieldErrors) Message(field string) string {
	for _, f := range e.Errors {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}
