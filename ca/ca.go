// Package ca is the certification authority: it issues, suspends, resumes and
// revokes certificates under the profiles of package policies, and answers for
// their status by OCSP (RFC 6960) and by CRLs, full and delta (RFC 5280). The
// ceremony that creates the root and the issuing CA is here too.
//
// Every certificate is recorded before it is signed. The order is: reserve the
// serial and record the digest of what passed lint; sign; compare what was
// signed with what was recorded; store. A process that dies between any two of
// these leaves no certificate without its record, and none is released that
// was not stored.
//
// Status answers come from records alone: a serial that is not recorded is
// unknown, never good. Revoked is final, which the schema enforces.
//
// The package holds no keys: they are crypto.Signer values. It refuses keys
// without proof of possession or with known weaknesses, a key that belongs to
// another credential, a subject that its profile does not allow or that holds
// an identity card's number, anything that lint finds, and a resident's
// certificate without the activation process's statement that it made this key
// for this person.
package ca

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"chop/internal/postgres"
	"chop/policies"
)

// Config is what an Authority needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Policies are the profiles and suites.
	Policies *policies.Set
	// Suite judges subject keys on the day of issue; empty means "default".
	Suite string
	// Root is the trust anchor; Certificate the issuing CA's, signed by it.
	Root, Certificate *x509.Certificate
	// Key is the issuing CA's.
	Key crypto.Signer
	// Responder is the key of the delegated OCSP responder. Its certificate is
	// issued and renewed by the Authority.
	Responder crypto.Signer
	// FindResponder finds the responder's key anew, when the records have a
	// newer certificate for another one: somebody has replaced it. Nil: it stays.
	FindResponder func(context.Context) (crypto.Signer, error)
	// Statements verifies enrolment statements; nil: no profile that needs one is issued.
	Statements StatementVerifier
	// URLs are placed into certificates and CRLs.
	URLs URLs
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// Authority is the issuing CA at work. It is safe for concurrent use, and any
// number of them may work on one database.
type Authority struct {
	cfg       Config
	store     *store
	linter    *linter
	suite     *policies.Suite
	issuer    *issuer
	root      rootID
	responder responder
	answers   *answerCache
	lists     map[listKind]*list
	arl       list
}

// New checks the configuration and prepares the issuer. It neither signs nor
// writes.
func New(cfg Config) (*Authority, error) {
	switch {
	case cfg.DB == nil || cfg.Policies == nil:
		return nil, errors.New("new authority: DB and Policies are wanted")
	case cfg.Root == nil || cfg.Certificate == nil || cfg.Key == nil || cfg.Responder == nil:
		return nil, errors.New("new authority: Root, Certificate, Key and Responder are wanted")
	case cfg.URLs == (URLs{}):
		return nil, errors.New("new authority: URLs are wanted")
	}
	if err := cfg.Certificate.CheckSignatureFrom(cfg.Root); err != nil {
		return nil, fmt.Errorf("new authority: the root has not signed the issuing CA: %w", err)
	}
	if samePublicKey(cfg.Key.Public(), cfg.Responder.Public()) {
		return nil, errors.New("new authority: the OCSP responder has the issuing CA's key")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Suite == "" {
		cfg.Suite = "default"
	}
	suite, err := cfg.Policies.Suite(cfg.Suite)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	l, err := newLinter()
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	i, err := newIssuer(cfg.Certificate, cfg.Key, false)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	root, err := newRootID(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	a := &Authority{
		cfg: cfg, store: newStore(cfg.DB), linter: l, suite: suite, issuer: i, root: root,
		answers: newAnswerCache(), lists: newLists(),
	}
	a.responder.key = cfg.Responder
	return a, nil
}

// Issuing is the issuing CA's certificate.
func (a *Authority) Issuing() *x509.Certificate { return a.cfg.Certificate }

// Root is the trust anchor.
func (a *Authority) Root() *x509.Certificate { return a.cfg.Root }
