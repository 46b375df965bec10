package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"chop/archive"
	"chop/ca"
	"chop/ca/infra"
	"chop/hsm"
	"chop/notification"
	"chop/registration"
	"chop/signer"
	"chop/signer/activation"
	"chop/timestamping"
	"chop/validation/service"
)

// services are made when a command first asks for them.
type services struct {
	authority lazy[*ca.Authority]
	unit      lazy[*timestamping.Authority]
	signing   lazy[*signer.Service]

	infrastructure lazy[*infra.Authority]
	activation     lazy[*activation.Client]
	residents      lazy[*signer.Residents]
	registry       lazy[*registration.Registry]
	notices        lazy[*notification.Service]
	validation     lazy[*service.Service]
	archive        lazy[*archive.Store]
}

// authority is the issuing CA with its OCSP responder, over the ca token.
func (a *appliance) authority(ctx context.Context) (*ca.Authority, error) {
	return a.services.authority.get(func() (*ca.Authority, error) {
		root, err := readCertificate(a.folder.path("public", "root.pem"))
		if err != nil {
			return nil, fmt.Errorf("open the CA: %w", err)
		}
		issuing, err := readCertificate(a.folder.path("public", "issuing.pem"))
		if err != nil {
			return nil, fmt.Errorf("open the CA: %w", err)
		}
		token, err := a.tokens.get(ctx, roleCA)
		if err != nil {
			return nil, fmt.Errorf("open the CA: %w", err)
		}
		key, err := keyOf(ctx, token, issuing)
		if err != nil {
			return nil, fmt.Errorf("open the CA: %w", err)
		}
		responder, err := a.responderKey(ctx, token)
		if err != nil {
			return nil, fmt.Errorf("open the OCSP responder's key: %w", err)
		}
		urls, err := ca.URLsUnder(a.config.PublicURL)
		if err != nil {
			return nil, err
		}
		return ca.New(ca.Config{
			DB: a.db, Policies: a.policies, Root: root, Certificate: issuing,
			Key: key, Responder: responder, FindResponder: a.findResponder, URLs: urls, Now: now, Statements: statementVerifier{a},
		})
	})
}

// timestamper is the TSA, over the tsa token. Its unit's certificate is public/tsa.pem (tsa.go, tsaunit.go).
func (a *appliance) timestamper(ctx context.Context) (*timestamping.Authority, error) {
	return a.services.unit.get(func() (*timestamping.Authority, error) { return a.openTSA(ctx) })
}

// keyOf finds the key in token that cert was issued for.
func keyOf(ctx context.Context, token hsm.Token, cert *x509.Certificate) (crypto.Signer, error) {
	keys, err := token.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if pub, ok := k.Public.(interface{ Equal(crypto.PublicKey) bool }); ok && pub.Equal(cert.PublicKey) {
			return token.Key(ctx, k.Label)
		}
	}
	return nil, fmt.Errorf("%w: the key of the certificate %q", hsm.ErrKeyNotFound, cert.Subject.CommonName)
}

// keyOrNew returns the key of that label, and makes it if it is absent: once, also where a command misses it at the same
// moment as a running server.
func (a *appliance) keyOrNew(ctx context.Context, token hsm.Token, label, spec string) (crypto.Signer, error) {
	key, err := token.Key(ctx, label)
	if !errors.Is(err, hsm.ErrKeyNotFound) {
		return key, err
	}
	turn, err := a.folder.making(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	if key, err := token.Key(ctx, label); !errors.Is(err, hsm.ErrKeyNotFound) {
		return key, err
	}
	return token.GenerateKey(ctx, label, spec)
}

// sealing is the signature service, over the seals token.
func (a *appliance) sealing(ctx context.Context) (*signer.Service, error) {
	return a.services.signing.get(func() (*signer.Service, error) { return a.openSigner(ctx) })
}

// now is the wall clock of every service; the TSA alone asks a clock that may refuse.
func now() time.Time { return time.Now() }
