// Package department is the site of a department's operators: they bring letters, ask for the
// department's seal, approve what another asks for, and take the sealed files away. It is pages over
// package sealing and has no rule of its own.
//
// An operator is known by the client certificate of the connection, and each act that has something
// sealed is signed by their passkey over every document of the batch. There is no session to steal.
//
// It refuses connections without an operator's certificate, and forms from another origin. It holds no
// key: what is approved here is sealed elsewhere, by whoever verifies the operators' words anew.
package department

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"chop/internal/postgres"
	"chop/sealing"
)

// ErrStranger: the connection's certificate is no operator's.
var ErrStranger = errors.New("client certificate is no operator's")

// Config is what a Desk needs.
type Config struct {
	DB   *postgres.DB
	Book *sealing.Book
	// Operator says which operator a request's client certificate stands for. An error that wraps ErrStranger is answered
	// as refused.
	Operator func(*http.Request) (id string, err error)
	// Seals are a department's, to choose from.
	Seals func(ctx context.Context, department string) ([]Seal, error)
	// RPID is the host that passkeys are made for.
	RPID string
	// Check is where anybody checks a sealed letter, without an account.
	Check string
	Log   *slog.Logger
	Now   func() time.Time
}

// Seal is one of a department's.
type Seal struct {
	ID, Name string
	Until    time.Time
}

// memory is how many uploads are read at the same time: each has 32 MiB at most.
const memory = 8

// Desk is the site. It is safe for concurrent use.
type Desk struct {
	c       Config
	texts   texts
	pages   map[string]*template.Template
	files   map[string]asset
	uploads *semaphore.Weighted
}

// New checks the configuration and reads the pages.
func New(c Config) (*Desk, error) {
	if c.DB == nil || c.Book == nil || c.Operator == nil || c.Seals == nil || c.RPID == "" {
		return nil, errors.New("new department's desk: DB, Book, Operator, Seals and RPID are wanted")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	d := &Desk{c: c, uploads: semaphore.NewWeighted(memory)}
	var err error
	if d.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if d.files, err = loadAssets(); err != nil {
		return nil, err
	}
	d.pages, err = loadPages()
	return d, err
}

func loadPages() (map[string]*template.Template, error) {
	layout, err := template.ParseFS(templates, "templates/_layout.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		page, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if pages[strings.TrimSuffix(path.Base(name), ".html")], err = page.ParseFS(templates, name); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
	}
	return pages, nil
}

// asset is one file that pages load.
type asset struct {
	kind string
	body []byte
}

func loadAssets() (map[string]asset, error) {
	kinds := map[string]string{"department.css": "text/css; charset=utf-8", "department.js": "text/javascript; charset=utf-8", "mark.svg": "image/svg+xml"}
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
