package solecontrol

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
)

// Assertion is a passkey's answer to navigator.credentials.get(). WebAuthn
// Level 3, 5.2.2.
type Assertion struct {
	ID                Bytes `json:"id"`
	AuthenticatorData Bytes `json:"authenticatorData"`
	ClientDataJSON    Bytes `json:"clientDataJSON"`
	Signature         Bytes `json:"signature"` // DER
}

// Expected is what an assertion must be an answer to.
type Expected struct {
	Challenge      Digest
	Origin         string // equal, never a prefix
	RPID           string
	PasskeyID      []byte
	Key            *ecdsa.PublicKey
	BackupEligible *bool // equal to what was seen at create(); nil: not compared
}

const (
	maxClientData = 8 << 10
	maxAuthData   = 4 << 10
)

// Verify checks an assertion by WebAuthn Level 3, 7.2, steps 5 to 21, with the
// person verified, from a page of the top level. Whether the counter went down
// is the caller's to judge. ErrAssertion, naming the step that failed.
func (a *Assertion) Verify(e Expected) (*AuthenticatorData, error) {
	if !bytes.Equal(a.ID, e.PasskeyID) {
		return nil, fmt.Errorf("%w: another passkey", ErrAssertion)
	}
	if err := checkClientData(a.ClientDataJSON, "webauthn.get", e.Challenge[:], e.Origin); err != nil {
		return nil, err
	}
	data, err := parseAuthenticatorData(a.AuthenticatorData)
	if err != nil {
		return nil, err
	}
	if data.Attested != nil {
		return nil, fmt.Errorf("%w: attested data in an assertion", ErrAssertion)
	}
	if err := data.checkFlags(e.RPID); err != nil {
		return nil, err
	}
	if e.BackupEligible != nil && data.BackupEligible != *e.BackupEligible {
		return nil, fmt.Errorf("%w: the backup-eligible bit is not the bound one", ErrAssertion)
	}
	client := sha256.Sum256(a.ClientDataJSON)
	signed := append(bytes.Clone(a.AuthenticatorData), client[:]...)
	digest := sha256.Sum256(signed)
	if e.Key == nil || len(a.Signature) > 128 || !ecdsa.VerifyASN1(e.Key, digest[:], a.Signature) {
		return nil, fmt.Errorf("%w: signature", ErrAssertion)
	}
	return data, nil
}

// checkClientData reads the client data as an object, and does not compare it
// with a template: browsers add members. WebAuthn Level 3, 5.8.1.
func checkClientData(data []byte, kind string, challenge []byte, origin string) error {
	if len(data) > maxClientData {
		return fmt.Errorf("%w: client data of %d bytes", ErrAssertion, len(data))
	}
	members, err := jsonMembers(data)
	if err != nil {
		return fmt.Errorf("%w: client data: %w", ErrAssertion, err)
	}
	text := func(key string) (s string) {
		if json.Unmarshal(members[key], &s) != nil {
			return ""
		}
		return s
	}
	switch {
	case text("type") != kind:
		return fmt.Errorf("%w: type", ErrAssertion)
	case text("challenge") != Bytes(challenge).String():
		return fmt.Errorf("%w: challenge", ErrAssertion)
	case origin == "" || text("origin") != origin:
		return fmt.Errorf("%w: origin", ErrAssertion)
	}
	if cross, ok := members["crossOrigin"]; ok && string(cross) != "false" {
		return fmt.Errorf("%w: crossOrigin", ErrAssertion)
	}
	if _, ok := members["topOrigin"]; ok {
		return fmt.Errorf("%w: topOrigin", ErrAssertion)
	}
	return nil
}

// jsonMembers reads the members of one JSON object. A key that comes twice is
// refused: two readers would take different ones.
func jsonMembers(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrFormat)
	}
	members := make(map[string]json.RawMessage)
	for dec.More() {
		tok, err := dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: not a JSON object", ErrFormat)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("%w: not a JSON object", ErrFormat)
		}
		if _, twice := members[key]; twice || len(members) == 64 {
			return nil, fmt.Errorf("%w: a key comes twice, or too many", ErrFormat)
		}
		members[key] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("%w: not a JSON object", ErrFormat)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the JSON", ErrFormat)
	}
	return members, nil
}
