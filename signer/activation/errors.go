package activation

import (
	"errors"
	"net/http"
)

// What callers branch on, on both ends of the socket.
var (
	// ErrNotFound: no transaction, enrolment or credential of this id.
	ErrNotFound = errors.New("not found")
	// ErrExpired: its time is over.
	ErrExpired = errors.New("expired")
	// ErrUsed: it was approved, declined, collected or presented before.
	ErrUsed = errors.New("used before")
	// ErrSuspended: the credential may not sign.
	ErrSuspended = errors.New("credential suspended")
	// ErrMismatch: what was approved is not what was asked for, or what is
	// stored is not what was stored.
	ErrMismatch = errors.New("does not match")
	// ErrAssertion: the passkey's answer, or the device key's, was refused.
	ErrAssertion = errors.New("assertion refused")
	// ErrRefused: the request is not one that is ever allowed.
	ErrRefused = errors.New("refused")
	// ErrUnavailable: the token or the database does not answer now.
	ErrUnavailable = errors.New("unavailable")
	// ErrBusy: another transaction is open for the credential.
	ErrBusy = errors.New("busy")
)

// kinds gives each error its word and its status, in problem+json.
var kinds = []struct {
	err    error
	code   string
	status int
	person string
}{
	{ErrNotFound, "not-found", http.StatusNotFound, "There is no such request."},
	{ErrExpired, "expired", http.StatusGone, "The time for this is over. Please start again."},
	{ErrUsed, "used", http.StatusConflict, "This was answered before."},
	{ErrSuspended, "suspended", http.StatusForbidden, "Signing is suspended."},
	{ErrMismatch, "mismatch", http.StatusConflict, "What was approved is not what was asked for. Nothing was signed."},
	{ErrAssertion, "assertion", http.StatusForbidden, "The passkey's answer was not accepted. Nothing was signed."},
	{ErrBusy, "busy", http.StatusConflict, "Another request is waiting for your approval."},
	{ErrUnavailable, "unavailable", http.StatusServiceUnavailable, "Signing is not available at this moment. Please try again."},
	{ErrRefused, "refused", http.StatusBadRequest, "The request was refused."},
}

// Code is the word of an error; empty for one that has none.
func Code(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.code
		}
	}
	return ""
}
