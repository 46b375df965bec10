package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"chop/ca"
	"chop/internal/web"
)

// publicRoutes is every URL of the public zone: what relying parties need, and nothing that knows a person.
//
//	GET  /                      what is here, for a person
//	GET  /cps                   what the certificates promise
//	GET  /healthz               204 while the process answers
//	GET  /ca/root.cer           certificates (AIA caIssuers)
//	GET  /ca/issuing.cer
//	GET  /crl/…  /arl/…         CRL, delta CRL, ARL (CDP, freshestCRL)
//	GET  /ocsp/{request}        RFC 6960, appendix A.1
//	POST /ocsp
//	POST /tsa                   RFC 3161, 3.4
func publicRoutes(site *publicPages, authority *ca.Authority, timestamps http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(web.Recover, middleware.GetHead) // RFC 9110, 9.1: who serves GET serves HEAD
	r.Method(http.MethodGet, "/", site.page("home"))
	r.Method(http.MethodGet, "/cps", site.page("cps"))
	r.Method(http.MethodGet, "/chop.css", site.style())
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	authority.Routes(r)
	r.Method(http.MethodPost, "/tsa", timestamps)
	return r
}
