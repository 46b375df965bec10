package ca

import "errors"

var (
	// ErrRequest says that the request itself cannot be granted: a field is
	// missing, or the subject or the profile does not allow it.
	ErrRequest = errors.New("certificate request refused")
	// ErrCSR says that the certification request is malformed or proves no possession.
	ErrCSR = errors.New("certification request refused")
	// ErrWeakKey says that the public key is of a wrong kind, or one that others could break.
	ErrWeakKey = errors.New("public key refused")
	// ErrKeyTaken says that the public key belongs to another credential.
	ErrKeyTaken = errors.New("public key belongs to another credential")
	// ErrCompromised says that a certificate for the public key was revoked because the key was compromised.
	ErrCompromised = errors.New("public key was compromised")
	// ErrStopped says that an operator has stopped issuance under the profile.
	ErrStopped = errors.New("issuance is stopped")
	// ErrIssuer says that the issuing CA's own certificate is not good, not recorded or expired.
	ErrIssuer = errors.New("issuing CA may not sign")
	// ErrLint says that the certificate would break a rule; it was not signed.
	ErrLint = errors.New("certificate does not pass lint")
	// ErrUsed says that an issuance was to be signed a second time.
	ErrUsed = errors.New("issuance was used before")
	// ErrMismatch says that what came back from the key is not what was recorded
	// and linted, or does not verify. It was not released.
	ErrMismatch = errors.New("signed bytes differ from what was recorded")
	// ErrAbandoned says that the record was closed before the certificate could
	// be stored; it was not released.
	ErrAbandoned = errors.New("issuance was abandoned")
	// ErrUnknownSerial says that no certificate of ours has the serial.
	ErrUnknownSerial = errors.New("serial is not ours")
	// ErrTransition says that a status cannot follow the present one: revoked is
	// final, only a good certificate is suspended and only a suspended one resumed.
	ErrTransition = errors.New("status cannot change so")
	// ErrNotOurs says that a certificate was not issued here.
	ErrNotOurs = errors.New("certificate was not issued by this CA")
	// ErrNoCeremony says that the CA has not been created yet.
	ErrNoCeremony = errors.New("no ceremony has created the CA")
	// ErrStatement says that the enrolment statement is absent, not the activation
	// process's, about something else than was asked for, or used already.
	ErrStatement = errors.New("enrolment statement refused")
	// ErrPlan says that a ceremony's plan cannot be carried out.
	ErrPlan = errors.New("ceremony plan refused")
	// ErrOtherPlan says that another plan has been begun or finished already.
	ErrOtherPlan = errors.New("another ceremony has been begun")
	// ErrKeyNotFound is what a Keys returns, wrapped, when a token has no such key.
	ErrKeyNotFound = errors.New("key not found")
)
