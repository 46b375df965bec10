// Package enrolled records residents' signing credentials: whose they are, the enrolment
// ticket that each was made on, and every certificate that was issued for it. The keys
// are the activation process's; nothing here can use one.
package enrolled

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// ErrOther: the credential is recorded for another account, ticket or profile, or is
// retired.
var ErrOther = errors.New("credential is recorded otherwise")

// Credential is one row of signer_resident.
type Credential struct {
	ID        uuid.UUID
	Account   uuid.UUID
	Profile   string
	State     string
	Ticket    []byte
	Passkey   []byte
	CreatedAt time.Time
	ChangedAt time.Time
}

// Certificate is one row of signer_resident_certificate.
type Certificate struct {
	SHA256       []byte `db:"sha256"`
	CredentialID uuid.UUID
	Certificate  []byte
	Chain        [][]byte
	IssuedAt     time.Time
}
