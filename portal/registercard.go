package portal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"chop/registration"
	"chop/registration/hkic"
)

// maxPhoto bounds a photo of a card, in bytes, as a phone's camera makes it.
const maxPhoto = 8 << 20

// pictureWords say what was wrong with a picture.
var pictureWords = []struct {
	err error
	key string
}{
	{registration.ErrNoFace, "register.said.no-portrait"}, {registration.ErrManyFaces, "register.said.many-faces"},
	{registration.ErrSmallFace, "register.said.small-card"}, {registration.ErrDark, "register.said.dark"},
	{registration.ErrPicture, "register.said.picture"},
}

// photoPage asks for the photo of the card: by the camera, or from a file where there is no camera for a page.
func (p *Portal) photoPage(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	return p.photoForm(w, r, v, c, "")
}

func (p *Portal) photoForm(w http.ResponseWriter, r *http.Request, v *visit, c *registration.RemoteCase, bad string) error {
	status := http.StatusOK
	var list []wrong
	if bad != "" {
		status, list = http.StatusUnprocessableEntity, []wrong{{ID: "photo", Text: bad}}
	}
	return p.showStep(w, r, v, status, "photo", c, view{Wrong: list}, map[string]any{"Bad": bad})
}

// takePhoto takes the photo. It stays in memory, here and in the case.
func (p *Portal) takePhoto(w http.ResponseWriter, r *http.Request, v *visit, secret string, c *registration.RemoteCase) error {
	bad, err := p.photo(r, secret)
	switch {
	case err != nil:
		return err
	case r.Header.Get("Accept") == "application/json" && bad != "":
		return writeJSON(w, map[string]string{"said": p.words.in(v.Lang)(bad)})
	case r.Header.Get("Accept") == "application/json":
		return writeJSON(w, map[string]string{"next": "/register/card"})
	case bad != "":
		return p.photoForm(w, r, v, c, p.words.in(v.Lang)(bad))
	}
	return redirect(w, r, "/register/card")
}

// photo hands the photo on. bad is the text for one that cannot be used.
func (p *Portal) photo(r *http.Request, secret string) (bad string, err error) {
	if err := parseForm(r); err != nil {
		return "", err
	}
	file, head, err := r.FormFile("photo")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) || err == nil && head.Size > maxPhoto {
		return "register.said.picture", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	picture, err := io.ReadAll(io.LimitReader(file, maxPhoto))
	if err != nil {
		return "", err
	}
	defer clear(picture)
	_, err = p.cfg.Remote.RemotePhoto(r.Context(), secret, picture)
	for _, w := range pictureWords {
		if errors.Is(err, w.err) {
			return w.key, nil
		}
	}
	return "", err
}

// cardPage shows what was read from the photo, for the person to compare with the card.
func (p *Portal) cardPage(w http.ResponseWriter, r *http.Request, v *visit, secret string, c *registration.RemoteCase) error {
	typed, err := p.cfg.Remote.RemoteCard(r.Context(), secret)
	if err != nil {
		return err
	}
	if v.kept != nil {
		typed = cardText(r)
	}
	return p.cardForm(w, r, v, c, typed, nil)
}

// cardText reads the form as it was typed.
func cardText(r *http.Request) registration.CardText {
	field := func(name string) string { return strings.Join(strings.Fields(r.PostForm.Get(name)), " ") }
	return registration.CardText{
		Number: field("number"), Surname: field("surname"), GivenNames: field("given"), ChineseName: field("chinese"), Gender: field("gender"),
		Birth: dateText(field("birth-year"), field("birth-month"), field("birth-day")), Issued: dateText(field("issued-year"), field("issued-month"), field("issued-day")),
	}
}

// dateText joins the three parts of a date; what is left out is 00, as on a card that does not know it.
func dateText(parts ...string) string {
	for i, s := range parts {
		width := 2
		if i == 0 {
			width = 4
		}
		if n, err := strconv.Atoi(s); err == nil && n >= 0 {
			parts[i] = fmt.Sprintf("%0*d", width, n)
		} else if s == "" {
			parts[i] = strings.Repeat("0", width)
		}
	}
	return strings.Join(parts, "-")
}

// dateParts3 takes it apart again, without the zeros of what is not known.
func dateParts3(s string) (out [3]string) {
	for i, part := range strings.SplitN(s, "-", 3) {
		if out[i] = part; strings.Trim(part, "0") == "" {
			out[i] = ""
		} else if i > 0 {
			out[i] = strings.TrimLeft(part, "0")
		}
	}
	return out
}

func (p *Portal) cardForm(w http.ResponseWriter, r *http.Request, v *visit, c *registration.RemoteCase, t registration.CardText, bad map[string]bool) error {
	say := p.words.in(v.Lang)
	text := func(name, value, class string, most int, spell bool) question {
		return question{Name: name, Kind: "input", Type: "text", Label: say("register.field." + name), Hint: say("register.hint." + name), Value: value, Max: most, Class: class, Autocomplete: "off", Spell: spell}
	}
	list := []question{
		text("number", t.Number, "govuk-input--width-10", 20, false),
		text("surname", t.Surname, "", 40, false),
		text("given", t.GivenNames, "", 40, false),
		text("chinese", t.ChineseName, "govuk-input--width-10", 6, false),
		{Name: "birth", Kind: "date", Label: say("register.field.birth"), Hint: say("register.hint.birth"), Date: dateParts3(t.Birth)},
		{Name: "gender", Kind: "radios", Label: say("register.field.gender"), Value: t.Gender, Options: []choice{
			{Key: "M", Label: say("register.gender.m")}, {Key: "F", Label: say("register.gender.f")}, {Key: "", Label: say("register.gender.none")},
		}},
		{Name: "issued", Kind: "date", Label: say("register.field.issued"), Hint: say("register.hint.issued"), Date: dateParts3(t.Issued)},
	}
	status := http.StatusOK
	for i := range list {
		if bad[list[i].Name] {
			list[i].Wrong, status = say("register.wrong."+list[i].Name), http.StatusUnprocessableEntity
		}
	}
	return p.showStep(w, r, v, status, "card", c, view{Form: true, Wrong: summary(list)}, map[string]any{"Questions": list})
}

// takeCard takes what the person compared with the card.
func (p *Portal) takeCard(w http.ResponseWriter, r *http.Request, v *visit, secret string, c *registration.RemoteCase) error {
	typed := cardText(r)
	card, bad := p.readCard(typed)
	if len(bad) == 0 {
		_, err := p.cfg.Remote.ConfirmRemote(r.Context(), secret, network(r), card)
		switch {
		case errors.Is(err, registration.ErrRefused):
			return redirect(w, r, "/register/end")
		case err != nil:
			return err
		}
		return redirect(w, r, "/register/face")
	}
	return p.cardForm(w, r, v, c, typed, bad)
}

// readCard makes a card of what was typed. bad names the fields that no card has: each is tried by itself on a card that is right.
func (p *Portal) readCard(t registration.CardText) (hkic.Card, map[string]bool) {
	bad := map[string]bool{}
	today := hkic.Today(p.cfg.Now())
	right := hkic.Card{Surname: "A", Birth: hkic.Date{Year: today.Year - 20}, Issued: today}
	var card hkic.Card
	var err error
	if card.Number, err = hkic.Parse(t.Number); err != nil {
		bad["number"] = true
		card.Number, _ = hkic.Parse("A123456(3)") // so that the other fields can be tried; this card goes nowhere
	}
	right.Number = card.Number
	birth, birthErr := hkic.ParseDate(t.Birth)
	issued, issuedErr := hkic.ParseDate(t.Issued)
	card.Surname, card.GivenNames, card.ChineseName, card.Gender, card.Birth, card.Issued = t.Surname, t.GivenNames, t.ChineseName, t.Gender, birth, issued
	for name, set := range map[string]func(*hkic.Card){
		"surname": func(c *hkic.Card) { c.Surname = card.Surname }, "given": func(c *hkic.Card) { c.GivenNames = card.GivenNames },
		"chinese": func(c *hkic.Card) { c.ChineseName = card.ChineseName }, "gender": func(c *hkic.Card) { c.Gender = card.Gender },
		"birth": func(c *hkic.Card) { c.Birth = birth }, "issued": func(c *hkic.Card) { c.Issued = issued },
	} {
		try := right
		set(&try)
		if _, err := try.Check(p.cfg.Now()); err != nil || name == "birth" && birthErr != nil || name == "issued" && issuedErr != nil {
			bad[name] = true
		}
	}
	if len(bad) == 0 {
		if _, err := card.Check(p.cfg.Now()); err != nil {
			bad["issued"] = true // before the date of birth
		}
	}
	return card, bad
}

// correctCard goes back from the face to the card's data.
func (p *Portal) correctCard(w http.ResponseWriter, r *http.Request, v *visit, secret string, _ *registration.RemoteCase) error {
	if err := p.cfg.Remote.CorrectRemote(r.Context(), secret); err != nil {
		return err
	}
	return redirect(w, r, "/register/card")
}
