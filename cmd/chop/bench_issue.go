package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"chop/ca"
	"chop/hsm"
	"chop/signer"
	"chop/signer/pades"
)

// issue is the part about certificates as residents have them, under a profile that needs no enrolment: a key made in the token and wrapped, proof of possession, lint,
// record, audit, the CA's signature.
func (b *bench) issue(ctx context.Context) error {
	authority, err := b.app.authority(ctx)
	if err != nil {
		return err
	}
	token, err := b.app.tokens.get(ctx, roleActivation)
	if err != nil {
		return err
	}
	vault, err := token.Vault(ctx, kekActivation)
	if err != nil {
		return err
	}
	var n atomic.Int64
	start := time.Now().Unix() % 1_000_000
	rate, err := b.rate(ctx, func(ctx context.Context) error {
		_, wrapped, err := vault.Generate(ctx, hsm.P256)
		if err != nil {
			return err
		}
		subject := ca.Subject{
			Country: "HK", Organization: "Bench Department", OrganizationalUnit: "Section of Measurements",
			CommonName: fmt.Sprintf("Counter %06d%04d", start, n.Add(1)),
		}
		return vault.Use(ctx, wrapped, func(key crypto.Signer) error {
			csr, err := ca.NewCSR(key, subject)
			if err != nil {
				return err
			}
			_, err = authority.Issue(ctx, ca.Request{Profile: "department-seal", CSR: csr, Subject: subject, Actor: localActor()})
			return err
		})
	})
	if err != nil {
		return err
	}
	const floor = 290
	b.add(benchRow{Name: "certificates issued (key, wrap, proof, lint, record, audit)", Value: rate, Unit: "/s",
		Ratio: rate / floor, Beside: fmt.Sprintf("%d/s", floor), Goal: 1})
	return nil
}

// seal is the bench's own seal, made at its first use.
func (b *bench) seal(ctx context.Context) (string, error) {
	return b.credential.get(func() (string, error) {
		credential, err := b.app.demoSeal(ctx)
		if err != nil {
			return "", err
		}
		return credential.ID, nil
	})
}

// engineKey makes a wrapped key with a certificate of the CA, outside the service's records: the engine alone has
// no database.
func (b *bench) engineKey(ctx context.Context, vault hsm.Vault) (wrapped []byte, identity *pades.Identity, err error) {
	authority, err := b.app.authority(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, wrapped, err = vault.Generate(ctx, hsm.P256)
	if err != nil {
		return nil, nil, err
	}
	err = vault.Use(ctx, wrapped, func(key crypto.Signer) error {
		csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
		if err != nil {
			return err
		}
		chain, err := sealIssuer{authority}.IssueSeal(ctx, signer.IssueRequest{
			Credential: "bench", Name: "Bench Department", CSR: csr, Operator: localActor(),
		})
		if err != nil {
			return err
		}
		identity, err = pades.NewIdentity(chain[0], chain[1:], "", crypto.SHA256)
		return err
	})
	return wrapped, identity, err
}
