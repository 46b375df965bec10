package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"slices"

	"chop/ca"
	"chop/policies"
	"chop/signer"
	"chop/validation"
)

// openSigner wires the signature service: our own CA, TSA and validation are called in this process, never over
// HTTP. A token's worker is started when its key is first needed: a B-B signature needs no TSA.
func (a *appliance) openSigner(ctx context.Context) (*signer.Service, error) {
	authority, err := a.authority(ctx)
	if err != nil {
		return nil, err
	}
	token, err := a.tokens.get(ctx, roleSeals)
	if err != nil {
		return nil, err
	}
	vault, err := token.Vault(ctx, kekSeals)
	if err != nil {
		return nil, fmt.Errorf("open the vault of the seals: %w", err)
	}
	v, err := newValidator([]*x509.Certificate{authority.Root()}, newOwnEvidence(authority))
	if err != nil {
		return nil, err
	}
	room, err := a.tokenRoom(authority)
	if err != nil {
		return nil, err
	}
	return signer.New(signer.Config{
		DB: a.db, Policies: a.policies, Keys: vault,
		Timestamper: timestamper{a}, Evidence: authority, Checker: checker{v}, WholeChecker: checker{v},
		Issuer: sealIssuer{authority}, Status: certificateStatus{authority}, Log: a.log, Now: now,
		TokenSize: room, Authorizer: a.authorizer,
	})
}

// tokenRoom is how many bytes a timestamp of our own unit takes at most: its certificates, and half as much again
// as the rest of a token has with the longest RSA signature.
func (a *appliance) tokenRoom(authority *ca.Authority) (int, error) {
	unit, err := readCertificate(a.folder.path("public", "tsa.pem"))
	if err != nil {
		return 0, fmt.Errorf("measure a timestamp: %w", err)
	}
	const rest = 1536
	return len(unit.Raw) + len(authority.Issuing().Raw) + rest, nil
}

// timestamper is the appliance's own TSA, opened at its first use.
type timestamper struct{ app *appliance }

func (t timestamper) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	tsa, err := t.app.timestamper(ctx)
	if err != nil {
		return nil, err
	}
	return tsa.Timestamp(ctx, h, imprint)
}

// sealIssuer certifies departments' seals.
type sealIssuer struct{ authority *ca.Authority }

func (s sealIssuer) CheckSeal(name string) error {
	return s.authority.Check(sealProfile, sealSubject(name))
}

const sealProfile = "department-seal"

func sealSubject(name string) ca.Subject {
	return ca.Subject{Country: "HK", Organization: name, CommonName: name}
}

func (s sealIssuer) IssueSeal(ctx context.Context, r signer.IssueRequest) ([]*x509.Certificate, error) {
	cert, err := s.authority.Issue(ctx, ca.Request{
		Profile: sealProfile, CSR: r.CSR, Credential: r.Credential, Actor: r.Operator, Subject: sealSubject(r.Name),
	})
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{cert, s.authority.Issuing(), s.authority.Root()}, nil
}

// certificateStatus asks the CA's records.
type certificateStatus struct{ authority *ca.Authority }

func (c certificateStatus) CertificateGood(ctx context.Context, cert *x509.Certificate) error {
	status, err := c.authority.Status(ctx, cert.SerialNumber)
	if err == nil && status.State != ca.Good {
		err = fmt.Errorf("certificate %s is %s", ca.FormatSerial(cert.SerialNumber), statusText(status))
	}
	return err
}

// checker lets our own validation judge a file that was just made: the signature and all that came after it must
// pass. What somebody else signed before is theirs to answer for.
type checker struct{ validator *validation.Validator }

func (c checker) Check(ctx context.Context, doc io.ReaderAt, size int64) error {
	report, err := c.validator.Validate(ctx, doc, size, validation.Options{})
	if err != nil {
		return err
	}
	rows := report.Signatures
	for i := len(rows) - 1; i >= 0; i-- {
		s := rows[i]
		if s.Indication != validation.TotalPassed {
			return fmt.Errorf("signature %q: %s/%s%s", s.Field, s.Indication, s.SubIndication, firstFailure(s))
		}
		if s.Format != validation.FormatTimestamp {
			return nil
		}
	}
	return fmt.Errorf("there is no signature in it")
}

// CheckWhole judges the one signature that was just made, in whatever format.
func (c checker) CheckWhole(ctx context.Context, doc []byte, id, name string, file []byte) error {
	o := validation.Options{}
	if file != nil {
		o.Detached = []validation.File{{Name: name, Content: file}}
	}
	report, err := c.validator.Validate(ctx, bytes.NewReader(doc), int64(len(doc)), o)
	if err != nil {
		return err
	}
	for _, s := range report.Signatures {
		if s.Field != id {
			continue
		}
		if s.Indication != validation.TotalPassed {
			return fmt.Errorf("signature %q: %s/%s%s", s.Field, s.Indication, s.SubIndication, firstFailure(s))
		}
		if slices.Contains(report.Document.Unsigned, "file "+name) {
			return fmt.Errorf("no signature refers to the file %s", name)
		}
		return nil
	}
	return fmt.Errorf("there is no signature %q in it", id)
}

func firstFailure(s validation.Signature) string {
	for _, check := range s.Checks {
		if check.Status == validation.Failed {
			return fmt.Sprintf(" (%s: %s)", check.Name, check.Detail)
		}
	}
	return ""
}

// newValidator is our validation with the default algorithm suite. A nil fetcher works offline.
func newValidator(trust []*x509.Certificate, fetcher validation.Fetcher) (*validation.Validator, error) {
	set, err := policies.Load()
	if err != nil {
		return nil, err
	}
	suite, err := set.Suite("default")
	if err != nil {
		return nil, err
	}
	return validation.New(validation.Config{Suite: suite, Trust: trust, Fetcher: fetcher, Now: now})
}
