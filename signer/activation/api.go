package activation

import (
	"chop/internal/solecontrol"
)

// What the two sockets speak: JSON, read strictly on both ends. Bytes are
// base64url without padding, times whole seconds of UTC.

// MintRequest asks for a transaction.
type MintRequest struct {
	Credential string              `json:"credential"`
	Service    solecontrol.Service `json:"service"`
	Return     string              `json:"return"`        // where the page sends the person afterwards
	TTL        int                 `json:"ttl,omitempty"` // seconds, at most 300; 0 means 300
	// Instead ends a transaction that is open for the credential, if any. It is for a service that keeps books of its
	// open ones, and in them has none: its answer was lost, and nobody knows it.
	Instead   bool                        `json:"instead,omitempty"`
	Documents []solecontrol.OfferDocument `json:"documents"`
}

// Minted is a transaction that waits for its approval.
type Minted struct {
	Tx       string           `json:"tx"`
	Code     string           `json:"code"`
	NotAfter solecontrol.Time `json:"notAfter"`
}

// The states of a transaction.
const (
	TxOpen      = "open"
	TxApproved  = "approved"  // signed; the signatures wait to be collected
	TxDeclined  = "declined"  // by the person; the reason says whether "not-me"
	TxExpired   = "expired"   // nobody approved in time
	TxCancelled = "cancelled" // by who asked, or because the credential was suspended
	TxFailed    = "failed"    // approved, and then something failed: nothing was released
)

// TransactionStatus is what became of a transaction.
type TransactionStatus struct {
	State  string            `json:"state"`
	At     *solecontrol.Time `json:"at,omitempty"` // of the state; absent while open
	Reason string            `json:"reason,omitempty"`
}

// Evidence is the passkey's own proof of an approval. Anybody can check it with
// the passkey's public key: the signature is over authenticatorData ‖
// SHA-256(clientDataJSON), whose challenge is SHA-256("chop/approval/v1" 0x00 ‖
// request).
type Evidence struct {
	Request           solecontrol.Bytes `json:"request"` // R
	AuthenticatorData solecontrol.Bytes `json:"authenticatorData"`
	ClientDataJSON    solecontrol.Bytes `json:"clientDataJSON"`
	Signature         solecontrol.Bytes `json:"signature"`
	Passkey           solecontrol.Bytes `json:"passkey"` // id
	COSEKey           solecontrol.Bytes `json:"coseKey"`
	RPID              string            `json:"rpId"`
	Origin            string            `json:"origin"`
	DeviceSignature   solecontrol.Bytes `json:"deviceSignature,omitempty"`
	DeviceKey         solecontrol.Bytes `json:"deviceKey,omitempty"` // SubjectPublicKeyInfo
	Binding           solecontrol.Bytes `json:"binding"`             // of key, account and passkey; B is its digest
}

// Collected is what an approval released: one signature a document, in order.
type Collected struct {
	Signatures []solecontrol.Bytes `json:"signatures"` // ECDSA-Sig-Value, DER
	Evidence   Evidence            `json:"evidence"`
	At         solecontrol.Time    `json:"at"`
}

// EnrolmentRequest begins an enrolment.
type EnrolmentRequest struct {
	Account  string `json:"account"`
	Case     string `json:"case"`
	UserName string `json:"userName"` // shown by the authenticator; never a HKIC number
	Number   string `json:"number"`   // two digits, shown at the counter and on the phone
	Return   string `json:"return"`
}

// EnrolmentBegun is an enrolment that waits for its passkey.
type EnrolmentBegun struct {
	Enrolment string           `json:"enrolment"`
	NotAfter  solecontrol.Time `json:"notAfter"`
}

// The states of an enrolment.
const (
	EnrolPasskey = "passkey" // waits for create()
	EnrolTicket  = "ticket"  // waits for the officer or the kiosk
	EnrolSeal    = "seal"    // waits for get(), twice
	EnrolMade    = "made"    // has a key, a CSR and a statement
	EnrolIssued  = "issued"  // has its certificate
	EnrolFailed  = "failed"
	EnrolExpired = "expired"
)

// EnrolmentStatus is how far an enrolment is.
type EnrolmentStatus struct {
	State      string                       `json:"state"`
	Reason     string                       `json:"reason,omitempty"`
	Passkey    *PasskeyInfo                 `json:"passkey,omitempty"`
	Credential string                       `json:"credential,omitempty"`
	CSR        solecontrol.Bytes            `json:"csr,omitempty"`
	Statement  *solecontrol.SignedStatement `json:"statement,omitempty"`
}

// PasskeyInfo is the new passkey.
type PasskeyInfo struct {
	ID             solecontrol.Bytes `json:"id"`
	COSEKey        solecontrol.Bytes `json:"coseKey"`
	SPKI           solecontrol.Bytes `json:"spki"`
	AAGUID         solecontrol.Bytes `json:"aaguid"`
	BackupEligible bool              `json:"backupEligible"`
}

// CredentialStatus is the state of a credential.
type CredentialStatus struct {
	State          string            `json:"state"` // made, active, suspended, destroyed
	Account        string            `json:"account"`
	Certificate    solecontrol.Bytes `json:"certificate,omitempty"` // SHA-256
	Passkey        solecontrol.Bytes `json:"passkey"`               // SHA-256 of its id
	BackupEligible bool              `json:"backupEligible"`
	DeviceKey      bool              `json:"deviceKey"`
	Version        uint64            `json:"version"`
	Approvals      int64             `json:"approvals"`
}

// Act names who suspends or destroys, and why.
type Act struct {
	By     string `json:"by"` // "officer:<id>", "resident:<account>", "system:<part>"
	Reason string `json:"reason"`
}

// Approved is the answer to an approval.
type Approved struct {
	State string           `json:"state"`
	At    solecontrol.Time `json:"at"`
}

// Identity is the key that signs offers and statements.
type Identity struct {
	Key solecontrol.Bytes `json:"key"` // SubjectPublicKeyInfo
}

type certificateBody struct {
	Certificate solecontrol.Bytes `json:"certificate"` // DER
}

type declineBody struct {
	Reason string `json:"reason"` // declined, not-me
}

type alarmBody struct {
	What string `json:"what"`
}

type empty struct{}
