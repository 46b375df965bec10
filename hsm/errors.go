package hsm

import "errors"

// What callers branch on. Everything else is the module's CKR code, wrapped.
var (
	// ErrKeyNotFound: the token has no key of that label.
	ErrKeyNotFound = errors.New("key not found in the token")
	// ErrKeyExists: a key of that label is there already.
	ErrKeyExists = errors.New("key exists in the token")
	// ErrKeyAmbiguous: more than one key answers to the label, or its halves
	// do not belong together; using either would be a guess.
	ErrKeyAmbiguous = errors.New("key is ambiguous in the token")
	// ErrKeySpec: the key specification is none that this package makes.
	ErrKeySpec = errors.New("key specification unknown")
	// ErrKeyGone: the signer was used after Vault.Use returned.
	ErrKeyGone = errors.New("key was used after its vault closed it")
	// ErrSignerOpts: the signer was given a digest or options that it cannot
	// honour; nothing was signed.
	ErrSignerOpts = errors.New("signer options refused")
	// ErrWrappedKey: the wrapped key is damaged, or belongs to another vault.
	ErrWrappedKey = errors.New("wrapped key refused")
	// ErrSealed: the sealed bytes or their associated data were changed, or
	// were sealed by another key.
	ErrSealed = errors.New("sealed data refused")
	// ErrTooLarge: the input is over this package's limit for it.
	ErrTooLarge = errors.New("too large for the token")
	// ErrUnsafeToken: an attack on the key-encryption key succeeded, or one
	// of its attributes is not what it must be; the text names it.
	ErrUnsafeToken = errors.New("unsafe token")
	// ErrMechanism: the token lacks a mechanism that is needed.
	ErrMechanism = errors.New("mechanism not offered by the token")
	// ErrPIN: the token refused the PIN. It is not tried again.
	ErrPIN = errors.New("PIN refused by the token")
	// ErrTokenAbsent: no token of that label is there, or it was removed.
	ErrTokenAbsent = errors.New("token absent")
	// ErrTokenFailed: the device or its module failed; it is re-initialised
	// in the background of the next calls.
	ErrTokenFailed = errors.New("token failed")
	// ErrTokenBusy: the token has no session or memory left.
	ErrTokenBusy = errors.New("token busy")
	// ErrModuleInUse: this process has already loaded the module.
	ErrModuleInUse = errors.New("module already in use by this process")
	// ErrClosed: the Token was closed.
	ErrClosed = errors.New("token closed")
	// ErrWorkerDied: the worker process ended while it had the request.
	// Whether a signature was made is not known; the next call restarts it.
	ErrWorkerDied = errors.New("token worker died")
	// ErrWorkerHung: the worker process did not answer in time and was
	// killed. Whether a signature was made is not known; the next call
	// restarts it.
	ErrWorkerHung = errors.New("token worker hung")
)
