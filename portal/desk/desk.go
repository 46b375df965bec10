// Package desk is the registration officers' site: counters, mobile teams, the 24-hour
// hotline, supervisors. It is pages over package registration and has no rule of its own:
// what an officer may do, and whether a second one is needed, is decided there, and
// recorded there.
//
// An officer is known by two things at once: the client certificate of the connection,
// and the passkey that signs them on to a shift. A session is worth nothing with another
// certificate. Acts that bind the appliance are signed by the passkey, one by one.
//
// It refuses connections without a certificate of an officer, and anything from another
// origin. No personal datum is in an address, and no page is kept by a browser.
package desk

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"chop/internal/postgres"
	"chop/registration"
	"chop/registration/kiosk"
	"chop/registration/places"
)

// Config is what a Desk needs.
type Config struct {
	DB       *postgres.DB
	Registry *registration.Registry
	// Officer says which officer a request's client certificate stands for. An error that
	// wraps ErrStranger is answered as refused.
	Officer func(*http.Request) (id string, err error)
	// Cards are those that counters' readers have read; nil: no counter has a reader.
	Cards Cards
	// Origin is the desk's own, such as https://localhost:8443; passkeys are made for its host.
	Origin string
	Log    *slog.Logger
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
}

// Cards are what readers at counters have read; kiosk.Book keeps them.
type Cards interface {
	// Lying lists those at a place that no case was opened from.
	Lying(ctx context.Context, place string) ([]kiosk.Lying, error)
	// TakeCard opens the caller's case from one. kiosk.ErrNoSession, kiosk.ErrState: it is there no more.
	TakeCard(ctx context.Context, c registration.Caller, id string, contact registration.Contact) (*registration.Case, error)
}

// ErrStranger: the connection's certificate is no officer's.
var ErrStranger = errors.New("client certificate is no officer's")

// Desk is the site. It is safe for concurrent use.
type Desk struct {
	c      Config
	rpID   string
	pages  map[string]*template.Template // by name: each is the layout with that page's body
	texts  texts
	files  map[string]asset
	places *places.List
}

// New checks the configuration and reads the pages.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Registry == nil || c.Officer == nil {
		return nil, errors.New("new desk: DB, Registry and Officer are wanted")
	}
	origin, err := url.Parse(c.Origin)
	if err != nil || origin.Scheme != "https" || origin.Hostname() == "" {
		return nil, errors.New("new desk: Origin is no https origin")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Desk{c: c, rpID: origin.Hostname()}
	if d.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if d.places, err = places.Load(); err != nil {
		return nil, fmt.Errorf("new desk: %w", err)
	}
	if d.files, err = loadAssets(); err != nil {
		return nil, err
	}
	d.pages, err = loadPages()
	return d, err
}

func loadPages() (map[string]*template.Template, error) {
	layout, err := template.ParseFS(templates, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		page, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if pages[strings.TrimSuffix(path.Base(name), ".html")], err = page.ParseFS(templates, name); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// Housekeep deletes sessions that are over.
func (d *Desk) Housekeep(ctx context.Context) error {
	return deleteSessions(ctx, d.c.DB, d.c.Now())
}

// asset is one file that pages load.
type asset struct {
	kind string
	body []byte
}

func loadAssets() (map[string]asset, error) {
	kinds := map[string]string{"desk.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml"}
	files := map[string]asset{}
	for name, kind := range kinds {
		b, err := fs.ReadFile(assets, "assets/"+name)
		if err != nil {
			return nil, err
		}
		files[name] = asset{kind, b}
	}
	return files, nil
}
