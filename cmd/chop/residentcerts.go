package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"chop/ca"
	"chop/ca/issued"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/registration"
	"chop/signer"
)

// The profiles of residents' certificates: which one says what the relying party may expect of the device.
const (
	profileResident  = "resident"            // a passkey bound to the device
	profileDeviceKey = "resident-device-key" // a passkey that may be synced, and a key of the device
)

// statementVerifier knows the activation process's identity key.
type statementVerifier struct{ app *appliance }

func (v statementVerifier) VerifyStatement(envelope []byte) (*ca.Statement, error) {
	s, signed, err := v.app.statement(envelope)
	if err != nil {
		return nil, err
	}
	out := &ca.Statement{
		Digest: sha256.Sum256(signed), Credential: s.Credential, Account: s.Account, SPKI: s.SPKI,
		BackupEligible: s.BackupEligible, DeviceKey: s.DeviceKey, At: s.At.Time,
	}
	if copy(out.Subject[:], s.Subject) != len(out.Subject) {
		return nil, errors.New("the statement's subject is no digest")
	}
	return out, nil
}

// statement reads an enrolment statement, signed by our own activation process.
func (a *appliance) statement(envelope []byte) (*solecontrol.Statement, []byte, error) {
	key, err := readPublicKey(a.folder.path("public", "activation.pem"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the activation process's identity: %w", err)
	}
	var e solecontrol.SignedStatement
	if err := solecontrol.Decode(envelope, &e); err != nil {
		return nil, nil, err
	}
	s, err := e.Verify(key)
	return s, e.Statement, err
}

// residentCertificates is the issuing CA for registration.
type residentCertificates struct {
	app       *appliance
	authority *ca.Authority
	residents *signer.Residents
}

func (c residentCertificates) Issue(ctx context.Context, actor string, ticket, statement, csr []byte, subject registration.Subject) ([]byte, error) {
	s, signed, err := c.app.statement(statement)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", registration.ErrPermanent, err)
	}
	profile := profileResident
	if s.DeviceKey {
		profile = profileDeviceKey
	}
	der, err := c.issued(ctx, s.Credential, sha256.Sum256(signed))
	if err == nil && der == nil {
		var cert *x509.Certificate
		cert, err = c.authority.Issue(ctx, ca.Request{
			Profile: profile, CSR: csr, Statement: statement, Credential: s.Credential, Actor: actor,
			Subject: ca.Subject{
				Country: subject.Country, CommonName: subject.CommonName, Surname: subject.Surname,
				GivenName: subject.GivenName, SerialNumber: subject.SerialNumber,
			},
		})
		if errors.Is(err, ca.ErrStatement) || errors.Is(err, ca.ErrRequest) || errors.Is(err, ca.ErrCSR) {
			err = fmt.Errorf("%w: %w", registration.ErrPermanent, err)
		}
		if err == nil {
			der = cert.Raw
		}
	}
	if err != nil {
		return nil, err
	}
	return der, c.app.db.InTx(ctx, func(tx postgres.Tx) error {
		return c.residents.AddCredential(ctx, tx, signer.NewResidentCredential{
			Account: s.Account, Credential: s.Credential, Profile: profile, Actor: actor, Ticket: ticket,
			Certificates: [][]byte{der, c.authority.Issuing().Raw, c.authority.Root().Raw},
		})
	})
}

// issued finds the certificate that was issued on a statement: registration asks again after a crash.
func (c residentCertificates) issued(ctx context.Context, credential string, digest [32]byte) ([]byte, error) {
	list, err := issued.ByCredential(ctx, c.app.db, credential)
	if err != nil {
		return nil, err
	}
	for _, known := range list {
		if string(known.StatementDigest) == string(digest[:]) {
			return known.DER, nil
		}
	}
	return nil, nil
}

func (c residentCertificates) Hold(ctx context.Context, actor string, serial *big.Int, reason string) error {
	return already(c.authority.Suspend(ctx, actor, serial, ca.Reason{Code: ca.CertificateHold, Note: reason}))
}

func (c residentCertificates) Release(ctx context.Context, actor string, serial *big.Int, reason string) error {
	return already(c.authority.Resume(ctx, actor, serial, ca.Reason{Note: reason}))
}

func (c residentCertificates) Revoke(ctx context.Context, actor string, serial *big.Int, reason string) error {
	return already(c.authority.Revoke(ctx, actor, serial, ca.Reason{Code: ca.CessationOfOperation, Note: reason}))
}

func (c residentCertificates) Supersede(ctx context.Context, actor string, serial *big.Int, reason string) error {
	return already(c.authority.Revoke(ctx, actor, serial, ca.Reason{Code: ca.Superseded, Note: reason}))
}

// already takes a status that is there for a change that succeeded: registration completes what was begun before a
// crash.
func already(err error) error {
	if errors.Is(err, ca.ErrTransition) {
		return nil
	}
	return err
}
