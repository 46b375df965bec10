package portal

import (
	"errors"
	"net/http"
	"strings"

	"chop/registration"
	"chop/signer"
)

// account is everything that is held of a person, their device, their certificates, and
// what they can do about it.
func (p *Portal) account(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, me := r.Context(), registration.Resident(v.Account.ID)
	data, err := p.cfg.Accounts.Data(ctx, me, v.Account.ID)
	if err != nil {
		return err
	}
	passkeys, err := p.cfg.Accounts.SignInPasskeys(ctx, me, v.Account.ID)
	if err != nil {
		return err
	}
	credentials, err := p.credentials(r, v)
	if err != nil {
		return err
	}
	approved := 0
	for _, c := range credentials {
		approved += c.Signed
	}
	return p.show(w, r, v, http.StatusOK, "account", view{D: map[string]any{
		"Data": data, "HKIC": data.Card.Number.String(), "Name": data.Card.EnglishName(), "Full": v.Account.Kind == registration.Full,
		"Passkeys": passkeys, "Credentials": credentials, "Approved": approved, "Now": p.cfg.Now(),
		"Language": tongueName(data.Contact.Language), "Saved": r.URL.Query().Get("saved") == "contact",
	}})
}

func tongueName(tag string) string {
	if t := tongueOf(tag); t != nil {
		return t.Name
	}
	return tongues[1].Name
}

// credentials are the account's; a Lite account has none, which is no error.
func (p *Portal) credentials(r *http.Request, v *visit) ([]*signer.ResidentCredential, error) {
	list, err := p.cfg.Signings.Credential(r.Context(), v.Account.ID)
	if errors.Is(err, signer.ErrCredentialNotFound) {
		return nil, nil
	}
	return list, err
}

// activity is what happened to the account, newest first.
func (p *Portal) activity(w http.ResponseWriter, r *http.Request, v *visit) error {
	list, err := p.cfg.Accounts.Activity(r.Context(), registration.Resident(v.Account.ID), v.Account.ID, 100)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].What = p.words.known(v.Lang, "activity", list[i].What)
		list[i].Who = p.words.known(v.Lang, "actor", list[i].Who)
	}
	return p.show(w, r, v, http.StatusOK, "activity", view{D: map[string]any{"Lines": list}})
}

// contact is how the person is reached.
func (p *Portal) contact(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.kept != nil {
		return p.contactForm(w, r, v, v.kept.Get("phone"), v.kept.Get("email"), v.kept.Get("language"), "")
	}
	data, err := p.cfg.Accounts.Data(r.Context(), registration.Resident(v.Account.ID), v.Account.ID)
	if err != nil {
		return err
	}
	c := data.Contact
	return p.contactForm(w, r, v, c.Phone, c.Email, c.Language, "")
}

func (p *Portal) contactForm(w http.ResponseWriter, r *http.Request, v *visit, phone, email, language, wrongField string) error {
	say := p.words.in(v.Lang)
	questions := []question{
		{Name: "phone", Kind: "input", Label: say("contact.phone"), Hint: say("contact.phone.hint"), Value: phone,
			Type: "tel", Mode: "tel", Autocomplete: "tel", Max: 40, Optional: true, Class: "govuk-input--width-20"},
		{Name: "email", Kind: "input", Label: say("contact.email"), Hint: say("contact.email.hint"), Value: email,
			Type: "email", Mode: "email", Autocomplete: "email", Max: 254, Optional: true},
		{Name: "language", Kind: "radios", Label: say("contact.language"), Hint: say("contact.language.hint"), Value: language},
	}
	for _, t := range tongues {
		questions[2].Options = append(questions[2].Options, choice{Key: t.Tag, Label: t.Name})
	}
	for i := range questions {
		if questions[i].Name == wrongField {
			questions[i].Wrong = say("contact." + wrongField + ".wrong")
		}
	}
	status := http.StatusOK
	if wrongField != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "contact", view{Form: true, Wrong: summary(questions), D: map[string]any{"Questions": questions}})
}

// saveContact keeps it. Who may be reached where is registration's to judge.
func (p *Portal) saveContact(w http.ResponseWriter, r *http.Request, v *visit) error {
	phone, email, language := strings.TrimSpace(r.PostForm.Get("phone")), strings.TrimSpace(r.PostForm.Get("email")), r.PostForm.Get("language")
	again := func(field string) error { return p.contactForm(w, r, v, phone, email, language, field) }
	switch {
	case tongueOf(language) == nil:
		return again("language")
	case email != "" && (len(email) > 254 || strings.Count(email, "@") != 1 || strings.ContainsAny(email, " \t\r\n")):
		return again("email")
	}
	err := p.cfg.Accounts.SetContact(r.Context(), registration.Resident(v.Account.ID), v.Account.ID,
		registration.Contact{Phone: phone, Email: email, Language: language})
	if errors.Is(err, registration.ErrContact) {
		if phone != "" {
			return again("phone")
		}
		return again("email")
	}
	if err != nil {
		return err
	}
	return redirect(w, r, "/account?saved=contact")
}
