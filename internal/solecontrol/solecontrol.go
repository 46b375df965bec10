// Package solecontrol holds the exact formats by which a resident, and nobody
// else, makes a resident's key sign: what the approval page, the device, the
// officer's desk and the activation process say to each other, what they sign
// of it, and how a key is sealed under a secret that only the device has.
// docs/approval-protocol.md describes the same for who writes a native app.
//
// It is a leaf: bytes in, bytes out. It holds no key, asks no network and no
// database, and decides nothing: whether a transaction is open, a record is the
// newest, a passkey is the bound one, is for signer/activation.
//
// Whatever is hashed or signed begins with a label of its own that ends with a
// zero byte, so that no message of one kind is ever one of another kind. JSON is
// hashed and signed as the bytes that its author wrote, and never made anew.
package solecontrol

import (
	"crypto/sha256"
	"errors"
)

var (
	// ErrFormat: the bytes are not exactly of the format; nothing was believed.
	ErrFormat = errors.New("format refused")
	// ErrSignature: the signature is not by the key over these bytes.
	ErrSignature = errors.New("signature refused")
	// ErrAssertion: the passkey's answer is not one to this challenge, for this
	// origin, with its person verified.
	ErrAssertion = errors.New("passkey assertion refused")
	// ErrSeal: the secret does not open the seal, or what it binds was changed.
	ErrSeal = errors.New("seal refused")
)

// The labels, each used by one format.
const (
	labelBinding   = "chop/binding/v1\x00"
	labelSeal      = "chop/seal/v1\x00"
	labelRecord    = "chop/record/v1\x00"
	labelOffer     = "chop/offer/v1\x00"
	labelCode      = "chop/code/v1\x00"
	labelApproval  = "chop/approval/v1\x00"
	labelCreate    = "chop/create/v1\x00"
	labelEnrol     = "chop/enrol/v1\x00"
	labelTicket    = "chop/ticket/v1\x00"
	labelOrder     = "chop/order/v1\x00"
	labelStatement = "chop/statement/v1\x00"
	labelImmd      = "chop/immd/v1\x00"
	labelSubject   = "chop/subject/v1\x00"
)

// Digest is a SHA-256.
type Digest = [sha256.Size]byte

// labelled is SHA-256(label ‖ parts). Only the last part has a length that varies.
func labelled(label string, parts ...[]byte) Digest {
	h := sha256.New()
	h.Write([]byte(label))
	for _, p := range parts {
		h.Write(p)
	}
	return Digest(h.Sum(nil))
}

// ApprovalChallenge is what the passkey signs to approve the request R.
func ApprovalChallenge(r []byte) Digest { return labelled(labelApproval, r) }

// CreateChallenge is what create() is called with at an enrolment.
func CreateChallenge(nonce []byte) Digest { return labelled(labelCreate, nonce) }

// EnrolChallenge is what the passkey signs to have its key made, by E.
func EnrolChallenge(e []byte) Digest { return labelled(labelEnrol, e) }

// TicketChallenge is what an officer's passkey, or a kiosk's key, signs of the
// ticket T.
func TicketChallenge(t []byte) Digest { return labelled(labelTicket, t) }

// OrderChallenge is what each of two officers' passkeys signs of the order O.
func OrderChallenge(o []byte) Digest { return labelled(labelOrder, o) }
