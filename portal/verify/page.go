package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"chop/internal/web"
	"chop/validation"
)

// view is what every page gets.
type view struct {
	Lang, Page, Path string
	Version          string
	Desk             bool
	Fonts            string
	Sealed           string // the result, on its own page
	Wrong            string // a text's key; empty: nothing is wrong
	D                any
}

// refusal is an error that has words of its own, error-KEY.
type refusal struct {
	status int
	key    string
	err    error // never shown, never logged: it may have a name in it
}

func (e *refusal) Error() string { return e.key }
func (e *refusal) Unwrap() error { return e.err }

func (s *Site) loadPages() (map[string]map[string]*template.Template, error) {
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if strings.HasPrefix(page, "_") {
			continue
		}
		pages[page] = map[string]*template.Template{}
		for _, lang := range languages {
			t, err := template.New(page).Funcs(s.functions(lang)).ParseFS(templates, "templates/_*.html", name)
			if err != nil {
				return nil, fmt.Errorf("parse page %s: %w", page, err)
			}
			pages[page][lang] = t
		}
	}
	return pages, nil
}

// functions know the language, so that no page can forget to pass it.
func (s *Site) functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":         func(key string, args ...any) string { return s.texts.in(lang, key, args...) },
		"moment":    func(at time.Time) string { return moment(lang, at) },
		"iso":       func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"size":      size,
		"plain":     validation.Plain, // what a stranger wrote
		"in":        func(p map[string]string) string { return phrase(lang, p) },
		"phrase":    etoPhraseIn(lang),
		"asset":     func(name string) string { return "/verify/assets/" + name + "?v=" + s.files[name].sum },
		"languages": func() []string { return languages },
		"kinds":     s.kinds,
		"slug":      slug,
		"limit":     func() string { return size(s.most) },
		"bytes":     func() int64 { return s.most },
		"wrong":     func(key string) string { return s.wrong(lang, key) },
		"script":    func() map[string]any { return s.scriptTexts(lang) },
		"coverage":  func(what string) string { return s.coverage(lang, what) },
		"list":      func(items ...string) []string { return items },
	}
}

// wrong is the text for what is wrong.
func (s *Site) wrong(lang, key string) string {
	if key == "error-large" {
		return s.texts.in(lang, key, size(s.most))
	}
	return s.texts.in(lang, key)
}

// slug makes a key of a word of another package.
func slug(word any) string {
	return strings.ToLower(strings.NewReplacer(" ", "-", "_", "-").Replace(fmt.Sprint(word)))
}

func loadAssets() (map[string]asset, error) {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	files := map[string]asset{}
	entries, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b, err := fs.ReadFile(assets, "assets/"+e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		files[e.Name()] = asset{kinds[path.Ext(e.Name())], hex.EncodeToString(sum[:8]), b}
	}
	return files, nil
}

type handler func(w http.ResponseWriter, r *http.Request, lang string) error

// page makes a handler one that answers its errors with a page, or problem details (RFC 9457) for a script.
func (s *Site) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Has("lang") {
			if lang := r.URL.Query().Get("lang"); slices.Contains(languages, lang) {
				s.keepLanguage(w, lang)
			}
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
			return
		}
		lang := languageOf(r)
		if err := h(w, r, lang); err != nil {
			s.fail(w, r, lang, err)
		}
	})
}

func (s *Site) failure(status int, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, languageOf(r), &refusal{status, key, nil})
	})
}

// fail answers an error. What is wrong with a form is said on the form; the log hears of a refusal by its key only.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, lang string, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // the person has gone
	}
	known := &refusal{http.StatusInternalServerError, "ours", err}
	if !errors.As(err, &known) {
		web.Log(r.Context()).Error("verification page failed", "err", err.Error())
	} else {
		web.Log(r.Context()).Info("verification page refused", "status", known.status, "why", known.key)
	}
	if known.status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "5")
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		web.Fail(w, r, &web.HTTPError{Status: known.status, Person: s.wrong(lang, "error-"+known.key), Code: known.key})
		return
	}
	page := "failure"
	if slices.Contains([]string{"none", "detached", "kind", "large", "files"}, known.key) {
		page = "ask"
	}
	if drawn := s.show(w, r, lang, known.status, page, view{Wrong: "error-" + known.key}); drawn != nil {
		web.Fail(w, r, errors.Join(err, drawn))
	}
}

// show answers with a page. The page is whole before anything is written.
func (s *Site) show(w http.ResponseWriter, r *http.Request, lang string, status int, page string, v view) error {
	v.Lang, v.Page, v.Path, v.Version, v.Desk = lang, page, r.URL.Path, s.c.Version, s.c.Desk
	if s.c.Sheet != nil {
		v.Fonts = s.c.Sheet(lang)
	}
	if v.Path != "/verify/many" {
		v.Path = "/verify"
	}
	var body bytes.Buffer
	if err := s.pages[page][lang].ExecuteTemplate(&body, "layout", v); err != nil {
		return fmt.Errorf("draw page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the browser has gone: nobody is left to tell
	return nil
}
