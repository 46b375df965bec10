package portal

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"chop/registration"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageSet is one page in each language, by tag.
type pageSet struct{ in map[string]*template.Template }

// view is what a template sees.
type view struct {
	*visit
	Page    string // the template's name, for the room that is marked as present
	Path    string
	Version string
	Bundle  string
	Approve string
	// Form is set on pages with a form: the language switch then sends what was typed with it.
	Form bool
	// Wrong lists what the person must put right, in the order of the page.
	Wrong []wrong
	// D is the page's own.
	D any
}

// wrong is one line of the error summary. ID is that of the field.
type wrong struct{ ID, Text string }

// loadPages parses every page with the layout, once a language: the functions of a
// template know the language, so that no page can forget to pass it.
func (p *Portal) loadPages() (map[string]*pageSet, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*pageSet{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if strings.HasPrefix(page, "_") {
			continue
		}
		set := &pageSet{in: map[string]*template.Template{}}
		for _, tongue := range tongues {
			t := template.New(page).Funcs(p.functions(tongue)).Option("missingkey=error")
			if t, err = t.ParseFS(templateFiles, "templates/_*.html", name); err != nil {
				return nil, fmt.Errorf("parse page %s: %w", page, err)
			}
			set.in[tongue.Tag] = t
		}
		pages[page] = set
	}
	return pages, nil
}

// functions are those of the templates in a language.
func (p *Portal) functions(t *tongue) template.FuncMap {
	return template.FuncMap{
		"t":      func(id string, args ...any) (string, error) { return p.words.text(t, id, args...) },
		"date":   t.date,
		"moment": t.moment,
		"birth":  t.birth,
		"size":   size,
		"asset":  p.static.url,
		"serial": grouped,
		"in":     func(text interface{ In(tag string) string }) string { return text.In(t.Tag) },
		"place": func(id string) (string, error) {
			if id == registration.PlaceRemote {
				return p.words.text(t, "place.remote")
			}
			return p.places.Name(id, t.Tag), nil
		},
		"list":  func(items ...any) []any { return items },
		"plus":  func(a, b int) int { return a + b },
		"zero":  func(at time.Time) bool { return at.IsZero() },
		"clock": func(seconds int) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) },
		"share": func(left, total int) string { return fmt.Sprintf("%.3f", float64(left)/float64(max(1, total))) },

		"tongues":   func() []*tongue { return tongues },
		"dateParts": func() []datePart { return dateParts(t) },
		// What the long texts consist of.
		"agreementParts":     func() []string { return []string{"what", "key", "care", "certificate", "end", "law"} },
		"noticeParts":        func() []string { return []string{"why", "what", "must", "who", "kept", "rights"} },
		"accessibilityParts": func() []string { return []string{"aim", "how", "limits", "tell"} },
		"privacyParts":       func() []string { return []string{"what", "why", "who", "kept", "rights", "cookies"} },
		"termsParts":         func() []string { return []string{"use", "signing", "device", "documents", "liability"} },
	}
}

// show answers with a page. The page is whole before anything is written.
func (p *Portal) show(w http.ResponseWriter, r *http.Request, v *visit, status int, page string, fill view) error {
	set, ok := p.pages[page]
	if !ok {
		return fmt.Errorf("no page %q", page)
	}
	fill.visit, fill.Page, fill.Path = v, page, r.URL.Path
	fill.Version, fill.Bundle, fill.Approve = p.cfg.Version, p.static.Bundle, strings.TrimRight(p.cfg.ApproveURL, "/")
	var body bytes.Buffer
	if err := set.in[v.Lang.Tag].ExecuteTemplate(&body, "layout", fill); err != nil {
		return fmt.Errorf("draw page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang.Tag)
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the client has gone: nobody is left to tell
	return nil
}

// writeJSON answers a script of ours.
func writeJSON(w http.ResponseWriter, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = w.Write(body)
	return nil
}

// readJSON reads what a script of ours sent.
func readJSON(r *http.Request) ([]byte, error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "error.request")
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// redirect sends a person on after a form, so that going back or loading anew does
// not send it twice.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
