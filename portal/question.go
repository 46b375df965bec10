package portal

// A question is one field of a form, as the template "question" draws it.
type question struct {
	Name, Label, Hint, Value string
	// Kind is input, textarea, select, radios, checkbox, date or file.
	Kind  string
	Wrong string // what must be put right; empty: nothing
	// Attributes of an input.
	Type, Mode, Autocomplete, Class string
	Spell                           bool
	Max                             int
	Optional                        bool // says so beside the label
	Options                         []choice
	Date                            [3]string // year, month, day as typed
}

// choice is one answer of a select or of radio buttons.
type choice struct{ Key, Label, Hint string }

// summary lists what is wrong, with the field to go to.
func summary(questions []question) []wrong {
	var list []wrong
	for _, q := range questions {
		if q.Wrong == "" {
			continue
		}
		id := q.Name
		switch q.Kind {
		case "date":
			id += "-day" // any of the three
		case "radios":
			id += "-0"
		}
		list = append(list, wrong{ID: id, Text: q.Wrong})
	}
	return list
}

// datePart is one of the three inputs of a date. Index is its place in question.Date.
type datePart struct {
	Name, Label  string
	Width, Index int
}

// dateParts are in the order in which people here write dates.
func dateParts(t *tongue) []datePart {
	year, month, day := datePart{"year", "form.year", 4, 0}, datePart{"month", "form.month", 2, 1}, datePart{"day", "form.day", 2, 2}
	if t.Tag == "en" {
		return []datePart{day, month, year}
	}
	return []datePart{year, month, day}
}
