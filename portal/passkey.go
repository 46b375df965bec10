package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"chop/registration"
)

// newPasskeys is the relying party of the sign-in passkey: the portal's own host, never
// the approval page's. WebAuthn Level 3, 5.1.2.
func newPasskeys(public *url.URL) (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: public.Hostname(), RPDisplayName: "Chop",
		RPOrigins: []string{public.Scheme + "://" + public.Host},
		// Attestation would name the device's model, and nothing here depends on it.
		AttestationPreference: protocol.PreferNoAttestation,
	})
}

// holder is an account as WebAuthn's user. No name of the person goes into a passkey.
type holder struct {
	handle   []byte
	name     string
	passkeys []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte                         { return h.handle }
func (h *holder) WebAuthnName() string                       { return h.name }
func (h *holder) WebAuthnDisplayName() string                { return h.name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.passkeys }

// holderOf reads an account's passkeys as they were written.
func holderOf(a *registration.Account, kept []registration.Passkey) (*holder, error) {
	h := &holder{handle: a.UserHandle, name: a.SRN}
	for _, k := range kept {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Record, &c); err != nil {
			return nil, fmt.Errorf("read passkey: %w", err)
		}
		h.passkeys = append(h.passkeys, c)
	}
	return h, nil
}

// newPasskey: discoverable, user verification required. WebAuthn Level 3, 5.4.
var newPasskey = webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
	ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
	UserVerification: protocol.VerificationRequired,
})

// madePasskey checks a passkey that was just made.
func (p *Portal) madePasskey(r *http.Request, h *holder, data webauthn.SessionData, body []byte) (registration.Passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		return registration.Passkey{}, refusedPasskey(err)
	}
	credential, err := p.passkeys.CreateCredential(h, data, parsed)
	if err != nil {
		return registration.Passkey{}, refusedPasskey(err)
	}
	record, err := passkeyRecord(credential)
	if err != nil {
		return registration.Passkey{}, err
	}
	browser, system := agent(r.UserAgent())
	now := p.cfg.Now()
	return registration.Passkey{ID: credential.ID, Record: record, Name: deviceName(browser, system), AddedAt: now, UsedAt: now}, nil
}

// beginCeremony keeps what the answer is checked against in the session, for one use.
func (p *Portal) beginCeremony(r *http.Request, kind string, data *webauthn.SessionData) error {
	kept, err := json.Marshal(map[string]any{"kind": kind, "data": data})
	if err != nil {
		return err
	}
	p.sessions.Put(r.Context(), keyCeremony, kept)
	return nil
}

// endCeremony takes it out: a second answer, or one of another kind, finds nothing.
func (p *Portal) endCeremony(r *http.Request, kind string) (webauthn.SessionData, error) {
	var kept struct {
		Kind string               `json:"kind"`
		Data webauthn.SessionData `json:"data"`
	}
	raw, _ := p.sessions.Pop(r.Context(), keyCeremony).([]byte)
	if raw == nil {
		return kept.Data, refuse(http.StatusConflict, "error.ceremony")
	}
	if err := json.Unmarshal(raw, &kept); err != nil {
		return kept.Data, err
	}
	if kept.Kind != kind {
		return kept.Data, refuse(http.StatusConflict, "error.ceremony")
	}
	return kept.Data, nil
}

// refusedPasskey hides why a passkey was refused: the person sees one text, the log the reason.
func refusedPasskey(err error) error {
	var details *protocol.Error
	if errors.As(err, &details) && details.DevInfo != "" {
		err = fmt.Errorf("%w: %s", err, details.DevInfo)
	}
	return &refusal{Status: http.StatusForbidden, Key: "error.passkey", Err: err}
}

// passkeyRecord is what registration keeps of a passkey; only this package reads it.
func passkeyRecord(c *webauthn.Credential) ([]byte, error) { return json.Marshal(c) }
