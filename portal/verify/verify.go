// Package verify is the pages for those who receive signed documents: anybody, without an
// account. One file at a time, without script; or hundreds, which the browser sends one by
// one into a table.
//
// It has no verdict of its own. The validation service gives the report of EN 319 102-1 and the
// answer under the Electronic Transactions Ordinance (Cap. 553), within limits that are over all
// whom it serves; this package says them in plain words, in three languages.
//
// What it refuses: to keep anything. A document is read into memory, judged, and forgotten with
// the request: no temporary file, no database, no line of a log has its bytes, its name or its
// digest. The page of a result carries the result itself, sealed for this process, so that it can
// be shown in another language without the document.
package verify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"chop/policies"
	"chop/validation"
	"chop/validation/eto"
	"chop/validation/service"
)

// maxFiles is how many files one signature may come with here: a person chooses them by hand.
const maxFiles = 20

// Config is what a Site needs.
type Config struct {
	// Judge gives the verdicts, and bounds memory, processors and time.
	Judge *service.Service
	// Policies say which kinds of documents the law excludes.
	Policies *policies.Set
	// Sheet is the address of a style sheet with a language's fonts, of this origin; nil: the system's fonts are used.
	Sheet func(language string) string
	// Desk: the pages stand on a department's desk, and not on the residents' site.
	Desk bool
	// Secure: the site is reached by https.
	Secure bool
	// Version is shown at the foot of each page.
	Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Site is the pages. It is safe for concurrent use.
type Site struct {
	c        Config
	texts    texts
	pages    map[string]map[string]*template.Template // by name and language
	files    map[string]asset
	crossing *http.CrossOriginProtection
	most     int64  // bytes of a document and the files that its signature covers, together
	key      []byte // of the seals on results
}

// New checks the configuration and reads the pages.
func New(c Config) (*Site, error) {
	if c.Judge == nil || c.Policies == nil {
		return nil, errors.New("new verification site: Judge and Policies are wanted")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Site{c: c, most: c.Judge.Limits().Bytes, crossing: http.NewCrossOriginProtection(), key: make([]byte, 32)}
	if _, err := rand.Read(s.key); err != nil {
		return nil, fmt.Errorf("new verification site: %w", err)
	}
	var err error
	if s.texts, err = loadTexts(); err != nil {
		return nil, fmt.Errorf("new verification site: %w", err)
	}
	if s.files, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("new verification site: %w", err)
	}
	if s.pages, err = s.loadPages(); err != nil {
		return nil, fmt.Errorf("new verification site: %w", err)
	}
	s.crossing.SetDenyHandler(s.failure(http.StatusForbidden, "crossed"))
	return s, nil
}

// judge has a document judged. One that is of no known format is a result, not an error.
func (s *Site) judge(ctx context.Context, u *upload) (*Result, error) {
	q := service.Request{Document: u.document.content, Kind: u.kind}
	for _, f := range u.detached {
		q.Detached = append(q.Detached, validation.File{Name: f.name, Content: f.content})
	}
	r := newResult(u, s.c.Now())
	judged, err := s.c.Judge.Validate(ctx, q)
	if errors.Is(err, validation.ErrFormat) || errors.Is(err, service.ErrEmpty) {
		r.Verdict = Unreadable
		return r, nil
	}
	if err != nil {
		return nil, refused(err)
	}
	r.read(judged.Report, judged.ETO, u)
	return r, nil
}

// refused gives the service's errors words of their own.
func refused(err error) error {
	for _, known := range []struct {
		err    error
		status int
		key    string
	}{
		{service.ErrBusy, http.StatusServiceUnavailable, "busy"},
		{service.ErrTime, http.StatusServiceUnavailable, "slow"},
		{service.ErrSize, http.StatusRequestEntityTooLarge, "large"},
		{service.ErrCount, http.StatusUnprocessableEntity, "files"},
		{validation.ErrOptions, http.StatusUnprocessableEntity, "detached"},
		{eto.ErrKind, http.StatusUnprocessableEntity, "kind"},
	} {
		if errors.Is(err, known.err) {
			return &refusal{known.status, known.key, err}
		}
	}
	return err
}
