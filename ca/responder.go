package ca

import (
	"context"
	"crypto"
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
	key   crypto.Signer
	cert  *x509.Certificate
	retry time.Time // no renewal is tried before
}

// renewRetry is how long a failed renewal is not tried again: every answer
// would wait for it otherwise.
const renewRetry = time.Minute

const responderProfile = "ocsp-responder"

func (r *responder) public() crypto.PublicKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.key.Public()
}

// EnsureResponder makes sure that OCSP answers can be signed: it follows a
// responder that was replaced, and finds its certificate, or issues one.
func (a *Authority) EnsureResponder(ctx context.Context) error {
	_, err := a.Responder(ctx)
	return err
}

// Responder is EnsureResponder, and returns the certificate.
func (a *Authority) Responder(ctx context.Context) (*x509.Certificate, error) {
	if err := a.followResponder(ctx); err != nil {
		return nil, err
	}
	_, cert, err := a.currentResponder(ctx)
	return cert, err
}

// followResponder takes the key that another process has put in the place of
// ours. What was signed by the old one is not given again.
func (a *Authority) followResponder(ctx context.Context) error {
	if a.cfg.FindResponder == nil {
		return nil
	}
	newest, err := a.store.newest(ctx, a.issuer.id[:], responderProfile, nil)
	if errors.Is(err, ErrUnknownSerial) {
		return nil
	}
	if err != nil {
		return err
	}
	a.responder.mu.Lock()
	defer a.responder.mu.Unlock()
	if samePublicKey(newest.PublicKey, a.responder.key.Public()) {
		return nil
	}
	key, err := a.cfg.FindResponder(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("find the OCSP responder's new key: %w", err)
	case samePublicKey(key.Public(), a.responder.key.Public()):
		return nil // a process that has not noticed yet renewed the old one
	case samePublicKey(key.Public(), a.cfg.Key.Public()):
		return errors.New("find the OCSP responder's new key: it is the issuing CA's")
	}
	a.responder.key, a.responder.cert, a.responder.retry = key, nil, time.Time{}
	a.answers.forgetAnswers()
	a.cfg.Log.Info("the OCSP responder has another key")
	return nil
}

// currentResponder is the key that signs answers, and its certificate.
func (a *Authority) currentResponder(ctx context.Context) (crypto.Signer, *x509.Certificate, error) {
	a.responder.mu.Lock()
	defer a.responder.mu.Unlock()
	cert, err := a.responderCertificate(ctx)
	return a.responder.key, cert, err
}

// responderCertificate is called with the responder's lock.
func (a *Authority) responderCertificate(ctx context.Context) (*x509.Certificate, error) {
	now := a.cfg.Now()
	if c := a.responder.cert; fresh(c, now) || (c != nil && now.Before(a.responder.retry) && now.Before(c.NotAfter)) {
		return c, nil
	}
	spki, err := x509.MarshalPKIXPublicKey(a.responder.key.Public())
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
	proof, err := NewCSR(a.responder.key, subject)
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
