package main

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed assets/home.html
var homeHTML string

var homePage = template.Must(template.New("home").Parse(homeHTML))

// home is the front page of the public zone: what is served here, for a person who followed a certificate's URL.
func home(publicURL string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		_ = homePage.Execute(w, map[string]string{"PublicURL": publicURL}) // the connection is gone: nobody to tell
	}
}
