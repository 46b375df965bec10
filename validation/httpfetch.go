package validation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"chop/internal/cms"
	"chop/internal/ocsp"
)

// Limits of one answer. A CRL of a large CA has some megabytes.
const (
	maxAnswer    = 16 << 20
	maxRedirects = 3
	maxURLs      = 4 // of one kind in one certificate
)

// HTTPConfig says whom an HTTPFetcher may ask. The addresses stand in certificates,
// and those come with the document: whoever sends a document chooses what we connect
// to (server-side request forgery).
type HTTPConfig struct {
	// Hosts ("ocsp.example.hk", with a port where it is not the scheme's own) are asked
	// wherever they are.
	Hosts []string
	// OnlyHosts refuses all others. Without it others are asked if their addresses are
	// public: no loopback, private, link-local or multicast ones.
	OnlyHosts bool
	// Timeout bounds one question; zero means 10 s.
	Timeout time.Duration
}

// HTTPFetcher is a Fetcher that follows the pointers in certificates (RFC 5280,
// 4.2.1.13 and 4.2.2.1) over HTTP. Answers are taken as they come: everything is
// signed, so HTTPS would add nothing but the need to trust somebody.
type HTTPFetcher struct {
	cfg            HTTPConfig
	public, listed *http.Client
}

var errHost = errors.New("address is not to be asked")

// NewHTTPFetcher returns an HTTPFetcher.
func NewHTTPFetcher(cfg HTTPConfig) *HTTPFetcher {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	f := &HTTPFetcher{cfg: cfg}
	f.public, f.listed = f.client(true), f.client(false)
	return f
}

func (f *HTTPFetcher) client(publicOnly bool) *http.Client {
	dialer := &net.Dialer{Timeout: f.cfg.Timeout}
	if publicOnly {
		// Checked on the address that is dialled, after the name was resolved: a name that
		// resolves to something else the second time gains nothing.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() || sharedSpace.Contains(ip) {
				return fmt.Errorf("%w: %v is not public", errHost, ip)
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: f.cfg.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirections", maxRedirects)
			}
			// To the same kind of host only: a listed one must not lead into the private network.
			listed, err := f.allowed(req.URL)
			if err == nil && listed == publicOnly {
				err = fmt.Errorf("%w: redirection to %s", errHost, req.URL.Host)
			}
			return err
		},
	}
}

// sharedSpace is that of carriers (RFC 6598), which netip calls neither private nor
// public.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// allowed reports whether the URL's host is listed, and whether it may be asked.
func (f *HTTPFetcher) allowed(u *url.URL) (listed bool, err error) {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return false, fmt.Errorf("%w: %s", errHost, u.Redacted())
	}
	listed = slices.Contains(f.cfg.Hosts, u.Host)
	if !listed && f.cfg.OnlyHosts {
		return false, fmt.Errorf("%w: %s is not listed", errHost, u.Host)
	}
	return listed, nil
}

// ask sends one request: GET, or POST with a body.
func (f *HTTPFetcher) ask(ctx context.Context, address string, body []byte) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHost, err)
	}
	listed, err := f.allowed(u)
	if err != nil {
		return nil, err
	}
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	client := f.public
	if listed {
		client = f.listed
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", u.Host, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("%s answers more than %d bytes", u.Host, maxAnswer)
	}
	return b, nil
}

// Issuers follows caIssuers: a certificate in DER or PEM, or a certs-only CMS message.
func (f *HTTPFetcher) Issuers(ctx context.Context, cert *x509.Certificate) ([][]byte, error) {
	var out [][]byte
	var errs []error
	for _, address := range first(cert.IssuingCertificateURL) {
		b, err := f.ask(ctx, address, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if block, _ := pem.Decode(b); block != nil {
			b = block.Bytes
		}
		if m, err := cms.Parse(b); err == nil {
			out = append(out, m.Certificates...)
			continue
		}
		out = append(out, b)
	}
	return out, errors.Join(errs...)
}

// Revocation asks the OCSP responders, and fetches the CRLs if none answers.
func (f *HTTPFetcher) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (crls, ocsps [][]byte, err error) {
	var errs []error
	id, err := ocsp.NewCertID(crypto.SHA1, issuer, cert.SerialNumber) // the hash that every responder knows
	if err != nil {
		return nil, nil, err
	}
	request, err := (&ocsp.Request{CertIDs: []ocsp.CertID{id}}).Marshal()
	if err != nil {
		return nil, nil, err
	}
	for _, address := range first(cert.OCSPServer) {
		b, err := f.ask(ctx, address, request)
		if err == nil {
			var r *ocsp.Response
			if r, err = ocsp.ParseResponse(b); err == nil && r.Status == ocsp.Successful {
				return nil, [][]byte{b}, nil
			}
		}
		if err == nil {
			err = fmt.Errorf("%s gives no answer", address)
		}
		errs = append(errs, err)
	}
	for _, address := range first(cert.CRLDistributionPoints) {
		b, err := f.ask(ctx, address, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if block, _ := pem.Decode(b); block != nil {
			b = block.Bytes
		}
		crls = append(crls, b)
	}
	if len(crls) > 0 {
		return crls, nil, nil
	}
	return nil, nil, errors.Join(errs...)
}

func first(list []string) []string { return list[:min(len(list), maxURLs)] }
