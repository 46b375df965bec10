package hsm

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// class says what a CKR code means for the session, the token and the caller.
// PKCS#11 2.40, 5.1 lists the codes.
type class int

const (
	// classNone: no error, or none of the module's.
	classNone class = iota
	// classRequest: this request is wrong for this token; everything else
	// still works.
	classRequest
	// classSession: the session, the login or an object handle is stale.
	// Discard, log in, find again.
	classSession
	// classDevice: the device or the module is gone or broken. Stop calling
	// it and initialise it again.
	classDevice
	// classBusy: out of sessions or memory.
	classBusy
	// classPIN: the token refused the PIN. Trying again would lock it.
	classPIN
)

func (c class) String() string {
	return [...]string{"none", "request", "session", "device", "busy", "pin"}[c]
}

func classify(err error) class {
	var ckr pkcs11.Error
	if !errors.As(err, &ckr) {
		return classNone
	}
	switch ckr {
	case pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED,
		pkcs11.CKR_USER_NOT_LOGGED_IN,
		pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_KEY_HANDLE_INVALID,
		pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, pkcs11.CKR_UNWRAPPING_KEY_HANDLE_INVALID,
		// A session left in the middle of another operation is as useless as
		// a closed one.
		pkcs11.CKR_OPERATION_ACTIVE, pkcs11.CKR_OPERATION_NOT_INITIALIZED:
		return classSession
	case pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_DEVICE_ERROR,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED,
		pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:
		return classDevice
	case pkcs11.CKR_SESSION_COUNT, pkcs11.CKR_HOST_MEMORY, pkcs11.CKR_DEVICE_MEMORY:
		return classBusy
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE,
		pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_LOCKED, pkcs11.CKR_USER_PIN_NOT_INITIALIZED:
		return classPIN
	}
	return classRequest
}

// explain adds the sentinel that a caller can branch on to the module's code.
func explain(err error) error {
	var sentinel error
	switch classify(err) {
	case classSession, classDevice:
		sentinel = ErrTokenFailed
		if isCKR(err, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_DEVICE_REMOVED) {
			sentinel = ErrTokenAbsent
		}
	case classBusy:
		sentinel = ErrTokenBusy
	case classPIN:
		sentinel = ErrPIN
	case classRequest:
		if isCKR(err, pkcs11.CKR_MECHANISM_INVALID) {
			sentinel = ErrMechanism
		}
	}
	if sentinel == nil || errors.Is(err, sentinel) {
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

func isCKR(err error, codes ...uint) bool {
	var ckr pkcs11.Error
	if !errors.As(err, &ckr) {
		return false
	}
	for _, code := range codes {
		if uint(ckr) == code {
			return true
		}
	}
	return false
}

// damaged tells damaged input from a failing token. Some modules answer
// CKR_GENERAL_ERROR for both; a session that is still logged in then means
// that it was the input, and whoever can store damaged bytes must not be able
// to stop the token for everyone.
func damaged(s *session, err error, codes ...uint) bool {
	if isCKR(err, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED) {
		info, serr := s.GetSessionInfo(s.h)
		return serr == nil && info.State == pkcs11.CKS_RW_USER_FUNCTIONS
	}
	return isCKR(err, codes...)
}
