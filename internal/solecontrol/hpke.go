package solecontrol

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"fmt"
)

// The suite of RFC 9180 by which the page sends s: base mode, DHKEM(P-256,
// HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

// TransactionKey receives one secret. It is made for one transaction, is never
// stored, and is forgotten with it: recorded traffic stays closed whatever is
// stolen later.
type TransactionKey struct{ key *ecdh.PrivateKey }

// NewTransactionKey makes a key.
func NewTransactionKey() (*TransactionKey, error) {
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make transaction key: %w", err)
	}
	return &TransactionKey{k}, nil
}

// Public is the uncompressed point, 65 bytes.
func (k *TransactionKey) Public() []byte { return k.key.PublicKey().Bytes() }

// ApprovalInfo and EnrolInfo are HPKE's info: a label and the id in its b64 text.
func ApprovalInfo(tx string) []byte { return []byte(labelApproval + tx) }

// EnrolInfo is that of an enrolment.
func EnrolInfo(enrolment string) []byte { return []byte(labelEnrol + enrolment) }

// Open decrypts the secret. aad is the challenge that the passkey signed, so a
// ciphertext is of use for one request only.
func (k *TransactionKey) Open(info, aad, enc, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != SecretSize+16 {
		return nil, fmt.Errorf("%w: ciphertext of %d bytes", ErrSeal, len(ciphertext))
	}
	priv, err := hpke.NewDHKEMPrivateKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("use transaction key: %w", err)
	}
	r, err := hpke.NewRecipient(enc, priv, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return nil, fmt.Errorf("%w: encapsulated key", ErrSeal)
	}
	s, err := r.Open(aad, ciphertext)
	if err != nil || len(s) != SecretSize {
		return nil, fmt.Errorf("%w: HPKE", ErrSeal)
	}
	return s, nil
}

// SendSecret encrypts s to a transaction key, as the page does.
func SendSecret(public, info, aad, s []byte) (enc, ciphertext []byte, err error) {
	point, err := ecdh.P256().NewPublicKey(public)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: transaction key", ErrFormat)
	}
	pub, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		return nil, nil, fmt.Errorf("use transaction key: %w", err)
	}
	enc, sender, err := hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return nil, nil, fmt.Errorf("send secret: %w", err)
	}
	if ciphertext, err = sender.Seal(aad, s); err != nil {
		return nil, nil, fmt.Errorf("send secret: %w", err)
	}
	return enc, ciphertext, nil
}
