package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"chop/ca"
	"chop/policies"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.ParseFS(assets, "assets/pages.html"))

// publicPages are the pages for a person who followed an address in a certificate: what is served here, and what
// the certificates promise (the CPS pointer, RFC 5280, 4.2.1.4).
type publicPages struct {
	PublicURL string
	URLs      ca.URLs
	Profiles  []*policies.Profile
}

func newPublicPages(publicURL string, set *policies.Set) (*publicPages, error) {
	urls, err := ca.URLsUnder(publicURL)
	if err != nil {
		return nil, err
	}
	p := &publicPages{PublicURL: publicURL, URLs: urls}
	for _, name := range set.Profiles() {
		profile, err := set.Profile(name)
		if err != nil {
			return nil, err
		}
		p.Profiles = append(p.Profiles, profile)
	}
	return p, nil
}

// page answers with the page of that name.
func (p *publicPages) page(name string) http.Handler {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, p); err != nil {
		panic(fmt.Sprintf("page %s: %v", name, err)) // the templates and their data are fixed at start
	}
	return static("text/html; charset=utf-8", body.Bytes())
}

// style answers with the pages' style sheet.
func (p *publicPages) style() http.Handler {
	css, err := assets.ReadFile("assets/chop.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return static("text/css; charset=utf-8", css)
}

// static answers with fixed bytes that may load nothing but our own style sheet.
func static(contentType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "max-age=300")
		_, _ = w.Write(body) // the client has gone: nobody is left to tell
	})
}
