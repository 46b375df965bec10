// Package activation is the small part that may use residents' keys, and checks
// by itself that it may. It alone has the PIN of the token that holds the
// key-encryption key; it runs as a process and user of its own, keeps its tables
// in a schema that no other role can touch, and believes nothing that the API,
// the portal, the approval page's server or the database tells it: what it acts
// upon is signed by a device, by an officer, or by a key in its own token.
//
// A signature is made when the bound passkey has signed, with its person
// verified, a challenge over the very documents, and has sent the secret without
// which the key's seal does not open. docs/sole-control.md has the claims and
// the tests that attack them, docs/approval-protocol.md every byte.
//
// It signs CMS signed attributes that it has read itself, and nothing else:
// never a hash that it was only told, so never a certificate, a CSR or an OCSP
// answer.
package activation

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"chop/hsm"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
)

// Config is all that the activation process works with.
type Config struct {
	DB       *postgres.DB  // as the role that owns the schema
	Vault    hsm.Vault     // of the residents' key-encryption key
	MAC      hsm.MAC       // of the records
	Identity crypto.Signer // P-256; signs offers and statements
	Pins     func() (*Pins, error)
	Policy   Policy

	RPID          string // host of the approval origin, "approve.example.hk"
	RPName        string // what an authenticator shows for it
	ApproveOrigin string // "https://approve.example.hk"
	PortalOrigin  string // where the page may send a person back

	// VersionsFile remembers the highest version of each record that was ever
	// changed after it became active, outside of the database. Empty: in memory
	// only.
	VersionsFile string
	// MaxOpen bounds the transactions and enrolments in memory; 0 means 20,000.
	MaxOpen int
	Now     func() time.Time // nil means time.Now
	Log     *slog.Logger     // nil discards
}

// Times of life. The first is the design's: a secret never waits longer.
const (
	maxTTL        = 5 * time.Minute
	enrolTTL      = 15 * time.Minute // until the ticket; five minutes from then on
	collectWithin = 10 * time.Minute
	maxHeld       = 64 << 20 // bytes of signed attributes in memory
	maxTries      = 5        // refused approvals until a transaction fails
	maxClosed     = 1000     // closed transactions in memory, for pages that ask again
)

// Service is the activation process's core. Its methods may be called
// concurrently.
type Service struct {
	cfg      Config
	store    *store
	identity []byte // SubjectPublicKeyInfo
	versions *versions

	mu         sync.Mutex
	open       map[string]*transaction // by id; the last closed ones too
	byOwner    map[string]*transaction // by credential; open ones only
	closed     []*transaction          // the oldest first
	enrolments map[string]*enrolment
	stopped    map[string]bool // credentials, from the moment of a suspension
	held       int64
}

// New checks everything, closes what a former process left open, and is ready.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("activation: %w", err)
	}
	pub, ok := cfg.Identity.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("activation: the identity key is not ECDSA")
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("activation: identity key: %w", err)
	}
	if _, err := solecontrol.ParseSPKI(spki); err != nil {
		return nil, fmt.Errorf("activation: identity key: %w", err)
	}
	if _, err := cfg.Pins(); err != nil {
		return nil, fmt.Errorf("activation: %w", err)
	}
	s := &Service{
		cfg: cfg, store: &store{cfg.DB}, identity: spki,
		open: make(map[string]*transaction), byOwner: make(map[string]*transaction),
		enrolments: make(map[string]*enrolment), stopped: make(map[string]bool),
	}
	if s.versions, err = openVersions(cfg.VersionsFile); err != nil {
		return nil, fmt.Errorf("activation: %w", err)
	}
	// A kill between a record's change and its note in the file.
	var raised error
	err = s.store.raised(ctx, func(id string, version uint64) {
		raised = errors.Join(raised, s.versions.raise(id, version))
	})
	if err := errors.Join(err, raised); err != nil {
		return nil, fmt.Errorf("activation: %w", err)
	}
	n, err := s.store.closeLeft(ctx, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("activation: %w", err)
	}
	if n > 0 {
		cfg.Log.Info("closed what the last process left open", "count", n)
	}
	return s, nil
}

func (c *Config) check() error {
	if c.DB == nil || c.Vault == nil || c.MAC == nil || c.Identity == nil || c.Pins == nil {
		return errors.New("database, vault, MAC, identity key and pins are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = 20_000
	}
	if err := c.checkOrigins(); err != nil {
		return err
	}
	if c.RPName == "" {
		c.RPName = c.RPID
	}
	return c.Policy.check()
}

// checkOrigins: two origins, with TLS, and passkeys of exactly the approval one.
func (c *Config) checkOrigins() error {
	for _, origin := range []string{c.ApproveOrigin, c.PortalOrigin} {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return fmt.Errorf("origin %q is not of the form https://host", origin)
		}
		local := u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
		if u.Scheme == "http" && !local {
			return fmt.Errorf("origin %q: without TLS only on localhost", origin)
		}
		if origin == c.ApproveOrigin && u.Hostname() != c.RPID {
			return fmt.Errorf("RP ID %q is not the host of %s: a parent's passkeys could be used by its other hosts", c.RPID, origin)
		}
	}
	if c.ApproveOrigin == c.PortalOrigin {
		return errors.New("the approval origin and the portal are the same: signing in could sign")
	}
	return nil
}

// Identity is the SubjectPublicKeyInfo of the key that signs offers and
// statements.
func (s *Service) Identity() []byte { return s.identity }

// Policy says which passkeys are taken.
type Policy struct {
	// BackupEligible: "refuse" those that may travel with a cloud account, or
	// take them "with-device-key".
	BackupEligible string
	// Attestation: "none" keeps nothing, "recorded" keeps the statement for
	// later, "listed" takes only models of Models.
	Attestation string
	Models      []Model
}

// Model is a make of authenticator that is taken: its AAGUID, and the
// certificates under which its attestation must chain.
type Model struct {
	AAGUID [16]byte
	Roots  *x509.CertPool
}

// The values of Policy.
const (
	RefuseBackup  = "refuse"
	WithDeviceKey = "with-device-key"

	AttestationNone     = "none"
	AttestationRecorded = "recorded"
	AttestationListed   = "listed"
)

func (p *Policy) check() error {
	if p.BackupEligible != RefuseBackup && p.BackupEligible != WithDeviceKey {
		return fmt.Errorf("policy: backup_eligible %q is neither %s nor %s", p.BackupEligible, RefuseBackup, WithDeviceKey)
	}
	switch p.Attestation {
	case AttestationNone, AttestationRecorded:
	case AttestationListed:
		if len(p.Models) == 0 {
			return errors.New("policy: attestation is listed, and no model is")
		}
	default:
		return fmt.Errorf("policy: attestation %q is none of none, recorded, listed", p.Attestation)
	}
	return nil
}

// checkReturn takes addresses of the portal only.
func (s *Service) checkReturn(address string) error {
	if len(address) > 2048 || !strings.HasPrefix(address, s.cfg.PortalOrigin+"/") || solecontrol.CheckText(address) != nil {
		return fmt.Errorf("%w: return address is not on the portal", ErrRefused)
	}
	return nil
}
