package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/cms"
	"chop/signer/pades"
)

// The states of a credential.
const (
	StateRequested = "requested" // the key is made, the certificate is not there yet
	StateActive    = "active"
	StateDisabled  = "disabled"
	StateAbandoned = "abandoned" // the certificate never came
)

// sealProfile is the certificate profile of departments' seals.
const sealProfile = "department-seal"

// A Credential is a key in our keeping and its certificate.
type Credential struct {
	ID          string // UUIDv7
	Name        string
	Profile     string
	KeySpec     string // "p256", "rsa2048", …
	Scheme      string // "ecdsa", "pkcs1", "pss"
	State       string
	Serial      string // of the certificate, lower-case hexadecimal
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // from the issuer up
	CreatedAt   time.Time
}

// SealRequest asks for a new seal.
type SealRequest struct {
	// Name is the department's name.
	Name string
	// KeySpec is "p256" (also when empty), "p384", "rsa2048" or "rsa3072".
	KeySpec string
	// Scheme is "pkcs1" (also when empty) or "pss", for RSA keys only.
	Scheme string
	// Operator is who asks, as the audit log names them.
	Operator string
}

// CreateSeal makes a key in the token, records it wrapped, has it certified and makes
// the credential active.
func (s *Service) CreateSeal(ctx context.Context, r SealRequest) (*Credential, error) {
	if s.c.Issuer == nil {
		return nil, ErrNoIssuer
	}
	if r.Name = strings.TrimSpace(r.Name); r.Name == "" || r.Operator == "" {
		return nil, fmt.Errorf("%w: a seal needs a name and an operator", pades.ErrRequest)
	}
	if r.KeySpec == "" {
		r.KeySpec = "p256"
	}
	switch r.KeySpec {
	case "p256", "p384", "rsa2048", "rsa3072":
	default:
		return nil, fmt.Errorf("%w: a seal's key is p256, p384, rsa2048 or rsa3072, not %q", pades.ErrRequest, r.KeySpec)
	}
	if r.Scheme != "" && !strings.HasPrefix(r.KeySpec, "rsa") {
		return nil, fmt.Errorf("%w: scheme %q is for RSA keys", pades.ErrRequest, r.Scheme)
	}
	switch r.Scheme {
	case "", string(cms.PKCS1), string(cms.PSS):
	default:
		return nil, fmt.Errorf("%w: a scheme is pkcs1 or pss, not %q", pades.ErrRequest, r.Scheme)
	}
	row, err := s.requestSeal(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.certifySeal(ctx, r, row)
}

// requestSeal makes the key and records it.
func (s *Service) requestSeal(ctx context.Context, r SealRequest) (*credentialRow, error) {
	pub, wrapped, err := s.c.Keys.Generate(ctx, r.KeySpec)
	if err != nil {
		return nil, fmt.Errorf("make seal's key: %w", err)
	}
	scheme, err := cms.SchemeFor(pub, cms.Scheme(r.Scheme))
	if err != nil {
		return nil, fmt.Errorf("choose seal's scheme: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encode seal's public key: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make credential id: %w", err)
	}
	row := &credentialRow{
		ID: id, Profile: sealProfile, Name: r.Name, KeySpec: r.KeySpec, Scheme: string(scheme),
		WrappedKey: wrapped, SPKI: spki, State: StateRequested, CreatedAt: s.c.Now(),
	}
	err = insertCredential(ctx, s.c.DB, row, audit.Event{
		At: row.CreatedAt, Actor: r.Operator, Action: "signer.request-seal", Subject: "credential:" + id.String(),
		Detail: map[string]any{"name": r.Name, "key": r.KeySpec, "scheme": row.Scheme},
	})
	if err != nil {
		return nil, fmt.Errorf("record seal's key: %w", err)
	}
	return row, nil
}

// certifySeal gets the certificate and activates the credential.
func (s *Service) certifySeal(ctx context.Context, r SealRequest, row *credentialRow) (*Credential, error) {
	var csr []byte
	err := s.c.Keys.Use(ctx, row.WrappedKey, func(key crypto.Signer) error {
		if err := sameKey(key.Public(), row.SPKI); err != nil {
			return err
		}
		var err error
		csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			Subject: pkix.Name{CommonName: row.Name},
		}, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prove possession of seal's key: %w", err)
	}
	certs, err := s.c.Issuer.IssueSeal(ctx, IssueRequest{
		Credential: row.ID.String(), Name: row.Name, CSR: csr, Operator: r.Operator,
	})
	if err != nil {
		return nil, fmt.Errorf("issue seal's certificate: %w", err)
	}
	if len(certs) == 0 || !bytes.Equal(certs[0].RawSubjectPublicKeyInfo, row.SPKI) {
		return nil, fmt.Errorf("issue seal's certificate: %w", ErrKey)
	}
	row.State, row.Certificate, row.Chain = StateActive, certs[0].Raw, [][]byte{}
	for _, c := range certs[1:] {
		row.Chain = append(row.Chain, c.Raw)
	}
	err = activateCredential(ctx, s.c.DB, row, audit.Event{
		At: s.c.Now(), Actor: r.Operator, Action: "signer.create-seal", Subject: "credential:" + row.ID.String(),
		Detail: map[string]any{"name": row.Name, "certificate": hex.EncodeToString(certs[0].SerialNumber.Bytes())},
	})
	if err != nil {
		return nil, fmt.Errorf("record seal's certificate: %w", err)
	}
	return row.credential()
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

func (s *Service) row(ctx context.Context, id string) (*credentialRow, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no credential id", ErrCredentialNotFound, id)
	}
	return selectCredential(ctx, s.c.DB, u)
}

func (r *credentialRow) credential() (*Credential, error) {
	c := &Credential{
		ID: r.ID.String(), Name: r.Name, Profile: r.Profile, KeySpec: r.KeySpec, Scheme: r.Scheme,
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
