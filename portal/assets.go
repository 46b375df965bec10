package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// assets are the built style sheets, scripts, fonts and icons.
type assets struct {
	files map[string][]byte
	sums  map[string]string // SHA-256, the first 16 hexadecimal digits
	// Bundle names all of them together: it is at the foot of each page.
	Bundle string
}

func loadAssets() (*assets, error) {
	a := &assets{files: map[string][]byte{}, sums: map[string]string{}}
	all := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		sum := sha256.Sum256(content)
		a.files[name], a.sums[name] = content, hex.EncodeToString(sum[:8])
		fmt.Fprintf(all, "%s %x\n", name, sum)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read built files: %w", err)
	}
	a.Bundle = hex.EncodeToString(all.Sum(nil)[:6])
	return a, nil
}

// url is a file's address, which changes with its content.
func (a *assets) url(name string) string {
	return "/static/" + name + "?v=" + a.sums[name]
}

// FontSheet is the address of the style sheet with a language's fonts, for other pages of the same origin.
func (p *Portal) FontSheet(tag string) string {
	if t := tongueOf(tag); t != nil {
		return p.static.url(t.Fonts)
	}
	return p.static.url(tongues[1].Fonts)
}

// types that mime may not know on a bare machine.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png", ".txt": "text/plain; charset=utf-8",
}

// ServeHTTP serves one file. What carries its hash in the address, or in its name,
// never changes.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	content, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	tag := `"` + a.sums[name] + `"`
	h.Set("ETag", tag)
	if r.URL.Query().Get("v") == a.sums[name] || strings.HasPrefix(name, "fonts/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "public, max-age=3600")
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(content) // the client has gone: nobody is left to tell
}

// manifest is the web application manifest (W3C), in a language.
func (p *Portal) manifest(w http.ResponseWriter, r *http.Request, v *visit) error {
	name, err := p.words.text(v.Lang, "site.name")
	if err != nil {
		return err
	}
	about, err := p.words.text(v.Lang, "home.lead")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	return writeJSON(w, map[string]any{
		"id": "/", "start_url": "/", "scope": "/", "display": "standalone",
		"name": name, "short_name": "Chop", "description": about, "lang": v.Lang.Tag, "dir": "ltr",
		"background_color": "#fbfaf7", "theme_color": "#fbfaf7",
		"icons": []map[string]string{
			{"src": p.static.url("icon-192.png"), "sizes": "192x192", "type": "image/png"},
			{"src": p.static.url("icon-512.png"), "sizes": "512x512", "type": "image/png"},
			{"src": p.static.url("icon-maskable-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
			{"src": p.static.url("mark.svg"), "sizes": "any", "type": "image/svg+xml"},
		},
	})
}
