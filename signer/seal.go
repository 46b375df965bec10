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

	"github.com/google/uuid"

	"chop/internal/audit"
	"chop/internal/cms"
	"chop/signer/pades"
)

// sealProfile is the certificate profile of departments' seals.
const sealProfile = "department-seal"

// SealRequest asks for a new seal.
type SealRequest struct {
	// Name is the department's name.
	Name string
	// Department is whose operators' word the seal will want, for ever; empty: nobody's.
	Department string
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
	if err := s.c.Issuer.CheckSeal(r.Name); err != nil {
		return nil, fmt.Errorf("look at the seal's name: %w", err)
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
		ID: id, Profile: sealProfile, Name: r.Name, Department: r.Department, KeySpec: r.KeySpec, Scheme: string(scheme),
		WrappedKey: wrapped, SPKI: spki, State: StateRequested, CreatedAt: s.c.Now(),
	}
	err = insertCredential(ctx, s.c.DB, row, audit.Event{
		At: row.CreatedAt, Actor: r.Operator, Action: "signer.request-seal", Subject: "credential:" + id.String(),
		Detail: map[string]any{"name": r.Name, "department": r.Department, "key": r.KeySpec, "scheme": row.Scheme},
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
