package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"chop/ca"
	"chop/internal/web"
	"chop/portal"
	"chop/portal/verify"
)

// publicRoutes is every URL of the public address: what relying parties need, which knows no person, and the residents'
// site. The approval origin has a host, a process and routes of its own (signer/approval).
//
//	GET  /pki                   what is here, for a relying party
//	GET  /cps                   what the certificates promise
//	GET  /healthz               204 while the process answers
//	GET  /ca/root.cer           certificates (AIA caIssuers)
//	GET  /ca/issuing.cer
//	GET  /crl/…  /arl/…         CRL, delta CRL, ARL (CDP, freshestCRL)
//	GET  /ocsp/{request}        RFC 6960, appendix A.1
//	POST /ocsp
//	POST /tsa                   RFC 3161, 3.4
//	POST /v1/validations        judges a signed document (validation/service)
//	GET  /v1/openapi.yaml       how, for programs
//	     /verify…               checks signed documents, for anybody (portal/verify)
func publicRoutes(site *publicPages, authority *ca.Authority, timestamps http.Handler, validations func(chi.Router), receivers *verify.Site, residents *portal.Portal) http.Handler {
	r := chi.NewRouter()
	r.Use(web.Recover, middleware.GetHead) // RFC 9110, 9.1: who serves GET serves HEAD
	r.Method(http.MethodGet, "/pki", site.page("home"))
	r.Method(http.MethodGet, "/cps", site.page("cps"))
	r.Method(http.MethodGet, "/chop.css", site.style())
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	authority.Routes(r)
	r.Method(http.MethodPost, "/tsa", timestamps)
	validations(r)
	if receivers != nil {
		receivers.Routes(r)
	}
	if residents != nil {
		residents.Routes(r) // the site, and its pages for addresses that are none (portal/http.go)
	}
	return r
}
