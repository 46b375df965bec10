package approval

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"chop/internal/web"
)

// maxBody of what the page sends: the largest are an approval of 20 documents
// and an attestation.
const maxBody = 64 << 10

// routes is everything that the origin answers.
func (o *Origin) routes(log *slog.Logger, now func() time.Time) (http.Handler, error) {
	stack, err := web.Stack(web.Config{Log: log, Now: now, MaxBody: maxBody})
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(o.headers)
	r.Use(stack...)
	r.Use(o.ownHost)
	r.NotFound(web.Handler(notFound).ServeHTTP)
	r.MethodNotAllowed(web.Handler(notAllowed).ServeHTTP)

	r.Method(http.MethodGet, "/bundle.json", web.Handler(o.getBundle))
	r.Method(http.MethodGet, "/identity.json", web.Handler(o.getIdentity))

	r.Method(http.MethodGet, "/api/tx/{id}", o.get("/v1/tx/", ""))
	r.Method(http.MethodGet, "/api/tx/{id}/documents/{n}", web.Handler(o.getDocument))
	r.Method(http.MethodPost, "/api/tx/{id}/approve", o.post("/v1/tx/", "/approve",
		"request", "assertion", "enc", "ciphertext", "deviceSignature"))
	r.Method(http.MethodPost, "/api/tx/{id}/decline", o.post("/v1/tx/", "/decline", "reason"))

	r.Method(http.MethodGet, "/api/enrol/{id}", o.get("/v1/enrol/", ""))
	r.Method(http.MethodPost, "/api/enrol/{id}/passkey", o.post("/v1/enrol/", "/passkey",
		"id", "attestationObject", "clientDataJSON", "transports", "deviceKey"))
	r.Method(http.MethodPost, "/api/enrol/{id}/seal", o.post("/v1/enrol/", "/seal",
		"request", "assertion", "enc", "ciphertext", "deviceSignature"))

	// A service worker could stand between the page and its published bytes, and
	// /.well-known/webauthn would let other origins use this one's passkeys.
	r.Method(http.MethodGet, "/.well-known/*", web.Handler(notFound))
	r.Method(http.MethodGet, "/*", web.Handler(o.getFile))
	return r, nil
}

func notFound(http.ResponseWriter, *http.Request) error {
	return web.Error(http.StatusNotFound, "There is nothing at this address.", nil)
}

func notAllowed(http.ResponseWriter, *http.Request) error {
	return web.Error(http.StatusMethodNotAllowed, "This address does not take that.", nil)
}

// getFile serves the page's files, and nothing else.
func (o *Origin) getFile(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Service-Worker") != "" {
		return web.Error(http.StatusForbidden, "This origin has no service worker.", nil)
	}
	if o.bundle == nil {
		return web.Error(http.StatusServiceUnavailable,
			"The approval page was not built into this program: run make web-approval, then make build.", ErrNotBuilt)
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	} else if name == "index.html" {
		return notFound(w, r) // one address for the page
	}
	f, ok := o.bundle.files[name]
	if !ok {
		return notFound(w, r)
	}
	return f.serve(w, r)
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) error {
	head := w.Header()
	// Browsers ask each time, and are told that nothing has changed.
	head.Set("Cache-Control", "no-cache")
	head.Set("ETag", `"`+f.SHA256+`"`)
	head.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == head.Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	head.Set("Content-Type", f.kind)
	data := f.data
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		head.Set("Content-Encoding", "gzip")
		data = f.gzipped
	}
	w.Write(data) // a client that has gone is no failure
	return nil
}

// getBundle answers what the page consists of.
func (o *Origin) getBundle(w http.ResponseWriter, _ *http.Request) error {
	if o.bundle == nil {
		return web.Error(http.StatusServiceUnavailable, "The approval page was not built into this program.", ErrNotBuilt)
	}
	return writeJSON(w, struct {
		Bundle string  `json:"bundle"`
		Files  []*file `json:"files"`
	}{o.bundle.hash, o.bundle.list})
}

// getIdentity answers the key by which the activation process signs its offers,
// and the one origin to which the page may send people back.
func (o *Origin) getIdentity(w http.ResponseWriter, r *http.Request) error {
	key, err := o.identity.get(r.Context(), o.activation)
	if err != nil {
		return errUnavailable(err)
	}
	return writeJSON(w, struct {
		Key    string `json:"key"` // SubjectPublicKeyInfo, base64url
		Portal string `json:"portal"`
	}{key, o.portal.Scheme + "://" + o.portal.Host})
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
	return nil
}

// errUnavailable is for a process behind us that does not answer; nothing was
// lost, and the page tries again.
func errUnavailable(err error) error {
	return web.Error(http.StatusServiceUnavailable, "The signing service does not answer at the moment. Nothing was lost. Please try again.", err)
}

// refuse answers a body that inspect refused.
func refuse(err error) error {
	if errors.Is(err, errSecret) {
		return web.Error(http.StatusBadRequest, "The request carries what must not leave the device. It was not forwarded.", err)
	}
	return web.Error(http.StatusBadRequest, "The request is not what the approval page sends.", err)
}
