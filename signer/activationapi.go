package signer

import (
	"context"
	"time"

	"chop/signer/evidence"
)

// Activation is what Residents needs of the activation process; the client of package
// signer/activation serves through a few lines in cmd/chop. Errors wrap ErrBusy (another
// question is open for the credential), ErrSuspended, or ErrNoTransaction (unknown,
// forgotten or destroyed); any other error says nothing about the transaction.
type Activation interface {
	// Mint opens a question to the resident's device.
	Mint(ctx context.Context, r MintRequest) (Minted, error)
	// Transaction says what became of it.
	Transaction(ctx context.Context, tx string) (TransactionState, error)
	// Cancel closes it; an approved one stays approved.
	Cancel(ctx context.Context, tx string) error
	// Collect returns the signatures of an approved transaction, the same ones each
	// time, until Acknowledge.
	Collect(ctx context.Context, tx string) (*Collected, error)
	// Acknowledge lets the activation process destroy its copy.
	Acknowledge(ctx context.Context, tx string) error
}

// MintRequest is a question to be put to a resident's device.
type MintRequest struct {
	Credential string
	Service    ResidentService
	Return     string
	Documents  []MintDocument
}

// MintDocument is one document of a question.
type MintDocument struct {
	Name       string
	Type       string // "application/pdf"
	Size       int64
	Policy     string // OID
	Hash       string // "sha256"
	Attributes []byte // DER SET OF
	ByteRange  [4]int64
}

// Minted is an open question.
type Minted struct {
	Tx, Code string
	NotAfter time.Time
}

// TransactionState is what became of a question: "open", "approved", "declined",
// "expired", "cancelled" or "failed".
type TransactionState struct {
	State  string
	At     time.Time
	Reason string // "declined", "not-me", "suspended", …
}

// Collected is what an approval gave: a signature a document, in their order, and the
// device's own evidence of it.
type Collected struct {
	Signatures [][]byte // DER
	Evidence   ApprovalEvidence
	At         time.Time
}

// ApprovalEvidence is the passkey's assertion over the request R, as the activation
// process verified it.
type ApprovalEvidence = evidence.Approval
