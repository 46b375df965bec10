package solecontrol

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// AuthenticatorData is what an authenticator signs of itself. WebAuthn Level 3,
// 6.1.
type AuthenticatorData struct {
	RPIDHash       Digest
	UserPresent    bool
	UserVerified   bool
	BackupEligible bool // may be copied to other devices
	BackedUp       bool // has been
	SignCount      uint32
	Attested       *Attested // at create() only
}

// Attested is the new passkey. WebAuthn Level 3, 6.5.1.
type Attested struct {
	AAGUID [16]byte
	ID     []byte
	COSE   []byte
	Key    *ecdsa.PublicKey
}

const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagBE = 1 << 3
	flagBS = 1 << 4
	flagAT = 1 << 6
	flagED = 1 << 7
)

// ParseAuthenticatorData reads authenticator data to its last byte; the result
// aliases b.
func ParseAuthenticatorData(b []byte) (*AuthenticatorData, error) { return parseAuthenticatorData(b) }

func parseAuthenticatorData(b []byte) (*AuthenticatorData, error) {
	if len(b) < 37 || len(b) > maxAuthData {
		return nil, fmt.Errorf("%w: authenticator data of %d bytes", ErrAssertion, len(b))
	}
	flags := b[32]
	d := &AuthenticatorData{
		RPIDHash: Digest(b[:32]), UserPresent: flags&flagUP != 0, UserVerified: flags&flagUV != 0,
		BackupEligible: flags&flagBE != 0, BackedUp: flags&flagBS != 0, SignCount: binary.BigEndian.Uint32(b[33:]),
	}
	rest := b[37:]
	if flags&flagAT != 0 {
		var err error
		if d.Attested, rest, err = parseAttested(rest); err != nil {
			return nil, err
		}
	}
	if flags&flagED != 0 {
		if len(rest) == 0 || rest[0]>>5 != cborMap {
			return nil, fmt.Errorf("%w: extensions", ErrAssertion)
		}
		var err error
		if rest, err = cborSkip(rest, 0); err != nil {
			return nil, fmt.Errorf("%w: extensions: %w", ErrAssertion, err)
		}
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: something follows the authenticator data", ErrAssertion)
	}
	return d, nil
}

func parseAttested(b []byte) (*Attested, []byte, error) {
	if len(b) < 18 {
		return nil, nil, fmt.Errorf("%w: attested data cut short", ErrAssertion)
	}
	a := &Attested{AAGUID: [16]byte(b[:16])}
	n := int(binary.BigEndian.Uint16(b[16:]))
	b = b[18:]
	if n == 0 || n > maxPasskeyID || len(b) < n+coseSize {
		return nil, nil, fmt.Errorf("%w: attested data cut short", ErrAssertion)
	}
	a.ID, a.COSE = b[:n:n], b[n:n+coseSize:n+coseSize]
	var err error
	if a.Key, err = ParseCOSE(a.COSE); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	return a, b[n+coseSize:], nil
}

// checkFlags is common to create() and get().
func (d *AuthenticatorData) checkFlags(rpID string) error {
	switch {
	case d.RPIDHash != sha256.Sum256([]byte(rpID)):
		return fmt.Errorf("%w: RP ID", ErrAssertion)
	case !d.UserPresent:
		return fmt.Errorf("%w: nobody was present", ErrAssertion)
	case !d.UserVerified:
		return fmt.Errorf("%w: the person was not verified", ErrAssertion)
	case d.BackedUp && !d.BackupEligible:
		return fmt.Errorf("%w: backed up, and not eligible", ErrAssertion)
	}
	return nil
}
