package solecontrol

import (
	"fmt"
)

// MaxDocuments is how many documents one approval covers.
const MaxDocuments = 20

// Request is R: what the approval page has shown, in the page's own words. The
// passkey signs a hash of its exact bytes.
type Request struct {
	Kind        string            `json:"kind"` // "sign"
	Tx          string            `json:"tx"`
	Nonce       Bytes             `json:"nonce"`
	NotAfter    Time              `json:"notAfter"`
	HPKEKey     Bytes             `json:"hpkeKey"` // uncompressed point
	RPID        string            `json:"rpId"`
	Credential  string            `json:"credential"`
	Certificate Bytes             `json:"certificate"` // SHA-256
	Service     Service           `json:"service"`
	Documents   []RequestDocument `json:"documents"` // 1 to 20
}

// Service is who asks for the signature.
type Service struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// RequestDocument is one document as the page saw it.
type RequestDocument struct {
	Name   string `json:"name"`
	Type   string `json:"type"`   // "application/pdf"
	SHA256 Bytes  `json:"sha256"` // over the bytes that are signed and were shown
	Policy string `json:"policy"` // signature policy, an OID
	Hash   string `json:"hash"`   // "sha256"
	DTBSR  Bytes  `json:"dtbsr"`  // what the key signs: SHA-256 of the signed attributes
}

// The only document type and the only hash, so far.
const (
	TypePDF = "application/pdf"
	SHA256  = "sha256"
)

// Marshal checks and encodes.
func (r *Request) Marshal() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return Encode(r)
}

// ParseRequest reads R strictly.
func ParseRequest(data []byte) (*Request, error) {
	var r Request
	if err := Decode(data, &r); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return &r, r.check()
}

func (r *Request) check() error {
	if r.Kind != "sign" {
		return fmt.Errorf("request: %w: kind", ErrFormat)
	}
	if err := checkTransaction(r.Tx, r.Nonce, r.NotAfter, r.HPKEKey, r.RPID); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if err := checkUUIDs(r.Credential); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if len(r.Certificate) != 32 {
		return fmt.Errorf("request: %w: certificate's digest", ErrFormat)
	}
	if err := r.Service.Check(); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if n := len(r.Documents); n < 1 || n > MaxDocuments {
		return fmt.Errorf("request: %w: %d documents", ErrFormat, n)
	}
	for i, d := range r.Documents {
		if err := checkDocument(d.Name, d.Type, d.Policy, d.Hash); err != nil {
			return fmt.Errorf("request: document %d: %w", i+1, err)
		}
		if len(d.SHA256) != 32 || len(d.DTBSR) != 32 {
			return fmt.Errorf("request: document %d: %w: digest", i+1, ErrFormat)
		}
	}
	return nil
}

// checkTransaction checks what R, E and the offers begin with.
func checkTransaction(id string, nonce []byte, notAfter Time, key []byte, rpID string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if len(nonce) != nonceSize || notAfter.IsZero() || len(key) != 65 || key[0] != 4 {
		return fmt.Errorf("%w: nonce, time or key", ErrFormat)
	}
	return checkRPID(rpID)
}

// Check refuses a name that would not be shown as it is.
func (s Service) Check() error {
	if err := checkName("service id", s.ID, 100); err != nil {
		return err
	}
	return checkName("service name", s.Name, 200)
}

func checkDocument(name, kind, policy, hash string) error {
	if err := checkName("name", name, 255); err != nil {
		return err
	}
	if kind != TypePDF || hash != SHA256 || len(policy) > 128 || !oidPattern.MatchString(policy) {
		return fmt.Errorf("%w: type, hash or policy", ErrFormat)
	}
	return nil
}

// Enrolment is E: what the passkey signs to have its key made.
type Enrolment struct {
	Kind      string `json:"kind"` // "enrol"
	Enrolment string `json:"enrolment"`
	Nonce     Bytes  `json:"nonce"`
	NotAfter  Time   `json:"notAfter"`
	HPKEKey   Bytes  `json:"hpkeKey"`
	RPID      string `json:"rpId"`
	Account   string `json:"account"`
	Passkey   Bytes  `json:"passkey"` // id
	Ticket    Bytes  `json:"ticket"`  // SHA-256 of T
}

// Marshal checks and encodes.
func (e *Enrolment) Marshal() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return Encode(e)
}

// ParseEnrolment reads E strictly.
func ParseEnrolment(data []byte) (*Enrolment, error) {
	var e Enrolment
	if err := Decode(data, &e); err != nil {
		return nil, fmt.Errorf("enrolment: %w", err)
	}
	return &e, e.check()
}

func (e *Enrolment) check() error {
	if e.Kind != "enrol" {
		return fmt.Errorf("enrolment: %w: kind", ErrFormat)
	}
	if err := checkTransaction(e.Enrolment, e.Nonce, e.NotAfter, e.HPKEKey, e.RPID); err != nil {
		return fmt.Errorf("enrolment: %w", err)
	}
	if err := checkUUIDs(e.Account); err != nil {
		return fmt.Errorf("enrolment: %w", err)
	}
	if len(e.Passkey) == 0 || len(e.Passkey) > maxPasskeyID || len(e.Ticket) != 32 {
		return fmt.Errorf("enrolment: %w: passkey or ticket", ErrFormat)
	}
	return nil
}
