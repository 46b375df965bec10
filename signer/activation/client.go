package activation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"chop/internal/solecontrol"
)

// Client speaks to the activation process over one of its sockets. Its errors
// are those of this package, by name; anything else, a broken connection too, is
// ErrUnavailable. It is safe for concurrent use.
type Client struct {
	http *http.Client
}

// Dial makes a client of a Unix socket; nothing is connected yet.
func Dial(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{&http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Mint opens a transaction. ErrBusy, ErrSuspended, ErrNotFound, ErrRefused.
func (c *Client) Mint(ctx context.Context, m MintRequest) (*Minted, error) {
	return ask[Minted](ctx, c, http.MethodPost, "/v1/transactions", m)
}

// Transaction says what became of a transaction.
func (c *Client) Transaction(ctx context.Context, tx string) (*TransactionStatus, error) {
	return ask[TransactionStatus](ctx, c, http.MethodGet, "/v1/transactions/"+url.PathEscape(tx), nil)
}

// Cancel closes an open transaction; one that is closed stays as it is.
func (c *Client) Cancel(ctx context.Context, tx string) (*TransactionStatus, error) {
	return ask[TransactionStatus](ctx, c, http.MethodPost, "/v1/transactions/"+url.PathEscape(tx)+"/cancel", empty{})
}

// Collect gives the signatures and the evidence of an approval, the same again
// until Acknowledge, or for ten minutes. ErrUsed afterwards.
func (c *Client) Collect(ctx context.Context, tx string) (*Collected, error) {
	return ask[Collected](ctx, c, http.MethodPost, "/v1/transactions/"+url.PathEscape(tx)+"/collect", empty{})
}

// Acknowledge destroys the signatures that wait to be collected.
func (c *Client) Acknowledge(ctx context.Context, tx string) error {
	_, err := ask[empty](ctx, c, http.MethodPost, "/v1/transactions/"+url.PathEscape(tx)+"/acknowledge", empty{})
	return err
}

// BeginEnrolment opens an enrolment.
func (c *Client) BeginEnrolment(ctx context.Context, e EnrolmentRequest) (*EnrolmentBegun, error) {
	return ask[EnrolmentBegun](ctx, c, http.MethodPost, "/v1/enrolments", e)
}

// Enrolment says how far an enrolment is.
func (c *Client) Enrolment(ctx context.Context, id string) (*EnrolmentStatus, error) {
	return ask[EnrolmentStatus](ctx, c, http.MethodGet, "/v1/enrolments/"+url.PathEscape(id), nil)
}

// PresentTicket gives the enrolment its ticket. ErrRefused, ErrUsed, ErrExpired.
func (c *Client) PresentTicket(ctx context.Context, id string, t *solecontrol.SignedTicket) (*EnrolmentStatus, error) {
	return ask[EnrolmentStatus](ctx, c, http.MethodPost, "/v1/enrolments/"+url.PathEscape(id)+"/ticket", t)
}

// CancelEnrolment closes an enrolment that has no key yet.
func (c *Client) CancelEnrolment(ctx context.Context, id string) (*EnrolmentStatus, error) {
	return ask[EnrolmentStatus](ctx, c, http.MethodPost, "/v1/enrolments/"+url.PathEscape(id)+"/cancel", empty{})
}

// BindCertificate gives a credential its certificate (DER), the first or the
// next one for the same key.
func (c *Client) BindCertificate(ctx context.Context, credential string, certificate []byte) (*CredentialStatus, error) {
	return ask[CredentialStatus](ctx, c, http.MethodPost, "/v1/credentials/"+url.PathEscape(credential)+"/certificate", certificateBody{certificate})
}

// Credential says how a credential is.
func (c *Client) Credential(ctx context.Context, credential string) (*CredentialStatus, error) {
	return ask[CredentialStatus](ctx, c, http.MethodGet, "/v1/credentials/"+url.PathEscape(credential), nil)
}

// Suspend stops a credential at once, with whatever waits for an approval.
func (c *Client) Suspend(ctx context.Context, credential string, a Act) (*CredentialStatus, error) {
	return ask[CredentialStatus](ctx, c, http.MethodPost, "/v1/credentials/"+url.PathEscape(credential)+"/suspend", a)
}

// Resume lets a suspended credential sign again, by order of two officers.
func (c *Client) Resume(ctx context.Context, credential string, o *solecontrol.SignedOrder) (*CredentialStatus, error) {
	return ask[CredentialStatus](ctx, c, http.MethodPost, "/v1/credentials/"+url.PathEscape(credential)+"/resume", o)
}

// Destroy deletes a credential's sealed key for ever.
func (c *Client) Destroy(ctx context.Context, credential string, a Act) (*CredentialStatus, error) {
	return ask[CredentialStatus](ctx, c, http.MethodPost, "/v1/credentials/"+url.PathEscape(credential)+"/destroy", a)
}

// Identity gives the key that signs offers and statements, as it is now. Who
// must not be deceived by the socket's other end has it configured instead.
func (c *Client) Identity(ctx context.Context) (*Identity, error) {
	return ask[Identity](ctx, c, http.MethodGet, "/v1/identity", nil)
}

// maxAnswer bounds what is read of an answer: an offer of 20 documents with
// their attributes is the largest.
const maxAnswer = 1 << 20

func ask[T any](ctx context.Context, c *Client, method, path string, body any) (*T, error) {
	var send []byte
	if body != nil {
		var err error
		if send, err = solecontrol.Encode(body); err != nil {
			return nil, err
		}
	}
	status, answer, err := c.Forward(ctx, method, path, send)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, problemError(status, answer)
	}
	var out T
	if err := solecontrol.Decode(answer, &out); err != nil {
		return nil, fmt.Errorf("activation's answer: %w", err)
	}
	return &out, nil
}

// Forward sends a body as it is and gives the answer as it is, problem+json
// included: for the approval process, which relays and reads nothing.
func (c *Client) Forward(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://activation"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask activation: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("ask activation: %w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("read activation's answer: %w: %w", ErrUnavailable, err)
	}
	if len(answer) > maxAnswer {
		return 0, nil, fmt.Errorf("read activation's answer: %w: over %d bytes", ErrUnavailable, maxAnswer)
	}
	return res.StatusCode, answer, nil
}

// problemError is the error that the other end meant.
func problemError(status int, answer []byte) error {
	var p struct{ Code, Detail string }
	if json.Unmarshal(answer, &p) == nil {
		for _, k := range kinds {
			if p.Code == k.code {
				return fmt.Errorf("activation: %w", k.err)
			}
		}
	}
	return fmt.Errorf("activation answered %d: %w", status, ErrUnavailable)
}
