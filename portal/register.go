package portal

import (
	"errors"
	"net/http"
	"time"

	"chop/registration"
)

// A person opens a Lite account on their own phone: notice, photo of the card, its data,
// the face, a passkey. What names the browser is a secret in its own cookie, of which the case
// knows a digest. Each step has its page, and an address that is not the case's step leads to the one that is.

// CollectionNotice is the id of the collection notice whose text this release carries; registration names the same one.
const CollectionNotice = registration.CollectionNotice

const registerCookie = "chop-register"

// registerSteps are the pages by the case's state.
var registerSteps = map[registration.RemoteState]string{
	registration.RemoteNoticed: "photo", registration.RemotePictured: "card", registration.RemoteEntered: "face",
	registration.RemoteFaced: "wait", registration.RemoteReferred: "wait", registration.RemoteVerified: "passkey",
	registration.RemoteDone: "end", registration.RemoteRefused: "end", registration.RemoteEnded: "end",
}

// registerOrder is what a person sees of the way.
var registerOrder = []string{"photo", "card", "face", "wait", "passkey"}

// registering is the case of this browser; nil: there is none.
func (p *Portal) registering(r *http.Request) (secret string, c *registration.RemoteCase, err error) {
	if secret = p.cookieValue(r, registerCookie); secret == "" || p.cfg.Remote == nil {
		return "", nil, nil
	}
	c, err = p.cfg.Remote.Remote(r.Context(), secret)
	if errors.Is(err, registration.ErrNoCase) {
		return "", nil, nil
	}
	return secret, c, err
}

// registration names this browser's case for limits; who has none shares their network's.
func (p *Portal) registration(r *http.Request) string {
	if secret := p.cookieValue(r, registerCookie); secret != "" && len(secret) <= 100 {
		return "case " + secret
	}
	return network(r)
}

// step makes a handler for the case's steps that it names; anybody else is led to where they are.
func (p *Portal) step(h func(w http.ResponseWriter, r *http.Request, v *visit, secret string, c *registration.RemoteCase) error, steps ...string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		secret, c, err := p.registering(r)
		if err != nil {
			return err
		}
		at := ""
		if c != nil {
			at = registerSteps[c.State]
		}
		for _, s := range steps {
			if s == at {
				return h(w, r, v, secret, c)
			}
		}
		if r.Header.Get("Accept") == "application/json" {
			return writeJSON(w, map[string]string{"next": "/register"})
		}
		return redirect(w, r, "/register")
	}
}

// registerPage leads to where the case is; without one, the collection notice comes first.
func (p *Portal) registerPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, c, err := p.registering(r)
	if err != nil {
		return err
	}
	if c != nil {
		return redirect(w, r, "/register/"+registerSteps[c.State])
	}
	return p.registerStart(w, r, v, "")
}

func (p *Portal) registerStart(w http.ResponseWriter, r *http.Request, v *visit, bad string) error {
	q := question{Name: "agree", Kind: "checkbox", Label: p.words.in(v.Lang)("register.agree"), Wrong: bad, Value: v.kept.Get("agree")}
	status := http.StatusOK
	if bad != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "register-start", view{Form: p.cfg.Remote != nil, Wrong: summary([]question{q}), D: map[string]any{
		"Question": q, "Notice": CollectionNotice, "Offered": p.cfg.Remote != nil, "Browser": registration.NewBrowser(),
	}})
}

// beginRegister takes the acceptance of the collection notice. A browser whose case is under way (the button pressed
// twice, another window) stays with it: under a new one the photos of the old would be nobody's to delete. Twice at once, before
// any answer has brought the cookie, is one case too: the notice's form names the browser that it is for.
func (p *Portal) beginRegister(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.cfg.Remote == nil {
		return refuse(http.StatusNotFound, "error.missing")
	}
	if _, c, err := p.registering(r); err != nil {
		return err
	} else if c != nil && registerSteps[c.State] != "end" {
		return redirect(w, r, "/register")
	}
	if r.PostForm.Get("agree") != "yes" {
		return p.registerStart(w, r, v, p.words.in(v.Lang)("register.agree.wrong"))
	}
	secret, err := p.cfg.Remote.BeginRemote(r.Context(), network(r), v.Lang.Tag, r.PostForm.Get("notice"), r.PostForm.Get("browser"))
	if errors.Is(err, registration.ErrNotice) { // the page was loaded before a new text came
		return redirect(w, r, "/register")
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, p.cookie(registerCookie, secret, bindLife))
	return redirect(w, r, "/register/photo")
}

// showStep draws a step's page.
func (p *Portal) showStep(w http.ResponseWriter, r *http.Request, v *visit, status int, step string, c *registration.RemoteCase, fill view, more map[string]any) error {
	d := map[string]any{"Case": c, "Steps": registerOrder, "Step": len(registerOrder) + 1}
	for i, s := range registerOrder {
		if s == step {
			d["Step"] = i + 1
		}
	}
	for k, x := range more {
		d[k] = x
	}
	fill.D = d
	return p.show(w, r, v, status, "register-"+step, fill)
}

// leaveRegister ends the case at the person's wish.
func (p *Portal) leaveRegister(w http.ResponseWriter, r *http.Request, v *visit, secret string, _ *registration.RemoteCase) error {
	if err := p.cfg.Remote.AbandonRemote(r.Context(), secret); err != nil {
		return err
	}
	return redirect(w, r, "/register/end")
}

// startAnew forgets a case that is over in this browser.
func (p *Portal) startAnew(w http.ResponseWriter, r *http.Request, v *visit, _ string, _ *registration.RemoteCase) error {
	http.SetCookie(w, p.cookie(registerCookie, "", -time.Second))
	return redirect(w, r, "/register")
}

// registerWait is shown while Immigration or an officer is asked.
func (p *Portal) registerWait(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	return p.showStep(w, r, v, http.StatusOK, "wait", c, view{}, map[string]any{"State": registerState(c)})
}

func registerState(c *registration.RemoteCase) string {
	if c.Waiting != "" {
		return string(c.State) + "?"
	}
	return string(c.State)
}

// registerPoll is what a waiting page asks every two seconds; asking drives the case on.
func (p *Portal) registerPoll(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, c, err := p.registering(r)
	if err != nil {
		return err
	}
	if c == nil {
		return writeJSON(w, map[string]string{"state": "none"})
	}
	return writeJSON(w, map[string]string{"state": registerState(c)})
}

// registerEnd says how it ended. To whom an account belongs already, and what the Immigration Department said, is learnt at
// a counter: here it is one text for all of it.
func (p *Portal) registerEnd(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	how := "counter"
	switch {
	case c.State == registration.RemoteDone:
		how = "done"
	case c.Outcome == "too-young" || c.Outcome == "face" || c.Outcome == "expired" || c.Outcome == "cancelled":
		how = c.Outcome
	}
	return p.showStep(w, r, v, http.StatusOK, "end", c, view{}, map[string]any{"How": how})
}

func (p *Portal) registerPasskey(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	return p.showStep(w, r, v, http.StatusOK, "passkey", c, view{}, nil)
}

// beginRegisterPasskey answers the options for navigator.credentials.create().
func (p *Portal) beginRegisterPasskey(w http.ResponseWriter, r *http.Request, v *visit, _ string, c *registration.RemoteCase) error {
	if _, err := readJSON(r); err != nil {
		return err
	}
	options, data, err := p.passkeys.BeginRegistration(&holder{handle: c.UserHandle, name: c.UserName}, newPasskey)
	if err != nil {
		return err
	}
	if err := p.beginCeremony(r, "register", data); err != nil {
		return err
	}
	return writeJSON(w, options)
}

// finishRegisterPasskey checks the new passkey; with it the account is active.
func (p *Portal) finishRegisterPasskey(w http.ResponseWriter, r *http.Request, v *visit, secret string, c *registration.RemoteCase) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	data, err := p.endCeremony(r, "register")
	if err != nil {
		return err
	}
	made, err := p.madePasskey(r, &holder{handle: c.UserHandle, name: c.UserName}, data, body)
	if err != nil {
		return err
	}
	_, err = p.cfg.Remote.CompleteRemote(r.Context(), secret, made)
	if err != nil && !errors.Is(err, registration.ErrRefused) {
		return err
	}
	return writeJSON(w, map[string]string{"next": "/register/end"})
}
