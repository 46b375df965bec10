// Package registration is the registration authority (RFC 3647, 1.3.2; EN 319
// 411-1, 6.2): accounts of residents, the case that leads from an application
// to an active account with a certificate, and what happens to an account
// afterwards: suspension, resumption, closing.
//
// One account a person (an identity card's number), one signing device an
// account. All states and transitions are the table in states.go. Each method
// takes the Caller after the context, checks that the caller may, and records
// an audit event in the transaction that changes something.
//
// Personal data lie sealed field by field (registration/personal); they are
// found by keyed digests of exact values only. No personal datum is written
// into a log, an error's text, an audit event or an address.
//
// The package makes no key and signs nothing: keys are made by the activation
// process, certificates by the issuing CA, tickets by officers' passkeys. It
// never sees a signing challenge or a resident's secret.
package registration

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"chop/internal/postgres"
	"chop/notification"
	"chop/policies"
	"chop/registration/attempts"
	"chop/registration/immd"
	"chop/registration/officers"
	"chop/registration/personal"
	"chop/registration/places"
	"chop/registration/steps"
)

// Config is what a Registry needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Policies says what officers of each role may do, and how often.
	Policies *policies.Set
	// Sealer seals data keys in the sealer's token; hsm.Sealer has its methods.
	Sealer personal.Sealer
	// Immigration is the client of the Immigration Department.
	Immigration *immd.Client
	// Activation makes, suspends and destroys residents' keys.
	Activation Activation
	// Certificates issues residents' certificates and changes their status.
	Certificates Certificates
	// Sessions ends a resident's sessions on the portal; nil: there are none.
	Sessions Sessions
	// Remote is what registration on a person's own phone needs; nil: it is not offered.
	Remote *RemoteConfig
	// Notices tells residents; nil: nobody is told.
	Notices *notification.Service
	// RPID is the approval origin's host, which the signing passkey is for.
	RPID string
	// OfficerRPID and OfficerOrigin are those of the officers' desk.
	OfficerRPID, OfficerOrigin string
	// Agreement is the id of the subscriber agreement's present text, which the
	// portal shows; empty means DefaultAgreement.
	Agreement string
	// PortalURL is where a phone lands after enrolment; the QR code points below it.
	PortalURL string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// DefaultAgreement is the id of the subscriber agreement that this release carries.
const DefaultAgreement = "subscriber-agreement-2026-11"

// Registry is the registration authority at work. It is safe for concurrent
// use, and any number of them may work on one database.
type Registry struct {
	cfg      Config
	store    *store
	people   *personal.Book
	officers *officers.Book
	attempts *attempts.Book
	steps    *steps.Book
	places   *places.List
	tries    faceTries
	// holder names this process in cases whose photos it has.
	holder string
	kept   keptPhotos
}

// New checks the configuration. It neither writes nor asks anybody.
func New(cfg Config) (*Registry, error) {
	switch {
	case cfg.DB == nil || cfg.Policies == nil || cfg.Sealer == nil:
		return nil, errors.New("new registry: DB, Policies and Sealer are wanted")
	case cfg.Immigration == nil || cfg.Activation == nil || cfg.Certificates == nil:
		return nil, errors.New("new registry: Immigration, Activation and Certificates are wanted")
	case cfg.RPID == "" || cfg.OfficerRPID == "" || cfg.OfficerOrigin == "" || cfg.PortalURL == "":
		return nil, errors.New("new registry: RPID, OfficerRPID, OfficerOrigin and PortalURL are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Agreement == "" {
		cfg.Agreement = DefaultAgreement
	}
	if cfg.Remote != nil {
		if err := cfg.Remote.check(); err != nil {
			return nil, err
		}
	}
	r := &Registry{cfg: cfg, store: &store{cfg.DB}, holder: uuid.NewString()}
	var err error
	if r.places, err = places.Load(); err != nil {
		return nil, fmt.Errorf("new registry: %w", err)
	}
	if r.people, err = personal.New(personal.Config{DB: cfg.DB, Sealer: cfg.Sealer, Now: cfg.Now}); err != nil {
		return nil, fmt.Errorf("new registry: %w", err)
	}
	if r.attempts, err = attempts.New(attempts.Config{DB: cfg.DB, Now: cfg.Now}); err != nil {
		return nil, fmt.Errorf("new registry: %w", err)
	}
	if r.steps, err = steps.New(steps.Config{DB: cfg.DB, Now: cfg.Now}); err != nil {
		return nil, fmt.Errorf("new registry: %w", err)
	}
	r.officers, err = officers.New(officers.Config{
		DB: cfg.DB, Policies: cfg.Policies, People: r.people,
		RPID: cfg.OfficerRPID, Origin: cfg.OfficerOrigin, Now: cfg.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("new registry: %w", err)
	}
	return r, nil
}

// Officers is the book of officers and shifts.
func (r *Registry) Officers() *officers.Book { return r.officers }
