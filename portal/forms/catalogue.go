package forms

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/width"
)

// A Catalogue is all forms. It is safe for concurrent use.
type Catalogue struct {
	departments []*Department
	forms       []*Form
	index       []indexed // parallel to forms
	faces       *faces
}

// Forms returns all forms by department, then number.
func (c *Catalogue) Forms() []*Form { return slices.Clone(c.forms) }

// Form returns the form of that id, or ErrUnknownForm.
func (c *Catalogue) Form(id string) (*Form, error) {
	for _, f := range c.forms {
		if f.ID == id {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: %.40q", ErrUnknownForm, id)
}

// Departments returns those that have forms, in the order of departments.yaml.
func (c *Catalogue) Departments() []*Department { return slices.Clone(c.departments) }

// Of returns the forms of one department.
func (c *Catalogue) Of(department string) []*Form {
	var found []*Form
	for _, f := range c.forms {
		if f.DepartmentID == department {
			found = append(found, f)
		}
	}
	return found
}

// indexed is a form's words: those of its name, and all of them.
type indexed struct{ title, all string }

// Limits of a search, so that a long query costs no more than a short one.
const (
	maxQuery = 200 // bytes
	maxWords = 10
)

// Search returns the forms in which all the words occur, in any of the three languages
// and in part, those with all of them in the title first. Chinese needs no spaces
// between words. No words find all forms.
func (c *Catalogue) Search(query string) []*Form {
	if len(query) > maxQuery {
		query = strings.ToValidUTF8(query[:maxQuery], "")
	}
	words := strings.Fields(fold(query))
	words = words[:min(len(words), maxWords)]
	var inTitle, elsewhere []*Form
	for i, f := range c.forms {
		switch {
		case containsAll(c.index[i].title, words):
			inTitle = append(inTitle, f)
		case containsAll(c.index[i].all, words):
			elsewhere = append(elsewhere, f)
		}
	}
	return append(inTitle, elsewhere...)
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// fold makes texts alike that differ only in case or in the width of their letters.
func fold(text string) string { return cases.Fold().String(width.Fold.String(text)) }

func newIndexed(f *Form) indexed {
	joined := func(texts ...Text) string {
		var parts []string
		for _, t := range texts {
			parts = append(parts, t.En, t.Hant, t.Hans)
		}
		return fold(strings.Join(parts, "\n"))
	}
	title := joined(f.Title) + "\n" + fold(f.Number)
	all := title + "\n" + joined(f.Purpose, f.Ordinance, f.Department.Name) + "\n" + fold(f.ID+"\n"+strings.Join(f.Keywords, "\n"))
	return indexed{title, all}
}
