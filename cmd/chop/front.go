package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

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
				"The approval service is starting again. Nothing has been signed. Please try again in a moment.", err))
		},
	}
}
