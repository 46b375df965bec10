package solecontrol

import (
	"crypto"
	"crypto/ecdsa"
	"fmt"
)

// SignedOffer is an offer with the activation process's signature, by which the
// page knows that nobody between them chose the key to which it sends s.
type SignedOffer struct {
	Offer     Bytes `json:"offer"`     // JSON
	Signature Bytes `json:"signature"` // r‖s
}

// Offer is what the page needs to show a transaction and to build R.
type Offer struct {
	Kind        string          `json:"kind"` // "sign"
	Tx          string          `json:"tx"`
	Nonce       Bytes           `json:"nonce"`
	NotAfter    Time            `json:"notAfter"`
	HPKEKey     Bytes           `json:"hpkeKey"`
	RPID        string          `json:"rpId"`
	Credential  string          `json:"credential"`
	Certificate Bytes           `json:"certificate"`
	Passkey     Bytes           `json:"passkey"` // id
	PRFSalt     Bytes           `json:"prfSalt"`
	DeviceKey   bool            `json:"deviceKey"` // the page's own key must sign too
	Code        string          `json:"code"`
	Service     Service         `json:"service"`
	Return      string          `json:"return"` // where the page sends the person afterwards
	Documents   []OfferDocument `json:"documents"`
	State       string          `json:"state"` // open, approved, declined, expired, cancelled, failed
}

// OfferDocument is one document as it was prepared.
type OfferDocument struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	Size       int64    `json:"size"`
	Policy     string   `json:"policy"`
	Hash       string   `json:"hash"`
	Attributes Bytes    `json:"attributes"` // CMS SignedAttributes, DER SET OF
	ByteRange  [4]int64 `json:"byteRange"`  // 0, a, b, c: the file but for its signature's Contents
}

// MaxSize is the largest document, MaxAttributes the largest signed attributes.
const (
	MaxSize       = 200 << 20
	MaxAttributes = 16 << 10
)

// Check refuses what a page could not show or a key could not sign.
func (d *OfferDocument) Check() error {
	if err := checkDocument(d.Name, d.Type, d.Policy, d.Hash); err != nil {
		return err
	}
	r := d.ByteRange
	if d.Size < 1 || d.Size > MaxSize || r[0] != 0 || r[1] < 1 || r[2] < r[1]+2 || r[3] < 0 || r[2] > d.Size || r[3] > d.Size || r[2]+r[3] != d.Size {
		return fmt.Errorf("%w: byte range", ErrFormat)
	}
	if len(d.Attributes) == 0 || len(d.Attributes) > MaxAttributes {
		return fmt.Errorf("%w: signed attributes of %d bytes", ErrFormat, len(d.Attributes))
	}
	return nil
}

// EnrolOffer is what the page needs to enrol.
type EnrolOffer struct {
	Kind       string `json:"kind"` // "enrol"
	Enrolment  string `json:"enrolment"`
	Nonce      Bytes  `json:"nonce"`
	NotAfter   Time   `json:"notAfter"`
	HPKEKey    Bytes  `json:"hpkeKey"`
	RPID       string `json:"rpId"`
	RPName     string `json:"rpName"`
	Account    string `json:"account"`
	UserHandle Bytes  `json:"userHandle"` // 32 random bytes
	UserName   string `json:"userName"`
	PRFSalt    Bytes  `json:"prfSalt"`
	DeviceKey  bool   `json:"deviceKey"` // the page makes a key of its own too
	Number     string `json:"number"`    // two digits, shown at the counter and here
	Return     string `json:"return"`
	State      string `json:"state"` // passkey, ticket, seal, made, issued, failed, expired
	Passkey    Bytes  `json:"passkey,omitempty"`
	Ticket     Bytes  `json:"ticket,omitempty"` // SHA-256 of T
}

// SignOffer encodes an *Offer or *EnrolOffer and signs it.
func SignOffer(key crypto.Signer, offer any) (*SignedOffer, error) {
	b, err := Encode(offer)
	if err != nil {
		return nil, err
	}
	sig, err := SignRaw(key, append([]byte(labelOffer), b...))
	if err != nil {
		return nil, fmt.Errorf("sign offer: %w", err)
	}
	return &SignedOffer{b, sig}, nil
}

// Verify checks the signature; only then are the bytes to be read.
func (s *SignedOffer) Verify(key *ecdsa.PublicKey) error {
	if err := VerifyRaw(key, append([]byte(labelOffer), s.Offer...), s.Signature); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	return nil
}

// Sign verifies the signature and reads an offer to sign.
func (s *SignedOffer) Sign(key *ecdsa.PublicKey) (*Offer, error) {
	if err := s.Verify(key); err != nil {
		return nil, err
	}
	var o Offer
	if err := Decode(s.Offer, &o); err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	if o.Kind != "sign" {
		return nil, fmt.Errorf("offer: %w: kind", ErrFormat)
	}
	return &o, nil
}

// Enrol verifies the signature and reads an offer to enrol.
func (s *SignedOffer) Enrol(key *ecdsa.PublicKey) (*EnrolOffer, error) {
	if err := s.Verify(key); err != nil {
		return nil, err
	}
	var o EnrolOffer
	if err := Decode(s.Offer, &o); err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	if o.Kind != "enrol" {
		return nil, fmt.Errorf("offer: %w: kind", ErrFormat)
	}
	return &o, nil
}

// Approval is what the page sends.
type Approval struct {
	Request         Bytes     `json:"request"` // R, or E at an enrolment
	Assertion       Assertion `json:"assertion"`
	Enc             Bytes     `json:"enc"`        // HPKE's encapsulated key
	Ciphertext      Bytes     `json:"ciphertext"` // of s
	DeviceSignature Bytes     `json:"deviceSignature,omitempty"`
}
