package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
)

// The states of a credential.
const (
	StateRequested = "requested" // the key is made, the certificate is not there yet
	StateActive    = "active"
	StateDisabled  = "disabled"
	StateAbandoned = "abandoned" // the certificate never came
)

// A Credential is a key in our keeping and its certificate.
type Credential struct {
	ID          string // UUIDv7
	Name        string
	Department  string // whose operators' word it wants; empty: nobody's
	Profile     string
	KeySpec     string // "p256", "rsa2048", …
	Scheme      string // "ecdsa", "pkcs1", "pss"
	State       string
	Serial      string // of the certificate, lower-case hexadecimal
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // from the issuer up
	CreatedAt   time.Time
}

// Credential returns the credential of that id.
func (s *Service) Credential(ctx context.Context, id string) (*Credential, error) {
	row, err := s.row(ctx, id)
	if err != nil {
		return nil, err
	}
	return row.credential()
}

// Credentials lists all credentials, oldest first.
func (s *Service) Credentials(ctx context.Context) ([]*Credential, error) {
	rows, err := selectCredentials(ctx, s.c.DB)
	if err != nil {
		return nil, err
	}
	list := make([]*Credential, len(rows))
	for i := range rows {
		if list[i], err = rows[i].credential(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SealsOf lists the active seals of a department, for who has no key: a page to choose from.
func SealsOf(ctx context.Context, db *postgres.DB, department string) (list []*Credential, err error) {
	rows, err := selectCredentials(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if department == "" || r.Department != department || r.State != StateActive {
			continue
		}
		c, err := r.credential()
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (s *Service) row(ctx context.Context, id string) (*credentialRow, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no credential id", ErrCredentialNotFound, id)
	}
	return selectCredential(ctx, s.c.DB, u)
}

func (r *credentialRow) credential() (*Credential, error) {
	c := &Credential{
		ID: r.ID.String(), Name: r.Name, Department: r.Department, Profile: r.Profile, KeySpec: r.KeySpec, Scheme: r.Scheme,
		State: r.State, CreatedAt: r.CreatedAt,
	}
	if r.Certificate == nil {
		return c, nil
	}
	var err error
	if c.Certificate, err = x509.ParseCertificate(r.Certificate); err != nil {
		return nil, fmt.Errorf("read certificate of credential %s: %w", c.ID, err)
	}
	c.Serial = hex.EncodeToString(c.Certificate.SerialNumber.Bytes())
	for _, der := range r.Chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read chain of credential %s: %w", c.ID, err)
		}
		c.Chain = append(c.Chain, cert)
	}
	return c, nil
}

// sameKey compares a key in the token with the one that was certified. Key wrap
// authenticates a key but not whose it is: exchanged rows must not sign.
func sameKey(pub crypto.PublicKey, spki []byte) error {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !bytes.Equal(der, spki) {
		return ErrKey
	}
	return nil
}
