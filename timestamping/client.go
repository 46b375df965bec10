package timestamping

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"time"

	"chop/internal/cms"
)

// Client asks a time-stamping authority over HTTP.
type Client struct {
	URL  string
	HTTP *http.Client // nil: one with a timeout of 15 s
	// Policy is the policy to ask for, and to insist on; nil: any.
	Policy asn1.ObjectIdentifier
	// Roots are the anchors that the unit's certificate must lead to; nil: the token's signature is checked with the
	// certificate inside, and whose that is remains the caller's question.
	Roots *x509.CertPool
}

// maxReply bounds a response: a token with its chain takes some thousand bytes.
const maxReply = 1 << 20

// Timestamp gives a token (ContentInfo, DER) over a digest made with h, having verified all of it: nonce, imprint,
// policy, signature, binding and purpose of the certificate. A refusal by the authority is a *Rejection.
func (c *Client) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("timestamp from %s: nonce: %w", c.URL, err)
	}
	request := &cms.TimestampRequest{HashAlgorithm: h, Imprint: imprint, Policy: c.Policy, Nonce: nonce, CertReq: true}
	query, err := request.Marshal()
	if err != nil {
		return nil, fmt.Errorf("timestamp from %s: %w", c.URL, err)
	}
	reply, err := c.post(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("timestamp from %s: %w", c.URL, err)
	}
	token, err := c.accept(request, reply)
	if err != nil {
		return nil, fmt.Errorf("timestamp from %s: %w", c.URL, err)
	}
	return token, nil
}

func (c *Client) post(ctx context.Context, query []byte) ([]byte, error) {
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: 15 * time.Second}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", queryType)
	r.Header.Set("Accept", replyType)
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode != http.StatusOK || err != nil || mediaType != replyType {
		return nil, fmt.Errorf("answer is %s, of type %q", response.Status, response.Header.Get("Content-Type"))
	}
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err == nil && len(reply) > maxReply {
		err = fmt.Errorf("answer of more than %d bytes", maxReply)
	}
	return reply, err
}

// accept takes the token out of a reply if it is what was asked for.
func (c *Client) accept(request *cms.TimestampRequest, reply []byte) ([]byte, error) {
	response, err := cms.ParseTimestampResponse(reply)
	if err != nil {
		return nil, err
	}
	if response.Token == nil {
		return nil, refused(response)
	}
	token, err := cms.ParseTimestampToken(response.Token)
	if err != nil {
		return nil, err
	}
	info := token.Info
	switch {
	case info.Nonce == nil || info.Nonce.Cmp(request.Nonce) != 0:
		return nil, errors.New("token has another nonce: it may be replayed")
	case info.HashAlgorithm != request.HashAlgorithm || !bytes.Equal(info.Imprint, request.Imprint):
		return nil, errors.New("token is over another imprint")
	case request.Policy != nil && !info.Policy.Equal(request.Policy):
		return nil, fmt.Errorf("token is under policy %v", info.Policy)
	}
	if err := c.verify(token); err != nil {
		return nil, err
	}
	return response.Token, nil
}

func refused(r *cms.TimestampResponse) error {
	rejection := &Rejection{Failure: cms.SystemFailure, Text: fmt.Sprintf("status %d %q", r.Status, r.Text)}
	if len(r.Failures) > 0 {
		rejection.Failure = r.Failures[0]
	}
	return rejection
}

func (c *Client) verify(token *cms.TimestampToken) error {
	der := token.Signer.FindCertificate(token.Certificates)
	if der == nil {
		return errors.New("token without the certificate of its signer")
	}
	if err := token.VerifySignature(der); err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("certificate of the token: %w", err)
	}
	if err := checkPurpose(cert); err != nil {
		return err
	}
	if token.Info.GenTime.Before(cert.NotBefore) || token.Info.GenTime.After(cert.NotAfter) {
		return fmt.Errorf("token of %s is outside its certificate's validity", token.Info.GenTime)
	}
	if c.Roots == nil {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, raw := range token.Certificates {
		if parsed, err := x509.ParseCertificate(raw); err == nil {
			intermediates.AddCert(parsed)
		}
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: c.Roots, Intermediates: intermediates, CurrentTime: token.Info.GenTime,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return fmt.Errorf("certificate of the token: %w", err)
	}
	return nil
}
