package ca

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"
)

// responder is the delegated OCSP responder's certificate, renewed when a third
// of its life is left. Every process keeps what it found or made; that two
// processes renew at once does no harm, both certificates are good.
type responder struct {
	mu    sync.Mutex
	cert  *x509.Certificate
	retry time.Time // no renewal is tried before
}

// renewRetry is how long a failed renewal is not tried again: every answer
// would wait for it otherwise.
const renewRetry = time.Minute

const responderProfile = "ocsp-responder"

// EnsureResponder makes sure that OCSP answers can be signed: it finds the
// responder's certificate, or issues one.
func (a *Authority) EnsureResponder(ctx context.Context) error {
	_, err := a.responderCertificate(ctx)
	return err
}

func (a *Authority) responderCertificate(ctx context.Context) (*x509.Certificate, error) {
	a.responder.mu.Lock()
	defer a.responder.mu.Unlock()
	now := a.cfg.Now()
	if c := a.responder.cert; fresh(c, now) || (c != nil && now.Before(a.responder.retry) && now.Before(c.NotAfter)) {
		return c, nil
	}
	spki, err := x509.MarshalPKIXPublicKey(a.cfg.Responder.Public())
	if err != nil {
		return nil, fmt.Errorf("encode responder key: %w", err)
	}
	sum := sha256.Sum256(spki)
	cert, err := a.store.newest(ctx, a.issuer.id[:], responderProfile, sum[:])
	if err != nil && !errors.Is(err, ErrUnknownSerial) {
		return nil, err
	}
	if !fresh(cert, now) {
		renewed, err := a.issueResponder(ctx)
		switch {
		case err == nil:
			cert = renewed
		case cert != nil && now.Before(cert.NotAfter):
			// A stop or a broken database must not end answers that can still
			// be given: the old certificate serves to its end.
			a.responder.retry = now.Add(renewRetry)
			a.cfg.Log.Error("renew OCSP responder certificate", "err", err)
		default:
			return nil, fmt.Errorf("issue OCSP responder certificate: %w", err)
		}
	}
	a.responder.cert = cert
	return cert, nil
}

// fresh reports whether more than a third of the certificate's life is left.
func fresh(cert *x509.Certificate, now time.Time) bool {
	return cert != nil && cert.NotAfter.Sub(now) > cert.NotAfter.Sub(cert.NotBefore)/3
}

func (a *Authority) issueResponder(ctx context.Context) (*x509.Certificate, error) {
	subject := Subject{Organization: firstOf(a.cfg.Certificate.Subject.Organization), CommonName: "OCSP Responder"}
	proof, err := NewCSR(a.cfg.Responder, subject)
	if err != nil {
		return nil, err
	}
	return a.issue(ctx, Request{
		Profile: responderProfile, CSR: proof, Subject: subject, Credential: responderProfile,
		Actor: "system:ca", Reason: "renewal",
	})
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
