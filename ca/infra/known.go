package infra

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"chop/internal/audit"
)

// Holder is whom a client certificate stands for.
type Holder struct {
	Kind, ID string
}

// Known says whom a client's certificate stands for: it must chain to this root, be for
// TLS clients, be valid now, and be recorded and not withdrawn. ErrUnknown.
func (a *Authority) Known(ctx context.Context, cert *x509.Certificate) (Holder, error) {
	if cert == nil {
		return Holder{}, fmt.Errorf("%w: none was presented", ErrUnknown)
	}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: a.Pool(), CurrentTime: a.c.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return Holder{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	digest, err := keyDigest(cert.PublicKey)
	if err != nil {
		return Holder{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	h, err := selectHolder(ctx, a.c.DB, cert.SerialNumber.Bytes(), digest)
	if err != nil {
		return Holder{}, fmt.Errorf("look for client certificate: %w", err)
	}
	if h == nil {
		return Holder{}, ErrUnknown
	}
	return *h, nil
}

// Withdraw makes every certificate of a holder unknown, at once.
func (a *Authority) Withdraw(ctx context.Context, h Holder, actor, reason string) error {
	now := a.c.Now()
	return withdraw(ctx, a.c.DB, h, now, audit.Event{
		At: now, Actor: actor, Action: "infra.withdraw", Subject: h.Kind + ":" + h.ID, Reason: reason,
	})
}

// Pool holds the root.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// ServerConfig is TLS for a server whose clients must have a certificate of ours.
// Who they are is asked per request, by Known, so that a withdrawal counts at once.
func (a *Authority) ServerConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(),
	}
}
