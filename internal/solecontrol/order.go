package solecontrol

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
)

// Order is O: two officers order that a suspended credential may sign again.
type Order struct {
	Kind       string `json:"kind"` // "resume"
	Credential string `json:"credential"`
	Account    string `json:"account"`
	Case       string `json:"case"`
	First      string `json:"first"`  // "officer:<id>"
	Second     string `json:"second"` // another one
	Place      string `json:"place"`
	Expires    Time   `json:"expires"`
	Nonce      Bytes  `json:"nonce"`
}

// SignedOrder is O with both officers' assertions over OrderChallenge.
type SignedOrder struct {
	Order      Bytes            `json:"order"`
	Assertions []OrderAssertion `json:"assertions"` // of first, then of second
}

// OrderAssertion is one officer's.
type OrderAssertion struct {
	Officer   string    `json:"officer"` // "officer:<id>"
	Assertion Assertion `json:"assertion"`
}

// Marshal checks and encodes O.
func (o *Order) Marshal() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return Encode(o)
}

// ParseOrder reads O strictly.
func ParseOrder(data []byte) (*Order, error) {
	var o Order
	if err := Decode(data, &o); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	return &o, o.check()
}

func (o *Order) check() error {
	if o.Kind != "resume" {
		return fmt.Errorf("order: %w: kind", ErrFormat)
	}
	if err := checkUUIDs(o.Credential, o.Account, o.Case); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	for _, who := range []string{o.First, o.Second} {
		if kind, _, err := SplitSigner(who); err != nil || kind != "officer" {
			return fmt.Errorf("order: %w: officer", ErrFormat)
		}
	}
	if o.First == o.Second {
		return fmt.Errorf("order: %w: one officer twice", ErrFormat)
	}
	if o.Expires.IsZero() || len(o.Nonce) != nonceSize {
		return fmt.Errorf("order: %w: expiry or nonce", ErrFormat)
	}
	return checkName("order: place", o.Place, 200)
}

// Statement is S: the activation process says that it made this key, for this
// account, for this passkey, on this ticket. The CA issues a resident's
// certificate against one only.
type Statement struct {
	Kind           string `json:"kind"` // "statement"
	Credential     string `json:"credential"`
	Account        string `json:"account"`
	SPKI           Bytes  `json:"spki"`
	Ticket         Bytes  `json:"ticket"`  // SHA-256 of T
	Subject        Bytes  `json:"subject"` // digest of the certificate's subject
	RPID           string `json:"rpId"`
	Passkey        Bytes  `json:"passkey"` // SHA-256 of its id
	BackupEligible bool   `json:"backupEligible"`
	DeviceKey      bool   `json:"deviceKey"`
	At             Time   `json:"at"`
}

// SignedStatement is S with the identity key's signature.
type SignedStatement struct {
	Statement Bytes `json:"statement"`
	Signature Bytes `json:"signature"`
}

// SignStatement checks, encodes and signs S.
func SignStatement(key crypto.Signer, s *Statement) (*SignedStatement, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	b, err := Encode(s)
	if err != nil {
		return nil, err
	}
	sig, err := SignRaw(key, append([]byte(labelStatement), b...))
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return &SignedStatement{b, sig}, nil
}

// Verify checks the signature and reads S strictly.
func (s *SignedStatement) Verify(key *ecdsa.PublicKey) (*Statement, error) {
	if err := VerifyRaw(key, append([]byte(labelStatement), s.Statement...), s.Signature); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return ParseStatement(s.Statement)
}

// ParseStatement reads S strictly.
func ParseStatement(data []byte) (*Statement, error) {
	var out Statement
	if err := Decode(data, &out); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return &out, out.check()
}

func (s *Statement) check() error {
	if s.Kind != "statement" {
		return fmt.Errorf("statement: %w: kind", ErrFormat)
	}
	if err := checkUUIDs(s.Credential, s.Account); err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	if _, err := ParseSPKI(s.SPKI); err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	if len(s.Ticket) != sha256.Size || len(s.Subject) != sha256.Size || len(s.Passkey) != sha256.Size || s.At.IsZero() {
		return fmt.Errorf("statement: %w: digest or time", ErrFormat)
	}
	return checkRPID(s.RPID)
}
