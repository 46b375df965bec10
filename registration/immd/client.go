package immd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"chop/internal/solecontrol"
)

// Config is what a Client needs.
type Config struct {
	// URL is the department's, https; the question goes to URL + "/v1/verify".
	URL string
	// TLS has our client certificate and the department's CA. Nil only for plain
	// http on one machine, in tests.
	TLS *tls.Config
	// Keys are the department's answer keys (P-256) by their ids.
	Keys map[string]*ecdsa.PublicKey
	// Timeout bounds one try; 0 means 5 s. Tries is how many there are; 0 means 3.
	Timeout time.Duration
	Tries   int
	// Pause is that before the second try, doubled each time; 0 means 200 ms.
	Pause time.Duration
	// Broken is after how many failures in a row nobody is asked for Rest; 0 means 5 and 30 s.
	Broken int
	Rest   time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Client asks the department. It is safe for concurrent use.
type Client struct {
	cfg     Config
	http    *http.Client
	address string
	breaker breaker
}

// skew is how far the department's clock may be from ours, and how old an answer may be.
const skew = 5 * time.Minute

// New checks the configuration and asks nothing.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && cfg.TLS == nil) {
		return nil, errors.New("new client of the immigration department: URL is not an https address")
	}
	if u.Scheme == "https" && (cfg.TLS == nil || len(cfg.TLS.Certificates) == 0 && cfg.TLS.GetClientCertificate == nil) {
		return nil, errors.New("new client of the immigration department: TLS has no client certificate")
	}
	if len(cfg.Keys) == 0 {
		return nil, errors.New("new client of the immigration department: Keys are wanted")
	}
	cfg.Timeout = orDefault(cfg.Timeout, 5*time.Second)
	cfg.Tries = orDefault(cfg.Tries, 3)
	cfg.Pause = orDefault(cfg.Pause, 200*time.Millisecond)
	cfg.Broken = orDefault(cfg.Broken, 5)
	cfg.Rest = orDefault(cfg.Rest, 30*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	transport := &http.Transport{TLSClientConfig: cfg.TLS, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute}
	if cfg.TLS != nil {
		transport.TLSClientConfig = cfg.TLS.Clone()
		transport.TLSClientConfig.MinVersion = max(cfg.TLS.MinVersion, tls.VersionTLS12)
	}
	return &Client{
		cfg: cfg, address: u.JoinPath("v1", "verify").String(),
		http: &http.Client{
			Transport: transport,
			// An answer comes from the address that was configured, or not at all.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: breaker{most: cfg.Broken, rest: cfg.Rest},
	}, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Verify asks whether the card's data are on record. ErrUnavailable, also with
// ErrUntrusted, for everything that is not the department's answer to this question.
func (c *Client) Verify(ctx context.Context, q Query) (*Answer, error) {
	var last error
	for try := range c.cfg.Tries {
		if try > 0 {
			if err := wait(ctx, c.cfg.Pause<<(try-1)); err != nil {
				return nil, fmt.Errorf("ask immigration department: %w: %w", ErrUnavailable, errors.Join(last, err))
			}
		}
		if !c.breaker.allow(c.cfg.Now()) {
			return nil, fmt.Errorf("ask immigration department: %w: it failed %d times in a row, and is left alone for a while", ErrUnavailable, c.cfg.Broken)
		}
		answer, err := c.ask(ctx, q)
		if err == nil {
			c.breaker.succeeded()
			return answer, nil
		}
		if ctx.Err() != nil { // the caller left: that is not the department's failure
			c.breaker.gaveUp()
		} else {
			c.breaker.failed(c.cfg.Now())
		}
		last = err
	}
	return nil, fmt.Errorf("ask immigration department: %w: %w", ErrUnavailable, last)
}

// ask is one try, with a question of its own.
func (c *Client) ask(ctx context.Context, q Query) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	card := q.Card
	request := solecontrol.NewID()
	body, err := solecontrol.Encode(question{
		Request: request, Number: card.Number.Secret(), Surname: card.Surname, GivenNames: card.GivenNames, ChineseName: card.ChineseName,
		Birth: card.Birth.String(), Gender: card.Gender, Issued: card.Issued.String(), Reference: q.Reference,
	})
	if err != nil {
		return nil, err
	}
	want, err := Subject(card, q.Reference).Digest()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer: %w", err)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("answer has status %d", res.StatusCode)
	case len(raw) > maxReply:
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrUntrusted, maxReply)
	}
	digest := sha256.Sum256(body)
	return c.believe(raw, request, digest[:], want[:])
}

// believe checks that an answer is the department's, to this question, of now.
func (c *Client) believe(raw []byte, request string, asked, subject []byte) (*Answer, error) {
	signed, err := solecontrol.ParseSignedAnswer(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	key, known := c.cfg.Keys[signed.Key]
	if !known {
		return nil, fmt.Errorf("%w: signed by an unknown key", ErrUntrusted)
	}
	if _, err := signed.Verify(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	var r reply
	if err := solecontrol.Decode(signed.Answer, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	now := c.cfg.Now()
	switch {
	case r.Request != request || !bytes.Equal(r.Question, asked):
		return nil, fmt.Errorf("%w: it answers another question", ErrUntrusted)
	case !bytes.Equal(r.Subject, subject):
		return nil, fmt.Errorf("%w: it is about another subject", ErrUntrusted)
	case r.At.Before(now.Add(-skew)) || r.At.After(now.Add(skew)):
		return nil, fmt.Errorf("%w: it is not of now", ErrUntrusted)
	}
	switch r.Result {
	case Match, NoMatch, NotFound, Deceased, Replaced:
		return &Answer{Result: r.Result, Signed: raw, Subject: r.Subject}, nil
	case Failed:
		return nil, errors.New("the department could not decide")
	}
	return nil, fmt.Errorf("%w: unknown result", ErrUntrusted)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
