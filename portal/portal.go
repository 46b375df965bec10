// Package portal is the residents' site: pages over the services, in three
// languages, for every screen from 360 px on, and without script where it can.
//
// It has no rules of its own. Who may do what is decided by registration and
// signer, which are asked again at every act. It never sees a signing challenge
// or a resident's secret: signing is approved on another origin, and the passkey
// that signs in here can sign nothing. A session that came to be by a QR code on
// a computer (a linked one) may ask for an approval and can never give one.
//
// What a person has put together and not signed lies here sealed under a key
// that only their browser has. No page, address or log carries an identity
// card's number in full.
package portal

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"chop/internal/postgres"
	"chop/policies"
	"chop/portal/forms"
	"chop/registration/places"
)

// Config is what the portal needs.
type Config struct {
	// DB has the migrated schema.
	DB *postgres.DB
	// Accounts is the registration authority, Signings residents' signing, Notices their inbox.
	Accounts Accounts
	Signings Signings
	Notices  Notices
	// Remote registers people on their own phones; nil: it is not offered.
	Remote Remotes
	// Forms is the catalogue.
	Forms *forms.Catalogue
	// Policies say which kinds of documents the law excludes.
	Policies *policies.Set
	// PublicURL is the portal's origin, ApproveURL that of the approval page:
	// scheme, host and port, without a path.
	PublicURL, ApproveURL string
	// Version is shown at the foot of each page.
	Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default.
	Log *slog.Logger
}

// Portal is the site. It is safe for concurrent use, and any number of them may
// work on one database.
type Portal struct {
	cfg      Config
	store    *store
	sessions *scs.SessionManager
	passkeys *webauthn.WebAuthn
	words    *words
	places   *places.List
	pages    map[string]*pageSet
	static   *assets
	crossing *http.CrossOriginProtection
	policy   string // Content-Security-Policy
	secure   bool   // cookies over https only
}

// New checks the configuration, and that every page and text is whole.
func New(cfg Config) (*Portal, error) {
	switch {
	case cfg.DB == nil || cfg.Accounts == nil || cfg.Signings == nil || cfg.Notices == nil:
		return nil, errors.New("new portal: DB, Accounts, Signings and Notices are wanted")
	case cfg.Forms == nil || cfg.Policies == nil:
		return nil, errors.New("new portal: Forms and Policies are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	public, err := origin(cfg.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("new portal: PublicURL: %w", err)
	}
	if _, err := origin(cfg.ApproveURL); err != nil {
		return nil, fmt.Errorf("new portal: ApproveURL: %w", err)
	}
	p := &Portal{cfg: cfg, store: &store{db: cfg.DB}, secure: public.Scheme == "https"}
	if p.words, err = loadWords(); err != nil {
		return nil, fmt.Errorf("new portal: %w", err)
	}
	if p.places, err = places.Load(); err != nil {
		return nil, fmt.Errorf("new portal: %w", err)
	}
	if p.static, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("new portal: %w", err)
	}
	if p.pages, err = p.loadPages(); err != nil {
		return nil, fmt.Errorf("new portal: %w", err)
	}
	if p.passkeys, err = newPasskeys(public); err != nil {
		return nil, fmt.Errorf("new portal: %w", err)
	}
	p.sessions = p.newSessions()
	p.crossing = http.NewCrossOriginProtection()
	p.crossing.SetDenyHandler(p.problemPage(http.StatusForbidden, "error.crossed"))
	p.policy = contentPolicy(cfg.ApproveURL)
	return p, nil
}

// origin parses scheme, host and port, and refuses anything else.
func origin(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%q is no origin", raw)
	}
	return u, nil
}
