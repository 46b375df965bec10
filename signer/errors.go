package signer

import "errors"

// What callers branch on. What is wrong with a document or a request are package
// pades's errors, which come through unchanged.
var (
	// ErrCredentialNotFound means that there is no credential of that id.
	ErrCredentialNotFound = errors.New("no such credential")
	// ErrCredentialNotActive means that the credential has no certificate yet, or is
	// disabled.
	ErrCredentialNotActive = errors.New("the credential is not active")
	// ErrCertificate means that the certificate is not good at this moment.
	ErrCertificate = errors.New("the credential's certificate is not good now")
	// ErrPolicy means that the signature policy is unknown or does not allow the request.
	ErrPolicy = errors.New("the signature policy does not allow it")
	// ErrUnauthorized means that the seal is a department's, whose operators did not have this sealed.
	ErrUnauthorized = errors.New("the seal signs only what its department's operators had sealed")
	// ErrKey means that the token's key is not the one in the certificate.
	ErrKey = errors.New("the key does not belong to the certificate")
	// ErrRefused means that our own validation refused the finished file; nothing was
	// handed out.
	ErrRefused = errors.New("our own validation refuses the signed file")
	// ErrClosed means that the signature's record was closed meanwhile, by the job that
	// takes it for abandoned; nothing was handed out.
	ErrClosed = errors.New("the signature's record is closed already")
	// ErrNoIssuer means that this service was set up without a CA.
	ErrNoIssuer = errors.New("no issuer of certificates")
	// ErrOutput means that the output's place cannot be written to.
	ErrOutput = errors.New("the output cannot be written")
	// ErrLite means that the account is of the kind that does not sign (70004 of the adopters' API).
	ErrLite = errors.New("the account is for identity only and may not sign")
	// ErrAccount means that the account is not active: suspended, closed or unknown.
	ErrAccount = errors.New("the account is not active")
	// ErrBusy means that another question is open for the credential.
	ErrBusy = errors.New("another approval is open")
	// ErrSuspended means that the activation process refuses the credential for now.
	ErrSuspended = errors.New("the credential is suspended")
	// ErrNoTransaction means that the activation process knows no such transaction (any more).
	ErrNoTransaction = errors.New("no such approval")
	// ErrSigningNotFound means that the caller has no such signing, or document in it.
	ErrSigningNotFound = errors.New("no such signing")
	// ErrState means that the signing is not in a state that allows it.
	ErrState = errors.New("the signing is not in such a state")
	// ErrExcluded means that Schedule 1 of Cap. 553 excludes such documents.
	ErrExcluded = errors.New("the law excludes such documents from electronic signing")
	// ErrAcknowledge means that a warning about the kind of document must be acknowledged first.
	ErrAcknowledge = errors.New("the warning about this kind of document was not acknowledged")
	// ErrGone means that the file was deleted, as the retention policy says.
	ErrGone = errors.New("the file is kept no longer")
)
