package portal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"chop/registration"
)

// At the counter the desk shows a QR code. The phone that scans it first shows a number,
// which the officer compares; then the person reads the agreement, makes the passkey
// that signs in here, and goes on to the approval origin, which makes the one that signs.
// What names the phone meanwhile is a secret in its own cookie; the case knows a digest.

// Agreement is the id of the subscriber agreement whose text this release carries;
// registration must name the same one.
const Agreement = registration.DefaultAgreement

const (
	bindCookie = "chop-bind"
	bindLife   = 2 * time.Hour
)

// bindStart is where the desk's QR code leads. Its token is in the fragment, which no
// server sees; a script moves it into the form. An older code has it in the path.
func (p *Portal) bindStart(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.show(w, r, v, http.StatusOK, "bind-start", view{D: map[string]any{"Token": r.PathValue("token")}})
}

// bindToken uses the token up. It is a form, so that no preview of a link does it.
func (p *Portal) bindToken(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	phone, err := p.cfg.Accounts.BindDevice(r.Context(), r.PostForm.Get("token"))
	if err != nil {
		return err
	}
	if err := p.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	http.SetCookie(w, p.cookie(bindCookie, phone.Secret, bindLife))
	return redirect(w, r, "/bind/phone")
}

// boundCase is the case of this phone.
func (p *Portal) boundCase(r *http.Request) (string, *registration.PhoneCase, error) {
	secret := p.cookieValue(r, bindCookie)
	if secret == "" {
		return "", nil, refuse(http.StatusGone, "error.code")
	}
	c, err := p.cfg.Accounts.PhoneCase(r.Context(), secret)
	if errors.Is(err, registration.ErrNoCase) || errors.Is(err, registration.ErrToken) {
		err = refuse(http.StatusGone, "error.code")
	}
	return secret, c, err
}

// bindSteps are the five steps that a person sees, by the case's state.
var bindSteps = map[registration.CaseState]int{
	registration.Scanned: 1, registration.Bound: 2, registration.Accepted: 3, registration.Enrolling: 4, registration.Ticketed: 4,
	registration.Made: 5, registration.Issued: 5, registration.Done: 6,
}

// bindPhone shows where the case is, and the one thing to do.
func (p *Portal) bindPhone(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, c, err := p.boundCase(r)
	if err != nil {
		return err
	}
	if c.State == registration.Bound && c.Agreement != Agreement {
		return fmt.Errorf("registration asks for agreement %q, the portal carries %q", c.Agreement, Agreement)
	}
	step := bindSteps[c.State]
	if step == 3 && c.HasPasskey {
		step = 4
	}
	// On the phone a state says more than the case's: whether the passkey is there.
	form := c.State == registration.Bound
	return p.show(w, r, v, http.StatusOK, "bind-phone", view{Form: form, Wrong: bindWrong(r, v), D: map[string]any{
		"Case": c, "Step": step, "State": bindState(c), "Steps": []string{"number", "agreement", "passkey", "signing", "certificate"},
		"Agreed": v.kept.Get("agree") == "yes",
	}})
}

// bindWrong repeats what was wrong with the form that led here.
func bindWrong(r *http.Request, v *visit) []wrong {
	if r.Method == http.MethodPost && v.kept == nil && r.PostForm.Get("act") == "agree" {
		return []wrong{{ID: "agree"}}
	}
	return nil
}

func bindState(c *registration.PhoneCase) string {
	state := string(c.State)
	if c.HasPasskey {
		state += "+"
	}
	if c.Waiting != "" { // somebody does not answer: the page says so
		state += "?"
	}
	return state
}

// bindAct takes the phone's forms: the agreement, "this is not me", and on to the approval origin.
func (p *Portal) bindAct(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	secret, c, err := p.boundCase(r)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("act") {
	case "agree":
		if r.PostForm.Get("agree") != "yes" {
			return p.bindPhone(w, r, v)
		}
		if _, err := p.cfg.Accounts.AcceptAgreement(ctx, secret, r.PostForm.Get("agreement")); err != nil {
			return err
		}
	case "not-me":
		if err := p.cfg.Accounts.NotMe(ctx, secret); err != nil {
			return err
		}
		http.SetCookie(w, p.cookie(bindCookie, "", -time.Second))
		return p.show(w, r, v, http.StatusOK, "bind-refused", view{})
	case "enrol":
		if !c.HasPasskey {
			return refuse(http.StatusConflict, "error.moved")
		}
		enrolment, err := p.cfg.Accounts.BeginEnrolment(ctx, secret)
		if err != nil {
			return err
		}
		return redirect(w, r, strings.TrimRight(p.cfg.ApproveURL, "/")+"/#enrol/"+enrolment)
	default:
		return refuse(http.StatusBadRequest, "error.request")
	}
	return redirect(w, r, "/bind/phone")
}

// bindPoll is what the phone's page asks every two seconds.
func (p *Portal) bindPoll(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, c, err := p.boundCase(r)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"state": bindState(c)})
}

// beginBindPasskey answers the options for navigator.credentials.create(): discoverable,
// user verification required. WebAuthn Level 3, 5.4.
func (p *Portal) beginBindPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := readJSON(r); err != nil {
		return err
	}
	_, c, err := p.boundCase(r)
	if err != nil {
		return err
	}
	if c.State != registration.Accepted {
		return refuse(http.StatusConflict, "error.moved")
	}
	options, data, err := p.passkeys.BeginRegistration(&holder{handle: c.UserHandle, name: c.UserName}, newPasskey)
	if err != nil {
		return err
	}
	if err := p.beginCeremony(r, "bind", data); err != nil {
		return err
	}
	return writeJSON(w, options)
}

// finishBindPasskey checks the new passkey and hands it to the case.
func (p *Portal) finishBindPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	data, err := p.endCeremony(r, "bind")
	if err != nil {
		return err
	}
	secret, c, err := p.boundCase(r)
	if err != nil {
		return err
	}
	made, err := p.madePasskey(r, &holder{handle: c.UserHandle, name: c.UserName}, data, body)
	if err != nil {
		return err
	}
	if _, err := p.cfg.Accounts.BindPasskey(r.Context(), secret, made); err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"next": "/bind/phone"})
}

// deviceName is what an account's page calls a device.
func deviceName(browser, system string) string {
	switch {
	case system == "":
		return browser
	case browser == "":
		return system
	}
	return system + ", " + browser
}
