package solecontrol

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"regexp"

	"github.com/google/uuid"
)

const (
	idSize       = 16   // of a transaction's or an enrolment's id
	nonceSize    = 32   // of a nonce
	maxPasskeyID = 1023 // WebAuthn Level 3, 4, Credential ID
)

// NewID makes a transaction's or an enrolment's id: 16 random bytes, 22
// characters in JSON.
func NewID() string { return Bytes(random(idSize)).String() }

// NewNonce makes 32 random bytes.
func NewNonce() Bytes { return random(nonceSize) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// CheckID refuses what NewID cannot have made.
func CheckID(id string) error {
	b, err := ParseBytes(id)
	if err != nil || len(b) != idSize {
		return fmt.Errorf("%w: id", ErrFormat)
	}
	return nil
}

// checkUUIDs takes UUIDv7 in the usual text only, so that one id has one text.
func checkUUIDs(ids ...string) error {
	for _, id := range ids {
		u, err := uuid.Parse(id)
		if err != nil || u.String() != id || u.Version() != 7 {
			return fmt.Errorf("%w: not a UUIDv7", ErrFormat)
		}
	}
	return nil
}

var (
	hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	oidPattern  = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]{0,9})){1,20}$`)
)

func checkRPID(id string) error {
	if !hostPattern.MatchString(id) {
		return fmt.Errorf("%w: RP ID", ErrFormat)
	}
	return nil
}

// Code is what both screens show so that a person sees that they belong to the
// same transaction: four digits. It is no secret and protects nothing by itself.
func Code(tx string, nonce []byte) string {
	d := labelled(labelCode, []byte(tx), nonce)
	return fmt.Sprintf("%04d", binary.BigEndian.Uint32(d[:4])%10000)
}
