package verify

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
)

// Routes adds every address of the site:
//
//	GET  /verify               asks for a file and what kind of document it is
//	POST /verify               the answer, on one page
//	POST /verify/language      the same answer in another language, from the page itself
//	GET  /verify/many          the table for hundreds
//	POST /verify/files         one of them: JSON
//	GET  /verify/assets/{name}
func (s *Site) Routes(root chi.Router) {
	root.Group(func(r chi.Router) {
		r.Use(s.headers, s.crossing.Handler, s.limit(600, time.Minute))
		r.Get("/verify/assets/{name}", s.serveAsset)
		r.Method(http.MethodGet, "/verify", s.page(s.ask))
		r.Method(http.MethodGet, "/verify/many", s.page(s.many))
		r.With(s.limitBody(maxSealed+slack)).Method(http.MethodPost, "/verify/language", s.page(s.again))
	})
	root.Group(func(r chi.Router) {
		// Who has one document sends it a few times; a department's table of five hundred is sent three times over.
		// Twice what is taken is read, so that a person hears why.
		r.Use(s.headers, s.crossing.Handler, s.limitBody(2*s.most+slack))
		r.With(s.limit(60, 10*time.Minute)).Method(http.MethodPost, "/verify", s.page(s.answer))
		r.With(s.limit(1500, 10*time.Minute)).Method(http.MethodPost, "/verify/files", s.page(s.answerFile))
	})
}

const slack = 64 << 10 // of the form around a file

var contentPolicy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'", "connect-src 'self'",
	"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'",
}, "; ")

func (s *Site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if s.c.Secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// limit allows n requests a time for each client; whoever stands before this site has put the client's own address in place.
func (s *Site) limit(n int, per time.Duration) func(http.Handler) http.Handler {
	return httprate.LimitBy(n, per, func(r *http.Request) (string, error) { return network(r), nil },
		httprate.WithLimitHandler(s.failure(http.StatusTooManyRequests, "many").ServeHTTP))
}

// network is what counts as one client: an IPv4 address, or the /64 that an IPv6 subscriber has.
func network(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return p.String()
}

func (s *Site) limitBody(n int64) func(http.Handler) http.Handler {
	large := s.failure(http.StatusRequestEntityTooLarge, "large")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > n {
				large.ServeHTTP(w, r)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, n)
			next.ServeHTTP(w, r)
		})
	}
}

func (s *Site) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.files[chi.URLParam(r, "name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=3600")
	if r.URL.Query().Get("v") == a.sum { // an address with its hash never changes
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(a.body) // the browser has gone: nobody is left to tell
}
