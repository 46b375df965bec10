package ca

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"chop/policies"
)

// Statement is what the activation process says of a key that it made: for which
// credential, whose passkey may use it, and the subject that an enrolment ticket vouched
// for.
type Statement struct {
	// Digest is SHA-256 of exactly what was signed: a statement serves once.
	Digest     [sha256.Size]byte
	Credential string
	Account    string
	// SPKI is the key, DER.
	SPKI []byte
	// Subject is SubjectDigest of the certificate's subject.
	Subject        [sha256.Size]byte
	BackupEligible bool
	DeviceKey      bool
	At             time.Time
}

// A StatementVerifier knows the activation process's identity key.
type StatementVerifier interface {
	// VerifyStatement reads a signed statement. An error means that it is not one, or
	// not signed by that key.
	VerifyStatement(envelope []byte) (*Statement, error)
}

// maxStatement is the largest envelope in octets; one takes about 1,000.
const maxStatement = 8 << 10

// SubjectDigest is how tickets and statements name a person's subject:
// SHA-256("chop/subject/v1" and a zero byte, then the attributes as JSON).
func SubjectDigest(s Subject) ([sha256.Size]byte, error) {
	var b bytes.Buffer
	b.WriteString("chop/subject/v1\x00")
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Country      string `json:"country"`
		CommonName   string `json:"commonName"`
		Surname      string `json:"surname"`
		GivenName    string `json:"givenName"`
		SerialNumber string `json:"serialNumber"`
	}{s.Country, s.CommonName, s.Surname, s.GivenName, s.SerialNumber})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode subject: %w", err)
	}
	return sha256.Sum256(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// checkStatement compares a statement with what is asked for: the key, the subject and
// the credential must be the same ones, and the passkey of the kind that the profile
// promises. It returns the statement's digest, or nil where the profile needs none.
func (j *job) checkStatement(p *policies.Profile, r Request, spki []byte, subject Subject) ([]byte, error) {
	if !p.NeedsStatement() {
		if r.Statement != nil {
			return nil, fmt.Errorf("%w: profile %q takes none", ErrStatement, p.Name)
		}
		return nil, nil
	}
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrStatement, what) }
	switch {
	case len(r.Statement) == 0:
		return nil, fmt.Errorf("%w: profile %q is issued against an enrolment statement alone", ErrStatement, p.Name)
	case j.statements == nil:
		return nil, bad("this CA was given no identity key to verify one with")
	case len(r.Statement) > maxStatement:
		return nil, bad("it is too long")
	}
	s, err := j.statements.VerifyStatement(r.Statement)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	digest, err := SubjectDigest(subject)
	if err != nil {
		return nil, err
	}
	switch {
	case !bytes.Equal(s.SPKI, spki):
		return nil, bad("it is about another key")
	case s.Subject != digest:
		return nil, bad("it is about another subject")
	case r.Credential == "" || strings.ToLower(r.Credential) != s.Credential:
		return nil, bad("it is about another credential")
	case s.At.After(j.now().Add(time.Minute)):
		return nil, bad("it is from the future")
	case !p.Passkey.Accepts(s.BackupEligible, s.DeviceKey):
		return nil, fmt.Errorf("%w: profile %q does not take such a passkey", ErrStatement, p.Name)
	}
	return s.Digest[:], nil
}
