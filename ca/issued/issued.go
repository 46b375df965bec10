// Package issued lists the certificates that were issued: to whom, on what statement,
// and what became of them. "My certificates" shows a resident all of theirs, so that one
// that they know nothing of is seen; reconciling compares them with what the activation
// process knows.
//
// It reads the CA's records and changes nothing.
package issued

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// Certificate is one certificate that was issued.
type Certificate struct {
	Serial     string // as it is written, lower-case hexadecimal
	Profile    string
	Credential string
	Reference  string // the subscriber reference number, or empty
	State      string // good, suspended, revoked
	IssuedAt   time.Time
	ChangedAt  time.Time // to its state
	// Certificate is parsed; DER is as it was issued.
	Certificate *x509.Certificate
	DER         []byte
	// Statement is the enrolment statement's envelope, StatementDigest SHA-256 of what was
	// signed in it; nil where the profile needs none.
	Statement, StatementDigest []byte
}

// row is Certificate as the tables have it.
type row struct {
	Serial          []byte
	Profile         string
	Credential      string
	Reference       *string
	Status          string
	At              time.Time
	Issued          time.Time
	Certificate     []byte
	Statement       []byte
	StatementDigest []byte
}

func (r *row) certificate() (*Certificate, error) {
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read certificate %x: %w", r.Serial, err)
	}
	c := &Certificate{
		Serial: hex.EncodeToString(r.Serial), Profile: r.Profile, Credential: r.Credential, State: r.Status,
		IssuedAt: r.Issued, ChangedAt: r.At, Certificate: cert, DER: r.Certificate,
		Statement: r.Statement, StatementDigest: r.StatementDigest,
	}
	if r.Reference != nil {
		c.Reference = *r.Reference
	}
	return c, nil
}
