package registration

import (
	"context"
	"math/big"
	"time"

	"chop/internal/solecontrol"
)

// Activation is the activation process as its API socket offers it. An answer
// that was lost is asked for again: each method may be repeated.
type Activation interface {
	// BeginEnrolment opens an enrolment for an account. The phone continues it
	// on the approval origin, at /#enrol/<id>.
	BeginEnrolment(ctx context.Context, r EnrolmentRequest) (id string, notAfter time.Time, err error)
	// Enrolment tells how far it is. ErrNoEnrolment once it is forgotten.
	Enrolment(ctx context.Context, id string) (*Enrolment, error)
	// PresentTicket gives the ticket's envelope: a solecontrol.SignedTicket in JSON.
	// ErrPermanent if it is refused for good.
	PresentTicket(ctx context.Context, id string, envelope []byte) error
	// CancelEnrolment ends one that has made no key.
	CancelEnrolment(ctx context.Context, id string) error
	// BindCertificate gives the credential its certificate, in DER.
	BindCertificate(ctx context.Context, credential string, certificate []byte) error
	// Suspend stops a credential at once.
	Suspend(ctx context.Context, credential, by, reason string) error
	// Resume takes an order signed by two officers: a solecontrol.SignedOrder in JSON.
	// ErrPermanent if it is refused for good.
	Resume(ctx context.Context, credential string, order []byte) error
	// Destroy deletes a credential's sealed key for ever. What is gone already is no error.
	Destroy(ctx context.Context, credential, by, reason string) error
}

// EnrolmentRequest is what BeginEnrolment says. UserName is what the phone
// shows beside the passkey: the subscriber reference number, never a card's.
type EnrolmentRequest struct {
	Account, Case, UserName, Number, Return string
}

// Enrolment is the state of one.
type Enrolment struct {
	// State is passkey, ticket, seal, made, issued, failed or expired.
	State string
	// PasskeyID and PasskeyKey (COSE) are the signing passkey's, from state ticket on.
	PasskeyID, PasskeyKey []byte
	// Credential, CSR (DER) and Statement (its envelope, JSON) are there from state made on.
	Credential string
	CSR        []byte
	Statement  []byte
}

// Subject is what a resident's certificate says of its holder; its digest is in the ticket.
type Subject = solecontrol.Subject

// Certificates is the issuing CA.
type Certificates interface {
	// Issue issues under a resident's profile, only against the activation
	// process's statement. Asked again with the same statement it returns the
	// certificate that it issued before. DER. ErrPermanent if it is refused for good:
	// the key is destroyed and the case ends. ticket is T, which the statement names: who
	// proves a signature later finds the passkey's key in it.
	Issue(ctx context.Context, actor string, ticket, statement, csr []byte, s Subject) (certificate []byte, err error)
	// Hold, Release, Revoke and Supersede change a certificate's status. What is so already,
	// or revoked in the case of Hold, is no error.
	Hold(ctx context.Context, actor string, serial *big.Int, reason string) error
	Release(ctx context.Context, actor string, serial *big.Int, reason string) error
	Revoke(ctx context.Context, actor string, serial *big.Int, reason string) error
	// Supersede revokes, because another device took the place of this one.
	Supersede(ctx context.Context, actor string, serial *big.Int, reason string) error
}

// Sessions are the portal's.
type Sessions interface {
	// EndSessions ends all sessions of an account, and may be repeated.
	EndSessions(ctx context.Context, account string) error
}
