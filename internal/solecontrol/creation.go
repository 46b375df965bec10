package solecontrol

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Creation is a passkey's answer to navigator.credentials.create(). WebAuthn
// Level 3, 5.2.1.
type Creation struct {
	ID                Bytes    `json:"id"`
	AttestationObject Bytes    `json:"attestationObject"`
	ClientDataJSON    Bytes    `json:"clientDataJSON"`
	Transports        []string `json:"transports"`
	DeviceKey         Bytes    `json:"deviceKey,omitempty"` // SubjectPublicKeyInfo of the page's own key
}

const maxAttestation = 64 << 10

// Created is a new passkey, and what it says of its maker.
type Created struct {
	AuthenticatorData
	Format    string // of the attestation statement: "none", "packed", …
	statement map[string][]byte
	authData  []byte
	client    Digest
}

// Verify checks a creation by WebAuthn Level 3, 7.1, steps 6 to 19, with the
// person verified. The attestation statement is not judged; VerifyPacked does
// that. ErrAssertion.
func (c *Creation) Verify(challenge Digest, origin, rpID string) (*Created, error) {
	if len(c.Transports) > 8 {
		return nil, fmt.Errorf("%w: %d transports", ErrAssertion, len(c.Transports))
	}
	for _, t := range c.Transports {
		if err := checkName("transport", t, 32); err != nil {
			return nil, err
		}
	}
	if err := checkClientData(c.ClientDataJSON, "webauthn.create", challenge[:], origin); err != nil {
		return nil, err
	}
	out, err := ParseAttestationObject(c.AttestationObject)
	if err != nil {
		return nil, err
	}
	if err := out.checkFlags(rpID); err != nil {
		return nil, err
	}
	if !bytes.Equal(out.Attested.ID, c.ID) {
		return nil, fmt.Errorf("%w: two passkey ids", ErrAssertion)
	}
	if len(c.DeviceKey) > 0 {
		if _, err := ParseSPKI(c.DeviceKey); err != nil {
			return nil, fmt.Errorf("device key: %w", err)
		}
	}
	out.client = sha256.Sum256(c.ClientDataJSON)
	return out, nil
}

// ParseAttestationObject reads fmt, attStmt and authData. WebAuthn Level 3, 6.5.4.
func ParseAttestationObject(b []byte) (*Created, error) {
	if len(b) > maxAttestation {
		return nil, fmt.Errorf("%w: attestation object of %d bytes", ErrAssertion, len(b))
	}
	members, rest, err := cborMembers(b)
	if err != nil {
		return nil, fmt.Errorf("%w: attestation object: %w", ErrAssertion, err)
	}
	if len(rest) > 0 || len(members) != 3 {
		return nil, fmt.Errorf("%w: attestation object has other members", ErrAssertion)
	}
	format, _, err := cborString(members["fmt"], cborText)
	if err != nil || len(format) > 32 || CheckText(string(format)) != nil {
		return nil, fmt.Errorf("%w: attestation format", ErrAssertion)
	}
	authData, _, err := cborString(members["authData"], cborBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: attestation object: authData", ErrAssertion)
	}
	data, err := parseAuthenticatorData(authData)
	if err != nil {
		return nil, err
	}
	if data.Attested == nil {
		return nil, fmt.Errorf("%w: no attested data", ErrAssertion)
	}
	c := &Created{AuthenticatorData: *data, Format: string(format), authData: authData}
	if c.statement, _, err = cborMembers(members["attStmt"]); err != nil {
		return nil, fmt.Errorf("%w: attestation statement: %w", ErrAssertion, err)
	}
	return c, nil
}
