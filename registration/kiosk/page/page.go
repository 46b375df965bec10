// Package page is what people see on a kiosk: one page that shows where the kiosk's session is, in three languages, for
// touch, keyboard and screen reader (portrait, 1080×1920). It has no rule of its own: sessions are registration/kiosk's,
// cases are registration's.
//
// A kiosk's browser is known by its client certificate, like the kiosk's agent, and asks for its own session: no
// address holds anything of a person, and the browser talks to nothing on the kiosk. What the card
// said is shown and never typed. A minute after the last touch the session is over and the page is the first one again; a script
// that reaches no server clears it then too.
package page

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"time"

	"chop/registration"
	"chop/registration/hkic"
	"chop/registration/kiosk"
	"chop/registration/places"
)

//go:embed texts.yaml
var textsFile []byte

//go:embed templates
var templates embed.FS

//go:embed assets
var assets embed.FS

// Book keeps the sessions; kiosk.Book does.
type Book interface {
	// Changed is closed once the session was changed by this process.
	Changed(k kiosk.Kiosk) <-chan struct{}
	Current(ctx context.Context, k kiosk.Kiosk) (*kiosk.Session, error)
	Touch(ctx context.Context, k kiosk.Kiosk, id string) (*kiosk.Session, error)
	End(ctx context.Context, k kiosk.Kiosk, id string) error
	Card(ctx context.Context, k kiosk.Kiosk, id string) (*hkic.CardData, error)
	OpenCase(ctx context.Context, k kiosk.Kiosk, id string, contact registration.Contact) (*registration.Case, error)
}

// Registry keeps the cases; registration.Registry does.
type Registry interface {
	Presence() bool
	Case(ctx context.Context, c registration.Caller, id string) (*registration.Case, error)
	BeginPresence(ctx context.Context, c registration.Caller, id string) (registration.FaceStep, error)
	PresenceTries(ctx context.Context, c registration.Caller, id string) (int, error)
	PresenceFrame(ctx context.Context, c registration.Caller, id, nonce string, frame []byte) (registration.FaceStep, error)
	OfferBinding(ctx context.Context, c registration.Caller, id, desk string) (*registration.Offer, error)
	ConfirmNumber(ctx context.Context, c registration.Caller, id, desk, number string) (*registration.Case, error)
}

// Config is what a Site needs.
type Config struct {
	Book     Book
	Registry Registry
	// Identify says which kiosk asks.
	Identify kiosk.Identify
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets what goes wrong; nil means slog.Default.
	Log *slog.Logger
}

// Site is the page. It is safe for concurrent use.
type Site struct {
	cfg    Config
	page   *template.Template
	texts  texts
	places *places.List
	inline inline
}

// New checks the configuration and reads the page.
func New(cfg Config) (*Site, error) {
	if cfg.Book == nil || cfg.Registry == nil || cfg.Identify == nil {
		return nil, errors.New("new kiosk page: Book, Registry and Identify are wanted")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Site{cfg: cfg}
	var err error
	if s.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if s.places, err = places.Load(); err != nil {
		return nil, fmt.Errorf("new kiosk page: %w", err)
	}
	if s.inline, err = newInline(); err != nil {
		return nil, fmt.Errorf("new kiosk page: %w", err)
	}
	s.page, err = template.ParseFS(templates, "templates/*.html")
	return s, err
}
