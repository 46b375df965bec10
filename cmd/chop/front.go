package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"chop/internal/web"
)

// byHost answers the approval origin's host with approval, and every other with rest. Without a proxy before it, one
// TCP address serves both origins; what tells them apart to a browser is the host alone.
func byHost(approveURL string, approval, rest http.Handler) http.Handler {
	u, err := url.Parse(approveURL)
	if err != nil || u.Hostname() == "" {
		return rest
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if strings.EqualFold(host, u.Hostname()) {
			approval.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// behind puts the client's address where handlers look for it, for limits by address. Behind proxies that is the last
// address in X-Forwarded-For that none of them has; what a client wrote there itself is further to the left. Who connects
// and is no proxy is the client, and a proxy that names nobody stays one. Without trusted proxies it says once that there
// seems to be one.
func behind(proxies []string, log *slog.Logger, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		var once sync.Once
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Forwarded-For") != "" {
				once.Do(func() {
					log.Warn("a request came through a proxy that is not trusted: limits by address take all its clients for one", "hint", "name the proxy's address in trusted_proxy (docs/operations.md)")
				})
			}
			next.ServeHTTP(w, r)
		})
	}
	return middleware.ClientIPFromXFF(proxies...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client := middleware.GetClientIP(r.Context()); client != "" {
			r.RemoteAddr = net.JoinHostPort(client, "0")
		}
		next.ServeHTTP(w, r)
	}))
}

// relay hands requests to a process that listens on a Unix socket. It adds nothing and takes nothing away, but for
// the headers that belong to one connection (RFC 9110, 7.6.1).
func relay(socket string) http.Handler {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "approval"
			p.Out.Host = p.In.Host
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
			MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			web.Fail(w, r, web.Error(http.StatusServiceUnavailable,
				"The approval service is starting again. Please try again in a moment. If you had just approved, look in the portal first: it may be signed.", err))
		},
	}
}
