package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"

	"github.com/go-chi/httprate"

	"chop/registration"
)

// suspendPage says what suspending does before it is done.
func (p *Portal) suspendPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.show(w, r, v, http.StatusOK, "suspend", view{Form: true, D: map[string]any{"Full": v.Account.Kind == registration.Full}})
}

// suspend stops sign-in and signing at once. A linked session may do it too: whoever
// stops an account with somebody else's session does no harm that lasts.
func (p *Portal) suspend(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	err := p.cfg.Accounts.SuspendSelf(ctx, registration.Resident(v.Account.ID), v.Account.ID, "asked on the portal")
	if p.unlessDecided(err) != nil {
		return err
	}
	if err := p.sessions.Destroy(ctx); err != nil {
		return err
	}
	return redirect(w, r, "/sign-in?why=suspended")
}

// unlessDecided takes an act that is recorded, and that a party has still to hear of, for done: it is being completed
// without the person.
func (p *Portal) unlessDecided(err error) error {
	if errors.Is(err, registration.ErrUnfinished) {
		p.cfg.Log.Warn("an account's act is decided and being completed", "error", err)
		return nil
	}
	return err
}

// closePage says what closing does, and asks for a tick.
func (p *Portal) closePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.closeForm(w, r, v, v.kept.Get("sure") == "yes", "")
}

func (p *Portal) closeForm(w http.ResponseWriter, r *http.Request, v *visit, ticked bool, bad string) error {
	q := question{Name: "sure", Kind: "checkbox", Label: p.words.in(v.Lang)("close.sure"), Wrong: bad}
	status := http.StatusOK
	if ticked {
		q.Value = "yes"
	}
	if bad != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "close", view{Form: true, Wrong: summary([]question{q}), D: map[string]any{
		"Question": q, "Full": v.Account.Kind == registration.Full, "Linked": v.Linked,
	}})
}

// close ends the account for ever. It wants the device itself: a linked computer may not.
func (p *Portal) close(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	if v.Linked {
		return refuse(http.StatusForbidden, "error.owndevice")
	}
	if r.PostForm.Get("sure") != "yes" {
		return p.closeForm(w, r, v, false, p.words.in(v.Lang)("close.sure.wrong"))
	}
	err := p.cfg.Accounts.Close(ctx, registration.Resident(v.Account.ID), v.Account.ID, "asked on the portal")
	if p.unlessDecided(err) != nil {
		return err
	}
	if err := p.sessions.Destroy(ctx); err != nil {
		return err
	}
	return redirect(w, r, "/sign-in?why=closed")
}

// codePage says what the suspension code is for.
func (p *Portal) codePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.show(w, r, v, http.StatusOK, "code", view{Form: true, D: map[string]any{"Code": ""}})
}

// newCode makes one and shows it, once: it is in no address, no session and no log.
func (p *Portal) newCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.Linked {
		return refuse(http.StatusForbidden, "error.owndevice")
	}
	code, err := p.cfg.Accounts.SuspensionCode(r.Context(), registration.Resident(v.Account.ID), v.Account.ID)
	if err != nil {
		return err
	}
	return p.show(w, r, v, http.StatusOK, "code", view{D: map[string]any{"Code": code}})
}

// lost is for who has lost the phone: the code suspends without it.
func (p *Portal) lost(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.lostForm(w, r, v, v.kept.Get("code"), "")
}

func (p *Portal) lostForm(w http.ResponseWriter, r *http.Request, v *visit, code, bad string) error {
	say := p.words.in(v.Lang)
	q := question{Name: "code", Kind: "input", Label: say("lost.code"), Hint: say("lost.code.hint"), Value: code, Wrong: bad,
		Type: "text", Mode: "numeric", Autocomplete: "off", Max: 40, Class: "govuk-input--width-20"}
	status := http.StatusOK
	if bad != "" {
		status = http.StatusUnprocessableEntity
	}
	return p.show(w, r, v, status, "lost", view{Form: true, Wrong: summary([]question{q}), D: map[string]any{"Question": q, "Done": false, "Stop": false}})
}

// suspendByCode suspends by the code. A wrong one is answered with one text, whatever was wrong.
func (p *Portal) suspendByCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	code := r.PostForm.Get("code")
	if len(code) > 40 {
		code = ""
	}
	err := p.cfg.Accounts.SuspendByCode(r.Context(), code, network(r))
	if errors.Is(err, registration.ErrProof) {
		return p.lostForm(w, r, v, code, p.words.in(v.Lang)("lost.code.wrong"))
	}
	if p.unlessDecided(err) != nil {
		return err
	}
	return p.show(w, r, v, http.StatusOK, "lost", view{D: map[string]any{"Done": true, "Stop": false}})
}

// stopPage is where the link of a notice leads. It has a button, so that no preview of a link stops anything.
func (p *Portal) stopPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.show(w, r, v, http.StatusOK, "lost", view{Form: true, D: map[string]any{"Done": false, "Stop": true}})
}

// stop suspends by the link of a notice, without signing in.
func (p *Portal) stop(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := p.cfg.Accounts.SuspendByLink(r.Context(), r.PathValue("token"))
	if errors.Is(err, registration.ErrToken) {
		return refuse(http.StatusGone, "error.stop")
	}
	if err != nil && !errors.Is(err, registration.ErrUnfinished) {
		return err
	}
	return p.show(w, r, v, http.StatusOK, "lost", view{D: map[string]any{"Done": true, "Stop": true}})
}

// network names the client's network, for limits only: nobody's address is kept. Of IPv6 it is what one customer has.
func network(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	sum := sha256.Sum256([]byte("chop/portal/network/v1\x00" + httprate.CanonicalizeIP(host)))
	return hex.EncodeToString(sum[:16])
}
