package device

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	"chop/internal/solecontrol"
)

// Create makes a passkey, as navigator.credentials.create() does on a page of
// this origin (WebAuthn Level 3, 5.1.3, 6.3.2). withDeviceKey makes the page's
// own key beside it.
func (d *Device) Create(rpID, origin string, challenge solecontrol.Digest, user []byte, withDeviceKey bool) (*solecontrol.Creation, error) {
	p := &Passkey{RPID: rpID, ID: solecontrol.NewNonce(), User: user, PRF: solecontrol.NewNonce()}
	var err error
	if p.key, p.Key, err = newKey(); err != nil {
		return nil, err
	}
	c := &solecontrol.Creation{ID: p.ID, Transports: []string{"internal"}}
	if withDeviceKey {
		if p.deviceKey, p.DeviceKey, err = newKey(); err != nil {
			return nil, err
		}
		if c.DeviceKey, err = x509.MarshalPKIXPublicKey(&p.deviceKey.PublicKey); err != nil {
			return nil, fmt.Errorf("encode device key: %w", err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	attested := make([]byte, 16) // AAGUID: none
	attested = binary.BigEndian.AppendUint16(attested, uint16(len(p.ID)))
	attested = append(attested, p.ID...)
	attested = append(attested, p.COSE()...)
	data := append(d.authData(rpID, flagAT, p.Count), attested...)
	c.AttestationObject = attestationObject(data)
	if c.ClientDataJSON, err = clientData("webauthn.create", challenge, origin); err != nil {
		return nil, err
	}
	d.passkeys = append(d.passkeys, p)
	return c, d.save()
}

// Get asserts a challenge, as navigator.credentials.get() does, with the PRF
// evaluated at salt; the secret is nil for a nil salt.
func (d *Device) Get(rpID, origin string, challenge solecontrol.Digest, id, salt []byte) (*solecontrol.Assertion, []byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.find(rpID, id)
	if err != nil {
		return nil, nil, err
	}
	if !d.Settings.NoCounter {
		p.Count++
	}
	a := &solecontrol.Assertion{ID: p.ID, AuthenticatorData: d.authData(rpID, 0, p.Count)}
	if a.ClientDataJSON, err = clientData("webauthn.get", challenge, origin); err != nil {
		return nil, nil, err
	}
	client := sha256.Sum256(a.ClientDataJSON)
	digest := sha256.Sum256(append(append([]byte(nil), a.AuthenticatorData...), client[:]...))
	if a.Signature, err = p.key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
		return nil, nil, fmt.Errorf("assert: %w", err)
	}
	var secret []byte
	if salt != nil {
		secret = p.prf(salt)
	}
	return a, secret, d.save()
}

// SignByDeviceKey signs a challenge by the page's own key; nil if there is none.
func (d *Device) SignByDeviceKey(rpID string, id []byte, challenge solecontrol.Digest) ([]byte, error) {
	d.mu.Lock()
	p, err := d.find(rpID, id)
	d.mu.Unlock()
	if err != nil || p.deviceKey == nil {
		return nil, err
	}
	return solecontrol.SignRaw(p.deviceKey, challenge[:])
}

// prf is the PRF extension over hmac-secret. WebAuthn Level 3, 10.1.4; CTAP 2.1, 12.5.
func (p *Passkey) prf(salt []byte) []byte {
	hashed := sha256.Sum256(append([]byte("WebAuthn PRF\x00"), salt...))
	h := hmac.New(sha256.New, p.PRF)
	h.Write(hashed[:])
	return h.Sum(nil)
}

const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagBE = 1 << 3
	flagBS = 1 << 4
	flagAT = 1 << 6
)

// authData begins authenticator data; mu is held.
func (d *Device) authData(rpID string, flags byte, count uint32) []byte {
	flags |= flagUP
	if !d.Settings.NoVerification {
		flags |= flagUV
	}
	if d.Settings.BackupEligible {
		flags |= flagBE
	}
	if d.Settings.BackedUp {
		flags |= flagBS
	}
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), count)
}

// attestationObject is {"fmt": "none", "attStmt": {}, "authData": …} in CBOR.
func attestationObject(authData []byte) []byte {
	b := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58")
	b = append(b, byte(len(authData))) // 164 bytes: 32 of them the id
	return append(b, authData...)
}

// clientData is CollectedClientData. WebAuthn Level 3, 5.8.1.
func clientData(kind string, challenge solecontrol.Digest, origin string) ([]byte, error) {
	return solecontrol.Encode(struct {
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
	}{kind, solecontrol.Bytes(challenge[:]).String(), origin, false})
}
