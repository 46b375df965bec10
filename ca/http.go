package ca

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"chop/internal/ocsp"
)

// Routes answers what certificates point to: OCSP by POST and GET, the CA
// certificates, the CRL, its delta and the ARL. All of it is public and signed.
func (a *Authority) Routes(r chi.Router) {
	r.Post(pathOCSP, a.postOCSP)
	r.Get(pathOCSP+"/*", a.getOCSP)
	r.Get(pathRoot, a.getCertificate(a.cfg.Root.Raw))
	r.Get(pathIssuing, a.getCertificate(a.cfg.Certificate.Raw))
	r.Get(pathCRL, a.getCRL(baseCRL))
	r.Get(pathDelta, a.getCRL(deltaCRL))
	r.Get(pathARL, a.getARL)
}

// postOCSP answers RFC 6960, appendix A.1.
func (a *Authority) postOCSP(w http.ResponseWriter, r *http.Request) {
	// One octet more than the limit, so that ParseRequest sees that it is broken.
	der, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ocsp.MaxRequestSize+1))
	if err != nil {
		writeOCSP(w, ocsp.Failure(ocsp.MalformedRequest))
		return
	}
	a.respond(w, r, der, false)
}

// getOCSP takes the request from the path, in Base64 with the characters /, +
// and = escaped or not: both are met. The path is read before the router
// decodes or cleans it, because Base64 may hold two slashes in a row.
func (a *Authority) getOCSP(w http.ResponseWriter, r *http.Request) {
	_, text, _ := strings.Cut(r.URL.EscapedPath(), pathOCSP+"/")
	var der []byte
	text, err := url.PathUnescape(text)
	if err == nil && len(text) <= base64.StdEncoding.EncodedLen(ocsp.MaxRequestSize) {
		der, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	}
	if err != nil || len(der) == 0 {
		writeOCSP(w, ocsp.Failure(ocsp.MalformedRequest))
		return
	}
	a.respond(w, r, der, true)
}

func (a *Authority) respond(w http.ResponseWriter, r *http.Request, der []byte, get bool) {
	answer, cacheable, err := a.respondOCSP(r.Context(), der)
	if err != nil {
		if r.Context().Err() == nil { // a client that has gone is no failure of ours
			a.cfg.Log.Error("answer OCSP request", "err", err)
		}
		answer = ocsp.Failure(ocsp.InternalError)
	}
	if get && cacheable {
		// A changed status must show within seconds, so what proxies keep is kept
		// as shortly. RFC 5019, 6.2 allows less than nextUpdate.
		w.Header().Set("Cache-Control", "public, no-transform, must-revalidate, max-age=2")
	} else {
		w.Header().Set("Cache-Control", "no-store")
	}
	writeOCSP(w, answer)
}

func writeOCSP(w http.ResponseWriter, der []byte) {
	w.Header().Set("Content-Type", "application/ocsp-response")
	writeDER(w, der)
}

func writeDER(w http.ResponseWriter, der []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(der))) // a cut body is an error, not a short answer
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(der)
}

// getCertificate serves one certificate in DER (RFC 5280, 4.2.2.1).
func (a *Authority) getCertificate(der []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-cert")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		writeDER(w, der)
	}
}

func (a *Authority) getCRL(kind listKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l, err := a.served(r.Context(), kind)
		a.writeCRL(w, r, l, err)
	}
}

func (a *Authority) getARL(w http.ResponseWriter, r *http.Request) {
	l, err := a.newestARL(r.Context())
	a.writeCRL(w, r, l, err)
}

func (a *Authority) writeCRL(w http.ResponseWriter, r *http.Request, l storedCRL, err error) {
	if err != nil {
		a.cfg.Log.Error("serve CRL", "err", err)
		http.Error(w, "the list cannot be given now", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-crl")
	w.Header().Set("Cache-Control", "public, max-age=5")
	w.Header().Set("Expires", l.NextUpdate.UTC().Format(http.TimeFormat))
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, l.Number))
	// A long list is worth a conditional request, and a range after a break.
	http.ServeContent(w, r, "", l.ThisUpdate, bytes.NewReader(l.CRL))
}
