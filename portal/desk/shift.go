package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"chop/registration/officers"
)

// setLanguage keeps the choice in the browser and goes back to the page.
func setLanguage(q *request) error {
	chosen := q.field("language")
	for _, l := range languages {
		if l == chosen {
			http.SetCookie(q.w, &http.Cookie{Name: languageCookie, Value: l, Path: "/", MaxAge: 365 * 86400, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
	}
	back := q.field("path")
	if len(back) == 0 || back[0] != '/' || (len(back) > 1 && (back[1] == '/' || back[1] == '\\')) {
		back = "/" // another site's address is none of ours
	}
	return q.seeOther(back)
}

// challenge is what a form with a passkey needs; bytes are base64url in the page.
type challenge struct {
	RPID, Origin       string
	Challenge, Passkey string
	User               string // for making one
}

func passkeyPage(q *request) error {
	if q.officer.State != officers.Proposed && q.officer.State != officers.Enrolled {
		return q.seeOther("/sign-on")
	}
	c, err := q.desk.c.Registry.Officers().PasskeyChallenge(q.Context(), q.officer.ID)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "passkey", "title-passkey", challenge{RPID: q.desk.rpID, Challenge: encode(c), User: q.officer.ID}, "")
}

func makePasskey(q *request) error {
	var made officers.Creation
	if err := q.decode("passkey", &made); err != nil {
		return err
	}
	if err := q.desk.c.Registry.Officers().EnrolPasskey(q.Context(), q.officer.ID, made); err != nil {
		return err
	}
	return q.show(http.StatusOK, "enrolled", "title-enrolled", nil, "")
}

// shifts is the page for signing on.
type shifts struct {
	Now, Later []officers.Shift
	Chosen     *officers.Shift
	Challenge  challenge
}

func signOnPage(q *request) error {
	if q.session != nil {
		return q.seeOther("/")
	}
	if q.officer.State == officers.Enrolled {
		return q.show(http.StatusOK, "enrolled", "title-enrolled", nil, "")
	}
	list, err := q.desk.c.Registry.Officers().Shifts(q.Context(), q.officer.ID)
	if err != nil {
		return err
	}
	var p shifts
	now := q.desk.c.Now()
	for _, s := range list {
		if now.Before(s.Begins) {
			p.Later = append(p.Later, s)
		} else if now.Before(s.Ends) {
			p.Now = append(p.Now, s)
		}
	}
	for i := range p.Now {
		if len(p.Now) == 1 || p.Now[i].ID == q.URL.Query().Get("shift") {
			p.Chosen = &p.Now[i]
		}
	}
	if p.Chosen != nil {
		c, err := q.desk.c.Registry.Officers().SignOnChallenge(q.Context(), q.officer.ID, p.Chosen.ID)
		if err != nil {
			return err
		}
		p.Challenge = q.challenge(c, q.officer.PasskeyID)
	}
	return q.show(http.StatusOK, "signon", "title-sign-on", p, "")
}

func signOn(q *request) error {
	a, err := q.assertion()
	if err != nil {
		return err
	}
	shift := q.field("shift")
	caller, err := q.desk.c.Registry.Officers().SignOn(q.Context(), q.officer.ID, shift, a)
	if err != nil {
		return err
	}
	list, err := q.desk.c.Registry.Officers().Shifts(q.Context(), q.officer.ID)
	if err != nil {
		return err
	}
	ends := q.desk.c.Now().Add(time.Hour)
	for _, s := range list {
		if s.ID == shift {
			ends = s.Ends
		}
	}
	if err := q.desk.startSession(q.Context(), q.w, caller, ends); err != nil {
		return err
	}
	return q.seeOther("/")
}

func signOff(q *request) error {
	if q.session != nil {
		if err := q.desk.endSession(q.Context(), q.w, q.session); err != nil {
			return err
		}
	}
	return q.seeOther("/sign-on")
}

func (q *request) challenge(c, passkey []byte) challenge {
	return challenge{RPID: q.desk.rpID, Origin: q.desk.c.Origin, Challenge: encode(c), Passkey: encode(passkey)}
}

// assertion is the passkey's answer, as the page's script put it into the form.
func (q *request) assertion() (a officers.Assertion, err error) { return a, q.decode("assertion", &a) }

func (q *request) decode(field string, into any) error {
	text := q.PostFormValue(field)
	if text == "" {
		return fmt.Errorf("%w: the form has none", officers.ErrAssertion)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%w: %w", officers.ErrAssertion, errors.New("it cannot be read"))
	}
	return nil
}
