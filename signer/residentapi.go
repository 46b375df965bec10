package signer

import (
	"context"
	"errors"
	"net/http"

	"chop/internal/postgres"
)

var errSkeleton = errors.New("not built yet")

// AddCredential records a resident's credential and its first certificate, or a further
// certificate of one that is known, in the caller's transaction. It is idempotent. An
// account has one active credential: an older one is retired by it.
func (r *Residents) AddCredential(ctx context.Context, tx postgres.Tx, c NewResidentCredential) error {
	return errSkeleton
}

// RetireCredential ends a credential's use for ever, in the caller's transaction.
func (r *Residents) RetireCredential(ctx context.Context, tx postgres.Tx, credential, actor, reason string) error {
	return errSkeleton
}

// NewResidentCredential is what enrolling made.
type NewResidentCredential struct {
	Account, Credential, Profile string
	// Certificates are DER: the resident's, then its chain from the issuer up.
	Certificates [][]byte
	Actor        string
}

// Credential returns the account's credentials, the newest first, with all certificates ever issued.
func (r *Residents) Credential(ctx context.Context, account string) ([]*ResidentCredential, error) {
	return nil, errSkeleton
}

// Prepare checks that the resident may sign, prepares all documents, records the intent
// and asks the device. When it returns a Signing without error, its state is waiting.
func (r *Residents) Prepare(ctx context.Context, by Caller, q ResidentRequest) (*Signing, error) {
	return nil, errSkeleton
}

// Signing says how it stands, and drives it on: an approved one is finished.
func (r *Residents) Signing(ctx context.Context, by Caller, id string) (*Signing, error) {
	return nil, errSkeleton
}

// Cancel closes a signing that is not approved yet.
func (r *Residents) Cancel(ctx context.Context, by Caller, id string) (*Signing, error) {
	return nil, errSkeleton
}

// Renew asks the device again after expiry, after a decline, or after Cancel.
func (r *Residents) Renew(ctx context.Context, by Caller, id string) (*Signing, error) {
	return nil, errSkeleton
}

// Page is a part of a history, the newest first.
type Page struct {
	Before string // the id of the last one seen; empty: from the newest
	Limit  int    // at most 100; 0: 20
}

// List returns an account's signings.
func (r *Residents) List(ctx context.Context, by Caller, p Page) ([]*Signing, error) {
	return nil, errSkeleton
}

// Document returns a signed file.
func (r *Residents) Document(ctx context.Context, by Caller, id string, n int) (name string, pdf []byte, err error) {
	return "", nil, errSkeleton
}

// Original returns what the resident will see before it is signed: the prepared bytes.
func (r *Residents) Original(ctx context.Context, by Caller, id string, n int) (name string, pdf []byte, err error) {
	return "", nil, errSkeleton
}

// Receipt is the proof of a signing for its holder.
func (r *Residents) Receipt(ctx context.Context, by Caller, id string) (*Receipt, error) {
	return nil, errSkeleton
}

// Receipt marshals to the JSON that is handed out.
type Receipt struct{}

// Prepared returns the prepared bytes of document n (from 0) of an open transaction.
func (r *Residents) Prepared(ctx context.Context, tx string, n int) ([]byte, error) {
	return nil, errSkeleton
}

// DocumentHandler serves documents.sock: GET /v1/transactions/{tx}/documents/{n}.
func (r *Residents) DocumentHandler() http.Handler { return http.NotFoundHandler() }

// Run finishes what was approved and closes what expired, until ctx ends.
func (r *Residents) Run(ctx context.Context) error { return errSkeleton }

// Housekeep does what Run does, once, and returns how many signings moved.
func (r *Residents) Housekeep(ctx context.Context) (int, error) { return 0, errSkeleton }
