package device

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"chop/internal/solecontrol"
)

// ErrAnswer: the approval origin answered with a problem.
var ErrAnswer = errors.New("the approval origin refused")

// Page is the approval page, on a device.
type Page struct {
	Device *Device
	// Origin of the approval page: "https://approve.example.hk".
	Origin string
	// Identity is activation's key. Without it the device takes the one that the
	// origin shows at first, and no other afterwards.
	Identity *ecdsa.PublicKey
	// HTTP is the client; nil means one that reaches *.localhost at 127.0.0.1, as
	// browsers do.
	HTTP *http.Client
	// Show is given what the person would see, before anything is approved; an
	// error declines. nil approves everything.
	Show func(Request) error
}

// Request is what the page shows.
type Request struct {
	Service   solecontrol.Service
	Code      string
	Documents []Document
}

// Document is one document as it was downloaded.
type Document struct {
	Name string
	PDF  []byte
}

// LocalClient reaches the names under localhost at 127.0.0.1: resolvers need not
// know them (RFC 6761, 6.3), browsers do.
func LocalClient() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, address)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *Page) client() *http.Client {
	if p.HTTP == nil {
		p.HTTP = LocalClient()
	}
	return p.HTTP
}

// identity is activation's key: given, remembered, or taken now and remembered.
func (p *Page) identity(ctx context.Context) (*ecdsa.PublicKey, error) {
	if p.Identity != nil {
		return p.Identity, nil
	}
	d := p.Device
	d.mu.Lock()
	spki := d.pins[p.Origin]
	d.mu.Unlock()
	if spki == nil {
		var shown struct {
			Key    solecontrol.Bytes `json:"key"`
			Portal string            `json:"portal,omitempty"`
		}
		if err := p.ask(ctx, http.MethodGet, "/identity.json", nil, &shown); err != nil {
			return nil, err
		}
		spki = shown.Key
	}
	key, err := solecontrol.ParseSPKI(spki)
	if err != nil {
		return nil, fmt.Errorf("activation's key: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pins[p.Origin] == nil {
		d.pins[p.Origin] = spki
		if err := d.save(); err != nil {
			return nil, err
		}
	}
	p.Identity = key
	return key, nil
}

const maxJSONAnswer = 1 << 20

// ask sends JSON and reads JSON strictly into out, if out is not nil.
func (p *Page) ask(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := solecontrol.Encode(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	answer, err := p.do(ctx, method, path, body, maxJSONAnswer)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := solecontrol.Decode(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (p *Page) do(ctx context.Context, method, path string, body io.Reader, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.Origin+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the approval origin: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", p.Origin)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := p.client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the approval origin: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("ask the approval origin: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("ask the approval origin: the answer has over %d bytes", limit)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, &Refusal{Status: res.StatusCode, Code: word(b)}
	}
	return b, nil
}

// Refusal is a problem of the approval origin, by its word (RFC 9457).
type Refusal struct {
	Status int
	Code   string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%v: %d %s", ErrAnswer, r.Status, r.Code) }
func (r *Refusal) Unwrap() error { return ErrAnswer }

func path(parts ...string) string {
	var b strings.Builder
	b.WriteString("/api")
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(part))
	}
	return b.String()
}
