package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"chop/internal/solecontrol"
)

// The paths on the server's kiosk listener, all POST with JSON: {} for an Offer, a Reading or a
// Problem for a Verdict, a Question for a Ticket, a Signed for a Verdict.
const (
	PathSessions = "/kiosk/v1/sessions"
	PathReadings = "/kiosk/v1/readings"
	PathProblems = "/kiosk/v1/problems"
	PathTickets  = "/kiosk/v1/tickets"
	PathSigned   = "/kiosk/v1/signatures"
)

// MaxMessage bounds a message either way, in bytes: seven KiB of files as base64url, and the rest.
const MaxMessage = 16 << 10

// ErrServer says that the server did not take a message, with its status.
var ErrServer = errors.New("server refused the message")

// Client is the Server over HTTPS with a client certificate.
type Client struct {
	base *url.URL
	http *http.Client
}

// NewClient takes the kiosk listener's address and TLS with the kiosk's certificate and the server's CA.
func NewClient(address string, config *tls.Config) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("new kiosk client: the server's address is not https")
	}
	if config == nil || len(config.Certificates) == 0 || config.RootCAs == nil {
		return nil, errors.New("new kiosk client: a client certificate and the server's CA are wanted")
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &Client{u, &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: 10 * time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Open asks for a session.
func (c *Client) Open(ctx context.Context) (*Offer, error) {
	var o Offer
	return &o, c.post(ctx, PathSessions, struct{}{}, &o)
}

// Read brings a reading.
func (c *Client) Read(ctx context.Context, r *Reading) (*Verdict, error) {
	var v Verdict
	return &v, c.post(ctx, PathReadings, r, &v)
}

// Report brings a problem.
func (c *Client) Report(ctx context.Context, p *Problem) (*Verdict, error) {
	var v Verdict
	return &v, c.post(ctx, PathProblems, p, &v)
}

// Ticket asks for a ticket.
func (c *Client) Ticket(ctx context.Context, session string) (*Ticket, error) {
	var t Ticket
	return &t, c.post(ctx, PathTickets, Question{session}, &t)
}

// Sign brings a signed one.
func (c *Client) Sign(ctx context.Context, s *Signed) error {
	var v Verdict
	return c.post(ctx, PathSigned, s, &v)
}

func (c *Client) post(ctx context.Context, path string, message, answer any) error {
	body, err := solecontrol.Encode(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage+1))
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %s", ErrServer, resp.Status)
	case len(text) > MaxMessage:
		return fmt.Errorf("%w: its answer is too long", ErrServer)
	}
	if err := solecontrol.Decode(text, answer); err != nil {
		return fmt.Errorf("%w: %w", ErrServer, err)
	}
	return nil
}
