package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"chop/registration"
)

// A computer signs in by a phone: it shows a QR code and a number; the phone that scans
// it first, and is signed in, is asked by name of browser and system, with the same
// number. What the computer gets is a linked session. An attacker who forwards a code
// gains at most that: every signature still asks the phone, with the document on it.

// linkLife is how long a code is good for.
const linkLife = 90 * time.Second

// startLink makes a code for this computer; an earlier one of it is forgotten.
func (p *Portal) startLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.Account != nil {
		return redirect(w, r, "/account")
	}
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails
	n, err := rand.Int(rand.Reader, big.NewInt(90))
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := p.cfg.Now()
	browser, system := agent(r.UserAgent())
	sum := sha256.Sum256(token)
	l := link{ID: id, Number: fmt.Sprint(n.Int64() + 10), Browser: browser, System: system, CreatedAt: now, ExpiresAt: now.Add(linkLife)}
	if err := p.store.addLink(r.Context(), l, sum[:]); err != nil {
		return err
	}
	p.sessions.Put(r.Context(), keyLink, id.String()+" "+base64.RawURLEncoding.EncodeToString(token))
	return redirect(w, r, "/sign-in/phone")
}

// shownLink is the code that this computer's session shows, and its token.
func (p *Portal) shownLink(r *http.Request) (*link, string, error) {
	id, token, _ := strings.Cut(p.sessions.GetString(r.Context(), keyLink), " ")
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, "", nil
	}
	l, err := p.store.linkByID(r.Context(), parsed)
	if l != nil && (l.State == "shown" || l.State == "scanned") && !p.cfg.Now().Before(l.ExpiresAt) {
		l.State = "expired"
	}
	return l, token, err
}

// linkPage is the computer's: the code, or that it was refused or ran out, or, once it
// was confirmed, the way in.
func (p *Portal) linkPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.Account != nil {
		return redirect(w, r, "/account")
	}
	l, token, err := p.shownLink(r)
	if err != nil {
		return err
	}
	if l == nil {
		return redirect(w, r, "/sign-in")
	}
	if l.State == "confirmed" {
		return p.enterByLink(w, r, l)
	}
	left := max(0, int(l.ExpiresAt.Sub(p.cfg.Now()).Seconds()))
	d := map[string]any{"Link": l, "Left": left, "Total": int(linkLife.Seconds()), "QR": nil}
	if l.State == "shown" {
		if d["QR"], err = qrCode(strings.TrimRight(p.cfg.PublicURL, "/") + "/link/" + token); err != nil {
			return err
		}
	}
	return p.show(w, r, v, http.StatusOK, "link-computer", view{D: d})
}

// enterByLink uses the confirmation up.
func (p *Portal) enterByLink(w http.ResponseWriter, r *http.Request, l *link) error {
	id, err := p.store.useLink(r.Context(), l.ID, p.cfg.Now())
	if err != nil {
		return err
	}
	p.sessions.Remove(r.Context(), keyLink)
	if id == "" {
		return refuse(http.StatusGone, "error.code")
	}
	account, err := p.cfg.Accounts.Account(r.Context(), registration.Resident(id), id)
	if err != nil {
		return err
	}
	if err := maySignIn(account); err != nil {
		return err
	}
	next, err := p.enter(w, r, account, true)
	if err != nil {
		return err
	}
	return redirect(w, r, next)
}

// linkState is what the computer's page asks every two seconds.
func (p *Portal) linkState(w http.ResponseWriter, r *http.Request, v *visit) error {
	l, _, err := p.shownLink(r)
	if err != nil {
		return err
	}
	if l == nil {
		return writeJSON(w, map[string]string{"state": "gone"})
	}
	return writeJSON(w, map[string]string{"state": l.State})
}

// scannedLink is what the phone scanned, if it is the first and in time. The browser that
// came first is known by a random value in its session.
func (p *Portal) scannedLink(r *http.Request) (*link, []byte, error) {
	ctx := r.Context()
	token, err := base64.RawURLEncoding.DecodeString(r.PathValue("token"))
	if err != nil || len(token) != 32 {
		return nil, nil, refuse(http.StatusGone, "error.code")
	}
	sum := sha256.Sum256(token)
	l, err := p.store.linkByToken(ctx, sum[:])
	if err != nil {
		return nil, nil, err
	}
	if l == nil || !p.cfg.Now().Before(l.ExpiresAt) {
		return nil, nil, refuse(http.StatusGone, "error.code")
	}
	if id, _, _ := strings.Cut(p.sessions.GetString(ctx, keyLink), " "); id == l.ID.String() {
		return nil, nil, refuse(http.StatusConflict, "error.samedevice")
	}
	name := p.sessions.GetString(ctx, keyPhone)
	if name == "" {
		name = rand.Text()
		p.sessions.Put(ctx, keyPhone, name)
	}
	scanner := sha256.Sum256([]byte(name))
	if l.State == "shown" {
		first, err := p.store.scanLink(ctx, l.ID, scanner[:], p.cfg.Now())
		if err != nil {
			return nil, nil, err
		}
		if first {
			l.State, l.Scanner = "scanned", scanner[:]
		}
	}
	if l.State != "scanned" || string(l.Scanner) != string(scanner[:]) {
		return nil, nil, refuse(http.StatusGone, "error.code")
	}
	return l, scanner[:], nil
}

// linkPhone is the phone's page: who wants to sign in, and the number to compare.
func (p *Portal) linkPhone(w http.ResponseWriter, r *http.Request, v *visit) error {
	l, _, err := p.scannedLink(r)
	if err != nil {
		return err
	}
	if v.Account == nil || v.Linked {
		// A linked session cannot link another: only a device with the passkey may.
		p.sessions.Put(r.Context(), keyNext, r.URL.Path)
		return redirect(w, r, "/sign-in?why=own-device")
	}
	left := max(0, int(l.ExpiresAt.Sub(p.cfg.Now()).Seconds()))
	return p.show(w, r, v, http.StatusOK, "link-phone", view{Form: true, D: map[string]any{
		"Link": l, "Left": left, "Total": int(linkLife.Seconds()), "Sent": l.CreatedAt,
	}})
}

// answerLink takes the phone's yes or no.
func (p *Portal) answerLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	l, scanner, err := p.scannedLink(r)
	if err != nil {
		return err
	}
	if v.Account == nil || v.Linked {
		return redirect(w, r, "/sign-in?why=own-device")
	}
	state := "refused"
	if r.PostForm.Get("answer") == "same" {
		state = "confirmed"
	}
	done, err := p.store.answerLink(r.Context(), l.ID, scanner, v.Account.ID, state, p.cfg.Now())
	if err != nil {
		return err
	}
	if !done {
		return refuse(http.StatusGone, "error.code")
	}
	return p.show(w, r, v, http.StatusOK, "link-answered", view{D: map[string]any{"State": state, "Link": l}})
}
