// Package signer makes signatures: it brings together a document, a credential and a
// signature policy, has the key used once, and hands out nothing that our own
// validation would refuse. It owns the credentials of departments' seals and the record
// of every signature.
//
// The order of one signature is what makes a crash harmless, and never changes:
// prepare the document in a temporary file; record the intent with the digests of what
// is to be signed; use the key; finish, and let the Checker judge the file; record the
// result; give the file its name. A signature that is recorded as signed may be missing
// from the disk after a crash, but none is on the disk that is not recorded. No
// transaction is held open across a signature, a timestamp or a check.
//
// It refuses what the policy does not allow, a credential that is not active, a
// certificate that is not good at this moment, and a key that is not the one in the
// certificate. It cannot name a resident's credential: those sign only where their
// holder approves.
package signer

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"chop/internal/postgres"
	"chop/policies"
	"chop/signer/pades"
)

// Keys makes and uses wrapped keys; a vault of the HSM serves.
type Keys interface {
	// Generate makes a key pair ("p256", "rsa2048", …) and returns its private half
	// wrapped.
	Generate(ctx context.Context, spec string) (pub crypto.PublicKey, wrapped []byte, err error)
	// Use unwraps a key for the duration of fn.
	Use(ctx context.Context, wrapped []byte, fn func(crypto.Signer) error) error
}

// A Checker is our own validation.
type Checker interface {
	// Check returns nil if the file would pass; otherwise the error says what failed.
	Check(ctx context.Context, doc io.ReaderAt, size int64) error
}

// A WholeChecker is our own validation of the formats whose files are held in memory: XML,
// CMS, containers, JSON.
type WholeChecker interface {
	// CheckWhole returns nil if the signature with this id, or name, would pass; file is what a
	// detached one covers, by its name, or nil.
	CheckWhole(ctx context.Context, doc []byte, id, name string, file []byte) error
}

// An Issuer certifies a seal's key.
type Issuer interface {
	// CheckSeal says whether a certificate could be had for that name, without recording
	// anything: what it refuses, IssueSeal would refuse after the key was made.
	CheckSeal(name string) error
	// IssueSeal returns the certificate for the key and subject of a request, and its
	// chain from the issuer up.
	IssueSeal(ctx context.Context, r IssueRequest) ([]*x509.Certificate, error)
}

// IssueRequest is what an Issuer certifies.
type IssueRequest struct {
	// Credential is the credential's id, to which the key belongs for ever.
	Credential string
	// Name is the department's name, the certificate's common name.
	Name string
	// CSR is a DER PKCS #10 request signed by the key: the proof of possession.
	CSR []byte
	// Operator is who asked for it.
	Operator string
}

// A CertificateStatus knows whether a certificate is good now.
type CertificateStatus interface {
	// CertificateGood returns an error that says why not, if cert is suspended,
	// revoked or unknown.
	CertificateGood(ctx context.Context, cert *x509.Certificate) error
}

// A Document is a signature between preparing and finishing; each format has its own.
type Document interface {
	// DTBSR returns the digest that the key signs and the hash it was made with.
	DTBSR() (crypto.Hash, []byte)
	// Digest returns the digest of the document's bytes that are covered.
	Digest() []byte
	// Field returns the name of the form field that will hold the signature.
	Field() string
	// Finish verifies the signature and completes the file.
	Finish(ctx context.Context, signature []byte) error
	// Size returns the length of the file in bytes.
	Size() int64
}

// Config is what a Service needs.
type Config struct {
	DB       *postgres.DB
	Policies *policies.Set
	// Keys wraps and uses the seals' keys.
	Keys Keys
	// Timestamper and Evidence serve the levels above B-B.
	Timestamper pades.Timestamper
	Evidence    pades.EvidenceSource
	// TokenSize is the room left for a timestamp in bytes; 0: pades's own. Room that is
	// too small spoils a signature after the key was used; too much makes files larger.
	TokenSize int
	// Checker judges every file before it is handed out.
	Checker Checker
	// WholeChecker does the same for files that are held in memory; nil: this service signs
	// none.
	WholeChecker WholeChecker
	// Issuer certifies new seals; nil: this service makes none.
	Issuer Issuer
	// Status is asked before every signature.
	Status CertificateStatus
	// Authorizer is asked before a department's seal signs; nil: none does here.
	Authorizer Authorizer
	// Font is the path of the font for visible signatures; empty: pades.DefaultFont.
	// It is read when it is first needed.
	Font string
	// Log gets what an operator should know beside the audit log; nil: nowhere.
	Log *slog.Logger
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
}

// A Service signs. It is safe for concurrent use.
type Service struct {
	c       Config
	font    func() (*pades.Font, error)
	sweeper sweeper
	folders folders

	mu    sync.Mutex
	cache map[cacheKey]*material
}

// New checks the configuration.
func New(c Config) (*Service, error) {
	switch {
	case c.DB == nil || c.Policies == nil:
		return nil, errors.New("new signer: no database or no policies")
	case c.Keys == nil:
		return nil, errors.New("new signer: no keys")
	case c.Checker == nil:
		return nil, errors.New("new signer: no checker; nothing may be handed out unchecked")
	case c.Status == nil:
		return nil, errors.New("new signer: no certificate status")
	case c.Timestamper == nil || c.Evidence == nil:
		return nil, errors.New("new signer: no timestamper or no source of evidence")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	face := 0
	if c.Font == "" {
		c.Font, face = pades.DefaultFont, pades.DefaultFontFace
	}
	return &Service{
		c:     c,
		cache: map[cacheKey]*material{},
		font:  sync.OnceValues(func() (*pades.Font, error) { return pades.LoadFont(c.Font, face) }),
	}, nil
}

// policy returns the signature policy of that name if it allows the level, and the
// level, which is the policy's own if none is asked for.
func (s *Service) policy(name, level string) (*policies.Signature, pades.Level, error) {
	if name == "" {
		name = DefaultPolicy
	}
	p, err := s.c.Policies.Signature(name)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if level == "" {
		level = p.DefaultLevel
	}
	l, err := pades.ParseLevel(level)
	if err != nil {
		return nil, "", err
	}
	if !p.Allows(level) {
		return nil, "", fmt.Errorf("%w: policy %q allows the levels %v, not %s", ErrPolicy, p.Name, p.Levels, level)
	}
	return p, l, nil
}
