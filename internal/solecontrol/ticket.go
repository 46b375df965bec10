package solecontrol

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Ticket is T: an officer or a kiosk vouches that this passkey is in the hands
// of the person of this case. Without one no key is made.
type Ticket struct {
	Kind       string `json:"kind"` // "ticket"
	Case       string `json:"case"`
	Account    string `json:"account"`
	Enrolment  string `json:"enrolment"`
	PasskeyKey Bytes  `json:"passkeyKey"` // COSE
	RPID       string `json:"rpId"`
	Subject    Bytes  `json:"subject"` // digest of the certificate's subject
	Immd       Bytes  `json:"immd"`    // SHA-256 of the Immigration Department's answer
	Signer     string `json:"signer"`  // "officer:<id>" or "kiosk:<id>"
	Place      string `json:"place"`
	Expires    Time   `json:"expires"`
}

// SignedTicket is T with the answer that it relies upon, signed by an officer's
// passkey or by a kiosk's key.
type SignedTicket struct {
	Ticket     Bytes      `json:"ticket"`              // T
	ImmdAnswer Bytes      `json:"immdAnswer"`          // a SignedAnswer, JSON
	Assertion  *Assertion `json:"assertion,omitempty"` // of an officer
	Signature  Bytes      `json:"signature,omitempty"` // of a kiosk, r‖s
}

// Marshal checks and encodes T.
func (t *Ticket) Marshal() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return Encode(t)
}

// ParseTicket reads T strictly.
func ParseTicket(data []byte) (*Ticket, error) {
	var t Ticket
	if err := Decode(data, &t); err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	return &t, t.check()
}

func (t *Ticket) check() error {
	if t.Kind != "ticket" {
		return fmt.Errorf("ticket: %w: kind", ErrFormat)
	}
	if err := checkUUIDs(t.Case, t.Account); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	if err := CheckID(t.Enrolment); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	if _, err := ParseCOSE(t.PasskeyKey); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	if err := checkRPID(t.RPID); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	if len(t.Subject) != 32 || len(t.Immd) != 32 || t.Expires.IsZero() {
		return fmt.Errorf("ticket: %w: digest or expiry", ErrFormat)
	}
	if _, _, err := SplitSigner(t.Signer); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	return checkName("ticket: place", t.Place, 200)
}

// SplitSigner splits "officer:<id>" or "kiosk:<id>".
func SplitSigner(s string) (kind, id string, err error) {
	kind, id, ok := strings.Cut(s, ":")
	if !ok || kind != "officer" && kind != "kiosk" {
		return "", "", fmt.Errorf("%w: signer", ErrFormat)
	}
	return kind, id, checkName("signer", id, 100)
}

// TicketMessage is what a kiosk's key signs by ES256; its SHA-256 is
// TicketChallenge.
func TicketMessage(t []byte) []byte { return append([]byte(labelTicket), t...) }

// SignedAnswer is the Immigration Department's answer as it came.
type SignedAnswer struct {
	Answer    Bytes  `json:"answer"`    // JSON
	Signature Bytes  `json:"signature"` // r‖s
	Key       string `json:"key"`       // id of the key
}

// Answer is what is believed of it here. Other keys are the registration's.
type Answer struct {
	Request string
	At      time.Time
	Result  string // match, no-match, not-found, deceased, replaced, error
	Subject []byte // digest of what was asked
}

// AnswerMessage is what the department's key signs.
func AnswerMessage(answer []byte) []byte { return append([]byte(labelImmd), answer...) }

// ParseSignedAnswer reads the envelope strictly.
func ParseSignedAnswer(data []byte) (*SignedAnswer, error) {
	var a SignedAnswer
	if err := Decode(data, &a); err != nil {
		return nil, fmt.Errorf("immigration answer: %w", err)
	}
	return &a, nil
}

// Verify checks the signature and reads the answer. Keys that are not known here
// are allowed; none may come twice.
func (a *SignedAnswer) Verify(key *ecdsa.PublicKey) (*Answer, error) {
	if err := VerifyRaw(key, AnswerMessage(a.Answer), a.Signature); err != nil {
		return nil, fmt.Errorf("immigration answer: %w", err)
	}
	members, err := jsonMembers(a.Answer)
	if err != nil {
		return nil, fmt.Errorf("immigration answer: %w", err)
	}
	var out Answer
	var at Time
	var subject Bytes
	for key, into := range map[string]any{"request": &out.Request, "at": &at, "result": &out.Result, "subject": &subject} {
		raw, ok := members[key]
		if !ok || json.Unmarshal(raw, into) != nil || bytes.Equal(raw, []byte("null")) {
			return nil, fmt.Errorf("immigration answer: %w: key %q", ErrFormat, key)
		}
	}
	if len(subject) != 32 || out.Request == "" {
		return nil, fmt.Errorf("immigration answer: %w: request or subject", ErrFormat)
	}
	out.At, out.Subject = at.Time, subject
	return &out, nil
}

// Subject is the part of a certificate's subject that a ticket vouches for.
type Subject struct {
	Country      string `json:"country"`
	CommonName   string `json:"commonName"`
	Surname      string `json:"surname"`
	GivenName    string `json:"givenName"`
	SerialNumber string `json:"serialNumber"` // subscriber reference number
}

// Digest is SHA-256("chop/subject/v1" 0x00 ‖ JSON), the keys in the order above.
func (s Subject) Digest() (Digest, error) {
	for _, text := range []string{s.Country, s.CommonName, s.Surname, s.GivenName, s.SerialNumber} {
		if err := CheckText(text); err != nil || len(text) > 500 {
			return Digest{}, fmt.Errorf("subject: %w", ErrFormat)
		}
	}
	b, err := Encode(s)
	if err != nil {
		return Digest{}, err
	}
	return labelled(labelSubject, b), nil
}

// TicketDigest is how other messages name T.
func TicketDigest(t []byte) Digest { return sha256.Sum256(t) }
