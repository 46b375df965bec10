package portal

import (
	"errors"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"chop/registration"
)

// signIn is the page. Its why says what brought the person here.
func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.Account != nil && !v.Linked {
		return redirect(w, r, "/account")
	}
	why := r.URL.Query().Get("why")
	switch why {
	case "expired", "out", "suspended", "closed", "own-device":
	default:
		why = ""
	}
	return p.show(w, r, v, http.StatusOK, "sign-in", view{D: map[string]any{"Why": why}})
}

// beginSignIn answers the options for navigator.credentials.get(): any passkey of ours,
// of this device or, by the browser's own QR code and Bluetooth, of a phone nearby
// (hybrid transport; WebAuthn Level 3, 5.8.4 and 5.8.7). No transport is left out.
func (p *Portal) beginSignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := readJSON(r); err != nil {
		return err
	}
	options, data, err := p.passkeys.BeginDiscoverableLogin(
		webauthn.WithUserVerification(protocol.VerificationRequired),
		webauthn.WithAssertionPublicKeyCredentialHints([]protocol.PublicKeyCredentialHints{
			protocol.PublicKeyCredentialHintClientDevice, protocol.PublicKeyCredentialHintHybrid,
		}))
	if err != nil {
		return err
	}
	if err := p.beginCeremony(r, "sign-in", data); err != nil {
		return err
	}
	return writeJSON(w, options)
}

// finishSignIn checks the assertion, and that the account may sign in.
func (p *Portal) finishSignIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	data, err := p.endCeremony(r, "sign-in")
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		return refusedPasskey(err)
	}
	var account *registration.Account
	found := func(_, handle []byte) (webauthn.User, error) {
		a, kept, err := p.cfg.Accounts.AccountByUserHandle(ctx, handle)
		if err != nil {
			return nil, err
		}
		account = a
		return holderOf(a, kept)
	}
	credential, err := p.passkeys.ValidateDiscoverableLogin(found, data, parsed)
	if err != nil {
		return refusedPasskey(err)
	}
	if err := maySignIn(account); err != nil {
		return err
	}
	record, err := passkeyRecord(credential)
	if err != nil {
		return err
	}
	if err := p.cfg.Accounts.PasskeyUsed(ctx, account.ID, credential.ID, record); err != nil {
		return err
	}
	next, err := p.enter(w, r, account, false)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"next": next})
}

// maySignIn names the page for an account whose passkey is good and which may not enter.
// The passkey was checked first: who has none learns nothing of anybody's account.
func maySignIn(a *registration.Account) error {
	switch a.State {
	case registration.Active:
		return nil
	case registration.Suspended:
		return refuse(http.StatusForbidden, "error.suspended")
	case registration.Pending:
		return refuse(http.StatusForbidden, "error.pending")
	case registration.Closed:
		return refuse(http.StatusForbidden, "error.closed")
	}
	return errors.New("account is in an unknown state")
}

// signOut ends the session.
func (p *Portal) signOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	return redirect(w, r, "/sign-in?why=out")
}
