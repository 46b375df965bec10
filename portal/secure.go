package portal

import (
	"net/http"
	"strings"
	"time"
)

// contentPolicy is what a page may load: nothing but our own files, and no script or
// style within a page. Forms may lead to the approval origin, because "sign with
// this device" goes there by a redirect.
func contentPolicy(approve string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'",
		"connect-src 'self'", "manifest-src 'self'", "form-action 'self' " + strings.TrimRight(approve, "/"),
		"frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'",
	}, "; ")
}

// headers sets what every answer carries.
func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// An address of a page may name a signing; it is nobody else's business.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		// A page here may ask for passkeys; a frame in it, which cannot be, may not. The camera is for registration alone.
		camera := "()"
		if strings.HasPrefix(r.URL.Path, "/register/") {
			camera = "(self)"
		}
		h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), camera="+camera+", microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if p.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// cookie makes one that no script reads and no other site sends, but for following a
// link to us. The prefix makes the browser refuse one that another host set.
func (p *Portal) cookie(name, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode,
	}
}

func (p *Portal) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return name
}

// cookieValue is what the browser sent, or nothing.
func (p *Portal) cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(p.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// limitBody bounds what a form may send. Who sends more sees a page that says so.
func (p *Portal) limitBody(n int64) func(http.Handler) http.Handler {
	tooLarge := p.problemPage(http.StatusRequestEntityTooLarge, "error.large")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > n {
				tooLarge.ServeHTTP(w, r)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, n)
			next.ServeHTTP(w, r)
		})
	}
}
