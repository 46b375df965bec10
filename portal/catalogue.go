package portal

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"chop/portal/forms"
	"chop/registration"
)

// shelf is a department with its forms.
type shelf struct {
	Department *forms.Department
	Forms      []*forms.Form
}

// catalogue lists the forms by department, or those that a search finds.
func (p *Portal) catalogue(w http.ResponseWriter, r *http.Request, v *visit) error {
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(query) > 200 {
		query = ""
	}
	found := p.cfg.Forms.Search(query)
	var shelves []shelf
	for _, d := range p.cfg.Forms.Departments() {
		s := shelf{Department: d}
		for _, f := range found {
			if f.DepartmentID == d.ID {
				s.Forms = append(s.Forms, f)
			}
		}
		if len(s.Forms) > 0 {
			shelves = append(shelves, s)
		}
	}
	return p.show(w, r, v, http.StatusOK, "forms", view{D: map[string]any{"Shelves": shelves, "Query": query, "Count": len(found)}})
}

// part is a section of a form, as questions.
type part struct {
	Title, Intro string
	Questions    []question
}

// form is the page of one: empty, with the answers of a draft that is changed, with what
// was typed before the language was switched, or filled in from the account on request.
func (p *Portal) form(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.cfg.Forms.Form(r.PathValue("form"))
	if errors.Is(err, forms.ErrUnknownForm) {
		return refuse(http.StatusNotFound, "error.missing")
	}
	if err != nil {
		return err
	}
	typed, values, draftID := map[string]string{}, map[string]string{}, ""
	if v.kept != nil {
		typed, draftID = typedDates(f, v), v.kept.Get("draft")
		for _, field := range f.Fields() {
			values[field.ID] = v.kept.Get(field.ID)
		}
	} else if id := r.URL.Query().Get("draft"); id != "" {
		it, _, err := p.openDraft(r, v.Account.ID, id)
		if err != nil {
			return err
		}
		if it != nil && it.Form == f.ID {
			values, draftID = it.Values, id
		}
	}
	return p.drawForm(w, r, v, f, draftID, values, typed, nil, false)
}

// typedDates are the three parts of each date, as they were typed.
func typedDates(f *forms.Form, v *visit) map[string]string {
	typed := map[string]string{}
	for _, field := range f.Fields() {
		if field.Kind == forms.KindDate {
			for _, part := range []string{"-year", "-month", "-day"} {
				typed[field.ID+part] = v.kept.Get(field.ID + part)
			}
		}
	}
	return typed
}

func (p *Portal) drawForm(w http.ResponseWriter, r *http.Request, v *visit, f *forms.Form, draftID string, values, typed map[string]string, bad *forms.FieldErrors, filled bool) error {
	var parts []part
	var all []question
	for _, s := range f.Sections {
		pt := part{Title: s.Title.In(v.Lang.Tag), Intro: s.Intro.In(v.Lang.Tag)}
		for _, field := range s.Fields {
			q := p.ask(field, v, values[field.ID], typed)
			if bad != nil {
				q.Wrong = bad.Message(field.ID)
			}
			pt.Questions = append(pt.Questions, q)
			if q.Wrong != "" { // the list of what is wrong names the question
				q.Wrong = p.words.in(v.Lang)("form.wrong.at", "Label", q.Label, "Wrong", q.Wrong)
			}
			all = append(all, q)
		}
		parts = append(parts, pt)
	}
	status := http.StatusOK
	if bad != nil {
		status = http.StatusUnprocessableEntity
	}
	prefills := false
	for _, field := range f.Fields() {
		prefills = prefills || field.Prefill != ""
	}
	return p.show(w, r, v, status, "form", view{Form: true, Wrong: summary(all), D: map[string]any{
		"Form": f, "Parts": parts, "Draft": draftID, "Prefills": prefills, "Filled": filled,
		"Lite": v.Account.Kind != registration.Full,
	}})
}

// ask is a field as a question.
func (p *Portal) ask(f *forms.Field, v *visit, value string, typed map[string]string) question {
	in := f.Input()
	q := question{
		Name: f.ID, Kind: in.Element, Label: f.Label.In(v.Lang.Tag), Hint: f.Help.In(v.Lang.Tag), Value: value,
		Type: in.Type, Mode: in.InputMode, Autocomplete: in.Autocomplete, Spell: in.Spellcheck, Max: in.MaxLength,
		Optional: !f.Required && f.Kind != forms.KindCheckbox,
	}
	if f.Max > 0 && f.Max <= 20 {
		q.Class = "govuk-input--width-20"
	}
	switch f.Kind {
	case forms.KindDate:
		q.Kind = "date"
		if parts := strings.Split(value, "-"); len(parts) == 3 {
			q.Date = [3]string{parts[0], strings.TrimLeft(parts[1], "0"), strings.TrimLeft(parts[2], "0")}
		}
		if typed[f.ID+"-year"]+typed[f.ID+"-month"]+typed[f.ID+"-day"] != "" {
			q.Date = [3]string{typed[f.ID+"-year"], typed[f.ID+"-month"], typed[f.ID+"-day"]}
		}
		if q.Hint == "" {
			q.Hint = p.words.in(v.Lang)("form.date.hint")
		}
	case forms.KindChoice:
		if len(f.Options) <= 6 {
			q.Kind = "radios"
		}
		for _, o := range f.Options {
			q.Options = append(q.Options, choice{Key: o.Key, Label: o.Label.In(v.Lang.Tag)})
		}
	case forms.KindCheckbox:
		q.Kind = "checkbox"
		if value == "true" {
			q.Value = "yes"
		}
	case forms.KindHKID, forms.KindPhone, forms.KindAmount:
		q.Class = "govuk-input--width-20"
	}
	return q
}

// takeForm checks the answers and puts the form among what is to be signed, or fills in
// what the account holds.
func (p *Portal) takeForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := p.cfg.Forms.Form(r.PathValue("form"))
	if errors.Is(err, forms.ErrUnknownForm) {
		return refuse(http.StatusNotFound, "error.missing")
	}
	if err != nil {
		return err
	}
	v.kept = r.PostForm
	now, values, typed, draftID := p.cfg.Now(), map[string]string{}, typedDates(f, v), r.PostForm.Get("draft")
	for _, field := range f.Fields() {
		values[field.ID] = r.PostForm.Get(field.ID)
		if field.Kind == forms.KindDate {
			values[field.ID] = composeDate(typed[field.ID+"-year"], typed[field.ID+"-month"], typed[field.ID+"-day"])
		}
		if field.Kind == forms.KindCheckbox && values[field.ID] == "yes" {
			values[field.ID] = "true"
		}
	}
	if r.PostForm.Get("prefill") != "" {
		have, err := p.prefill(r, v, f, now)
		if err != nil {
			return err
		}
		for id, value := range have { // what was typed stays
			if values[id] == "" {
				values[id] = value
			}
		}
		return p.drawForm(w, r, v, f, draftID, values, typed, nil, true)
	}
	kept, err := f.Check(values, v.Lang.Tag, now)
	var bad *forms.FieldErrors
	if errors.As(err, &bad) {
		return p.drawForm(w, r, v, f, draftID, values, typed, bad, false)
	}
	if err != nil {
		return err
	}
	a := about{Name: f.Title.In(v.Lang.Tag), Form: f.ID, Lang: v.Lang.Tag, Values: maps.Clone(kept), At: now}
	changed, err := p.replaceForm(w, r, v.Account.ID, draftID, a)
	if err != nil {
		return err
	}
	if !changed {
		if err := p.addDraft(w, r, v.Account.ID, a, nil); err != nil {
			return err
		}
	}
	return redirect(w, r, "/to-sign")
}

// composeDate makes the one text that a field takes; anything odd stays odd, for the
// field to refuse.
func composeDate(year, month, day string) string {
	year, month, day = strings.TrimSpace(year), strings.TrimSpace(month), strings.TrimSpace(day)
	if year == "" && month == "" && day == "" {
		return ""
	}
	m, errM := strconv.Atoi(month)
	d, errD := strconv.Atoi(day)
	if errM != nil || errD != nil || len(year) != 4 {
		return "?"
	}
	return fmt.Sprintf("%s-%02d-%02d", year, m, d)
}

// prefill is what the account holds for a form, for this page only.
func (p *Portal) prefill(r *http.Request, v *visit, f *forms.Form, now time.Time) (map[string]string, error) {
	data, err := p.cfg.Accounts.Data(r.Context(), registration.Resident(v.Account.ID), v.Account.ID)
	if err != nil {
		return nil, err
	}
	card := data.Card
	have := map[string]string{
		"profile.enName": card.EnglishName(), "profile.chName": card.ChineseName, "profile.hkid": card.Number.Secret(),
		"profile.gender": card.Gender, "eme.mobileNumber": data.Contact.Phone, "eme.emailAddress": data.Contact.Email,
	}
	if card.Birth.Whole() {
		have["profile.birthDate"] = card.Birth.String()
	}
	return f.Prefill(func(key string) string { return have[key] }, now), nil
}
