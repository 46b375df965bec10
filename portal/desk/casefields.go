package desk

import "chop/registration"

// cardField is one input of the card form.
type cardField struct {
	Name     string
	Required bool
	Hint     bool
	Max      int
}

// CardFields are in the order of the card's face.
func (v *view) CardFields() []cardField {
	return []cardField{
		{"number", true, true, 20}, {"surname", true, false, 40}, {"given", false, false, 40}, {"chinese", false, false, 24},
		{"codes", false, true, 40}, {"birth", true, true, 10}, {"gender", false, false, 1}, {"issued", true, true, 8},
		{"first", false, true, 5}, {"symbols", false, true, 20}, {"phone", false, false, 30}, {"email", false, false, 200}, {"language", false, false, 12},
	}
}

// Steps are a case's, as the list names them.
func (v *view) Steps() []string {
	return []string{"step-card", "step-second", "step-immigration", "step-phone", "step-key"}
}

// Passed is how many of the steps are behind.
func (c *caseView) Passed() int { return c.Step - 1 }

// Open reports whether the case can still be cancelled at the desk.
func (c *caseView) Open() bool {
	switch c.State {
	case registration.Done, registration.Refused, registration.Ended, registration.Made, registration.Issued:
		return false
	}
	return true
}
