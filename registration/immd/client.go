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
	"slices"
	"time"

	"chop/internal/solecontrol"
)

// Config is what a Client needs.
type Config struct {
	// URL is the department's, https; questions go to URL + "/v1/verify" and URL + "/v1/portrait".
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
	base    *url.URL
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
		cfg: cfg, base: u,
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
	want, err := Subject(q.Card, q.Reference).Digest()
	if err != nil {
		return nil, err
	}
	return c.persist(ctx, func(ctx context.Context) (*Answer, error) {
		asked := q.question()
		body, err := solecontrol.Encode(asked)
		if err != nil {
			return nil, err
		}
		return c.ask(ctx, "verify", body, asked.Request, want[:])
	})
}

// persist tries until there is an answer, as often as configured; each try is a question of its own.
func (c *Client) persist(ctx context.Context, ask func(context.Context) (*Answer, error)) (*Answer, error) {
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
		answer, err := ask(ctx)
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

// question is what is sent of a query, under a name of its own.
func (q Query) question() question {
	card := q.Card
	return question{
		Request: solecontrol.NewID(), Number: card.Number.Secret(), Surname: card.Surname, GivenNames: card.GivenNames, ChineseName: card.ChineseName,
		Birth: card.Birth.String(), Gender: card.Gender, Issued: card.Issued.String(), Reference: q.Reference,
	}
}

// ask is one try: it sends the body, and believes an answer to it only.
func (c *Client) ask(ctx context.Context, path string, body []byte, request string, subject []byte) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("v1", path).String(), bytes.NewReader(body))
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
	return c.believe(raw, request, digest[:], subject, results[path])
}

// results are the words that a question can be answered with; Failed goes with all. No
// word answers two questions, so that an answer to one never passes as one to the other.
var results = map[string][]Result{
	"verify":   {Match, NoMatch, NotFound, Deceased, Replaced},
	"portrait": {Pass, Refer, Fail},
}

// believe checks that an answer is the department's, to this question, of now.
func (c *Client) believe(raw []byte, request string, asked, subject []byte, words []Result) (*Answer, error) {
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
	switch {
	case slices.Contains(words, r.Result):
		return &Answer{Result: r.Result, Signed: raw, Subject: r.Subject}, nil
	case r.Result == Failed:
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
