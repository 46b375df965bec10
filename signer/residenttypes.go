package signer

import (
	"crypto/x509"
	"time"
)

// Caller is the resident who asks, as the portal has signed them in.
type Caller struct {
	// Account is the account's id.
	Account string
	// Place is from where, for the audit log: a browser in words, or empty. Never an
	// address of a person.
	Place string
}

// ResidentService is who asks a resident for a signature.
type ResidentService struct {
	ID   string `json:"id"`
	Name string `json:"name"` // shown to the resident, and in R
}

// A ResidentDocument is one document to be signed.
type ResidentDocument struct {
	Name string // shown to the resident; a file's name without a path
	PDF  []byte
	// Field is the full name of an existing empty signature field; empty: a new one.
	Field string
	// Place makes a new field visible; nil: invisible.
	Place *Place
}

// ResidentRequest asks for one approval over 1 to 20 documents.
type ResidentRequest struct {
	// Credential is the activation credential that signs; empty: the account's active one.
	Credential string
	Service    ResidentService
	// Level is "B-T", "B-LT" or "B-LTA"; empty: the policy's default.
	Level string
	// Reason is why, as the resident is shown it and as the signatures say it.
	Reason string
	// DocumentKind is one of the policies' document kinds ("will", "affidavit", …), or
	// empty for what Schedule 1 of Cap. 553 does not exclude.
	DocumentKind string
	// KindAcknowledged says that the resident has read the warning about DocumentKind.
	KindAcknowledged bool
	Documents        []ResidentDocument
	// Return is where the approval page sends the resident back to.
	Return string
}

// The states of a signing, as people see them.
const (
	SigningPrepared  = "prepared"  // recorded; the device has not been asked yet
	SigningWaiting   = "waiting"   // for the resident's approval
	SigningApproved  = "approved"  // the device approved; files are being finished
	SigningSigned    = "signed"    // all files are there
	SigningDeclined  = "declined"  // by the resident; Renew asks again
	SigningExpired   = "expired"   // nobody approved in time; Renew asks again
	SigningFailed    = "failed"    // Failure says why
	SigningCancelled = "cancelled" // by who asked
)

// A Signing is one request for an approval and what became of it.
type Signing struct {
	ID         string `json:"id"` // UUIDv7
	Account    string `json:"account"`
	Credential string `json:"credential"`
	State      string `json:"state"`
	// Failure is a word for people's pages when State is failed or declined: "declined",
	// "not-me", "suspended", "refused", "late", "certificate".
	Failure      string          `json:"failure,omitempty"`
	Service      ResidentService `json:"service"`
	Level        string          `json:"level"`
	Reason       string          `json:"reason,omitempty"`
	DocumentKind string          `json:"document_kind,omitempty"`
	Return       string          `json:"return"`
	// Serial is the certificate's, in hexadecimal.
	Serial string `json:"serial"`
	// Tx, Code and NotAfter are the open question's; empty when there is none. The
	// approval page's address is approve_url + "/#sign/" + Tx.
	Tx       string    `json:"tx,omitempty"`
	Code     string    `json:"code,omitempty"`
	NotAfter time.Time `json:"not_after,omitzero"`

	CreatedAt  time.Time `json:"created_at"`
	ApprovedAt time.Time `json:"approved_at,omitzero"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	// Renewable: Renew may ask the device again.
	Renewable bool `json:"renewable"`
	// FilesUntil is until when the signed files can be downloaded.
	FilesUntil time.Time         `json:"files_until,omitzero"`
	Documents  []SigningDocument `json:"documents"`
}

// Done reports whether nothing more will happen to it by itself.
func (s *Signing) Done() bool {
	switch s.State {
	case SigningPrepared, SigningWaiting, SigningApproved:
		return false
	}
	return true
}

// A SigningDocument is one document of a Signing. Numbers count from 0.
type SigningDocument struct {
	Number   int    `json:"number"`
	Name     string `json:"name"`
	Field    string `json:"field"`
	Size     int64  `json:"size"` // of what was handed in
	Prepared int64  `json:"prepared"`
	// Digest is SHA-256 over the prepared bytes without the signature's gap, DTBSR that of the signed attributes.
	Digest []byte `json:"digest"`
	DTBSR  []byte `json:"dtbsr"`
	// SignedSize and SignedSHA256 are the signed file's; zero before.
	SignedSize   int64     `json:"signed_size,omitempty"`
	SignedSHA256 []byte    `json:"signed_sha256,omitempty"`
	TimestampAt  time.Time `json:"timestamp_at,omitzero"`
}

// ResidentCredential is a resident's signing credential: a key in the activation
// process's keeping, with all certificates ever issued for it.
type ResidentCredential struct {
	Account   string
	ID        string // activation's
	Profile   string
	State     string // "active" or "retired"
	CreatedAt time.Time
	ChangedAt time.Time
	// Certificates are the newest first; the first one of an active credential signs.
	Certificates []ResidentCertificate
	// Signed counts the signings that were approved with it.
	Signed int
}

// A ResidentCertificate is one certificate of a credential.
type ResidentCertificate struct {
	Serial      string
	SHA256      []byte
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
	IssuedAt    time.Time
}
