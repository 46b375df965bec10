// Package approval serves the approval origin: the one place where a resident's
// signing passkey works. It gives out the page's published files, byte for byte,
// and carries what the page says to signer/activation and back.
//
// It is not trusted with a signature. It holds no key, no session, no cookie,
// no table; what it forwards is checked by the activation process, and what it
// shows is made by files whose hashes are published. A hostile copy of it could
// still take the secret of who approves there (docs/sole-control.md, C): that is
// why it is small, static, and runs as a process and a user of its own.
package approval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config of an approval origin.
type Config struct {
	// ApproveURL is the origin's own address, https://host[:port] without a path.
	// http is for localhost names only. Requests for another host are refused.
	ApproveURL string
	// PortalURL is the residents' site: the one origin to which the page sends
	// people back.
	PortalURL string
	// Activation reaches approval-activation.sock, Documents documents.sock; see
	// Unix.
	Activation http.RoundTripper
	Documents  http.RoundTripper
	Log        *slog.Logger
	Now        func() time.Time // nil: time.Now
}

// Origin is the approval origin, an http.Handler.
type Origin struct {
	approve, portal *url.URL
	bundle          *bundle // nil where the page was not built
	activation      *http.Client
	documents       *http.Client
	identity        identity
	handler         http.Handler
}

// ErrNotBuilt is why the origin answers 503: this binary was built without the
// page (make web-approval).
var ErrNotBuilt = errors.New("the approval page is not in this binary")

// New checks cfg. It asks no socket: the processes may start in any order.
func New(cfg Config) (*Origin, error) {
	b, err := readBundle(embedded())
	if err != nil && !errors.Is(err, ErrNotBuilt) {
		return nil, fmt.Errorf("approval: read the page: %w", err)
	}
	return newOrigin(cfg, b)
}

func newOrigin(cfg Config, b *bundle) (*Origin, error) {
	approve, err := parseOrigin(cfg.ApproveURL)
	if err != nil {
		return nil, fmt.Errorf("approval: ApproveURL: %w", err)
	}
	portal, err := parseOrigin(cfg.PortalURL)
	if err != nil {
		return nil, fmt.Errorf("approval: PortalURL: %w", err)
	}
	switch {
	case approve.Hostname() == portal.Hostname():
		// One host would be one RP ID: a sign-in could then approve.
		return nil, errors.New("approval: ApproveURL and PortalURL have the same host")
	case cfg.Activation == nil || cfg.Documents == nil:
		return nil, errors.New("approval: no Activation or no Documents")
	case cfg.Log == nil:
		return nil, errors.New("approval: no Log")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	o := &Origin{
		approve: approve, portal: portal, bundle: b,
		activation: &http.Client{Transport: cfg.Activation, Timeout: 30 * time.Second, CheckRedirect: noRedirect},
		documents:  &http.Client{Transport: cfg.Documents, Timeout: 2 * time.Minute, CheckRedirect: noRedirect},
	}
	if o.handler, err = o.routes(cfg.Log, cfg.Now); err != nil {
		return nil, fmt.Errorf("approval: %w", err)
	}
	return o, nil
}

// ServeHTTP serves the origin.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.handler.ServeHTTP(w, r) }

// Built says whether the page is in this binary.
func (o *Origin) Built() bool { return o.bundle != nil }

// Hash is the page's hash in hex, as bundle.json, the page's foot and the
// release have it; empty where the page was not built.
func (o *Origin) Hash() string {
	if o.bundle == nil {
		return ""
	}
	return o.bundle.hash
}

// Unix reaches an HTTP server on a Unix socket, whatever host a request names.
func Unix(socket string) http.RoundTripper {
	var d net.Dialer
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
		MaxIdleConns: 16, MaxIdleConnsPerHost: 16, MaxConnsPerHost: 64,
		IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parseOrigin takes an address on which WebAuthn works: https, or http on a
// localhost name; never an IP address. WebAuthn Level 3, 5.1.2.
func parseOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.TrimSuffix(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is not an origin, such as https://approve.example.hk", s)
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, fmt.Errorf("%q names an IP address, where passkeys do not work", s)
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%q is not https", s)
	}
	u.Path = ""
	u.Host = strings.ToLower(u.Host)
	return u, nil
}
