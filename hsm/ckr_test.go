package hsm

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
)

// ckrTable: every code that the classes name, and some that they do not.
var ckrTable = []struct {
	code uint
	want class
	is   error // what a caller sees when it persists; nil: the code alone
}{
	{pkcs11.CKR_SESSION_HANDLE_INVALID, classSession, ErrTokenFailed},
	{pkcs11.CKR_SESSION_CLOSED, classSession, ErrTokenFailed},
	{pkcs11.CKR_USER_NOT_LOGGED_IN, classSession, ErrTokenFailed},
	{pkcs11.CKR_OBJECT_HANDLE_INVALID, classSession, ErrTokenFailed},
	{pkcs11.CKR_KEY_HANDLE_INVALID, classSession, ErrTokenFailed},
	{pkcs11.CKR_WRAPPING_KEY_HANDLE_INVALID, classSession, ErrTokenFailed},
	{pkcs11.CKR_UNWRAPPING_KEY_HANDLE_INVALID, classSession, ErrTokenFailed},
	{pkcs11.CKR_OPERATION_ACTIVE, classSession, ErrTokenFailed},
	{pkcs11.CKR_OPERATION_NOT_INITIALIZED, classSession, ErrTokenFailed},
	{pkcs11.CKR_DEVICE_REMOVED, classDevice, ErrTokenAbsent},
	{pkcs11.CKR_TOKEN_NOT_PRESENT, classDevice, ErrTokenAbsent},
	{pkcs11.CKR_TOKEN_NOT_RECOGNIZED, classDevice, ErrTokenFailed},
	{pkcs11.CKR_DEVICE_ERROR, classDevice, ErrTokenFailed},
	{pkcs11.CKR_GENERAL_ERROR, classDevice, ErrTokenFailed},
	{pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, classDevice, ErrTokenFailed},
	{pkcs11.CKR_SESSION_COUNT, classBusy, ErrTokenBusy},
	{pkcs11.CKR_HOST_MEMORY, classBusy, ErrTokenBusy},
	{pkcs11.CKR_DEVICE_MEMORY, classBusy, ErrTokenBusy},
	{pkcs11.CKR_PIN_INCORRECT, classPIN, ErrPIN},
	{pkcs11.CKR_PIN_INVALID, classPIN, ErrPIN},
	{pkcs11.CKR_PIN_LEN_RANGE, classPIN, ErrPIN},
	{pkcs11.CKR_PIN_EXPIRED, classPIN, ErrPIN},
	{pkcs11.CKR_PIN_LOCKED, classPIN, ErrPIN},
	{pkcs11.CKR_USER_PIN_NOT_INITIALIZED, classPIN, ErrPIN},
	{pkcs11.CKR_MECHANISM_INVALID, classRequest, ErrMechanism},
	{pkcs11.CKR_ARGUMENTS_BAD, classRequest, nil},
	{pkcs11.CKR_DATA_LEN_RANGE, classRequest, nil},
	{pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED, classRequest, nil},
	{pkcs11.CKR_KEY_TYPE_INCONSISTENT, classRequest, nil},
	{pkcs11.CKR_FUNCTION_FAILED, classRequest, nil},
	{pkcs11.CKR_VENDOR_DEFINED | 7, classRequest, nil},
}

func TestClassify(t *testing.T) {
	for _, tc := range ckrTable {
		if got := classify(fmt.Errorf("wrapped: %w", pkcs11.Error(tc.code))); got != tc.want {
			t.Errorf("%v: got class %v, want %v", pkcs11.Error(tc.code), got, tc.want)
		}
	}
	if got := classify(errors.New("mine")); got != classNone {
		t.Errorf("no CKR: got class %v", got)
	}
	if got := classify(nil); got != classNone {
		t.Errorf("nil: got class %v", got)
	}
}

// Each code from each of three calls of a signature: what the caller gets,
// how often the token signed, and whether the next signature works.
func TestMatrixOfCodes(t *testing.T) {
	f := newFaulty(t)
	now := time.Now()
	f.cfg.Now = func() time.Time { return now }
	l := openFor(t, f.cfg)
	k, err := l.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	sign := func() error { _, err := k.Sign(nil, digest[:], crypto.SHA256); return err }

	for _, tc := range ckrTable {
		name := pkcs11.Error(tc.code).Error()
		repairs := tc.want == classSession || tc.want == classDevice

		// Once before anything was signed: repaired without the caller
		// noticing, where a repair is possible.
		f.fault(t, "C_SignInit before %#x 1", tc.code)
		err := sign()
		switch {
		case repairs && err != nil:
			t.Errorf("%s once from C_SignInit: got %v, want it repaired", name, err)
		case !repairs && !isCKR(err, tc.code):
			t.Errorf("%s once from C_SignInit: got %v, want the code", name, err)
		case !repairs && tc.is != nil && !errors.Is(err, tc.is):
			t.Errorf("%s once from C_SignInit: got %v, want %v", name, err, tc.is)
		}

		// From C_Sign, after the signature was made: told, never repeated.
		f.fault(t, "C_Sign after %#x 1", tc.code)
		before := f.calls(t, "C_Sign")
		err = sign()
		if !isCKR(err, tc.code) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s after C_Sign: got %v, want %v and the code", name, err, tc.is)
		}
		if n := f.calls(t, "C_Sign") - before; n != 1 {
			t.Errorf("%s after C_Sign: the token signed %d times for one call", name, n)
		}
		if err := sign(); err != nil {
			t.Errorf("%s after C_Sign: the next signature: %v", name, err)
		}

		// Without end: the caller gets the sentinel, and a device that fails
		// twice is left alone until the pause is over.
		f.fault(t, "C_SignInit before %#x -1", tc.code)
		err = sign()
		if !isCKR(err, tc.code) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s for ever: got %v, want %v and the code", name, err, tc.is)
		}
		f.fault(t, "")
		err = sign()
		if repairs {
			if !errors.Is(err, ErrTokenFailed) {
				t.Errorf("%s: breaker is not open: %v", name, err)
			}
			now = now.Add(firstPause)
			err = sign()
		}
		if err != nil {
			t.Errorf("%s: does not work again: %v", name, err)
		}
	}
}

// A PIN that was refused is never tried again, by whatever way.
func TestPINIsTriedOnce(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	k, err := l.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	logins := f.calls(t, "C_Login")
	digest := sha256.Sum256(nil)
	// The device fails, and while it is initialised again the PIN is refused.
	f.fault(t, "C_SignInit before %#x 1\nC_Login after %#x -1", pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_PIN_INCORRECT)
	for range 3 {
		if _, err := k.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, ErrPIN) {
			t.Errorf("got %v, want ErrPIN", err)
		}
	}
	if n := f.calls(t, "C_Login") - logins; n != 1 {
		t.Errorf("the PIN was sent %d times", n)
	}
}

// One call finds its session stale and the PIN refused, while another finds the
// device failed: neither waits for the other for ever.
func TestRecoveriesMeet(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	f.fault(t, "C_GetSessionInfo before %#x 1\nC_OpenSession slow 500 1\nC_Login before %#x -1",
		pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_PIN_INCORRECT)
	ended := make(chan error, 2)
	go func() { ended <- l.recover(pkcs11.Error(pkcs11.CKR_SESSION_HANDLE_INVALID)) }()
	time.Sleep(200 * time.Millisecond)
	go func() { ended <- l.recover(pkcs11.Error(pkcs11.CKR_DEVICE_ERROR)) }()
	for range 2 {
		select {
		case err := <-ended:
			if !errors.Is(err, ErrPIN) {
				t.Errorf("got %v, want ErrPIN", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the two recoveries wait for each other")
		}
	}
}

// A wrong PIN at the start costs one try.
func TestWrongPIN(t *testing.T) {
	f := newFaulty(t)
	f.cfg.PIN = "wrong"
	if l, err := Open(t.Context(), f.cfg); !errors.Is(err, ErrPIN) {
		t.Errorf("got %v, %v, want ErrPIN", l, err)
	}
	if n := f.calls(t, "C_Login"); n != 1 {
		t.Errorf("the PIN was sent %d times", n)
	}
}

// The device is gone while it is initialised again: the pause doubles, calls
// in between cost the device nothing, and afterwards all works.
func TestBreakerBacksOff(t *testing.T) {
	f := newFaulty(t)
	now := time.Now()
	f.cfg.Now = func() time.Time { return now }
	l := openFor(t, f.cfg)
	k, err := l.GenerateKey(t.Context(), "k", P256)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	sign := func() error { _, err := k.Sign(nil, digest[:], crypto.SHA256); return err }
	f.fault(t, "C_SignInit before %#x 1\nC_GetSlotList before %#x -1", pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_DEVICE_REMOVED)
	if err := sign(); !errors.Is(err, ErrTokenAbsent) {
		t.Errorf("removed: got %v, want ErrTokenAbsent", err)
	}
	for pause := firstPause; pause < lastPause; pause *= 2 {
		now = now.Add(pause - time.Millisecond)
		tries := f.calls(t, "C_Initialize")
		if err := sign(); !errors.Is(err, ErrTokenFailed) {
			t.Errorf("within the pause of %v: got %v, want ErrTokenFailed", pause, err)
		}
		if n := f.calls(t, "C_Initialize") - tries; n != 0 {
			t.Errorf("within the pause of %v the module was initialised", pause)
		}
		now = now.Add(time.Millisecond)
		if err := sign(); !errors.Is(err, ErrTokenAbsent) {
			t.Errorf("after the pause of %v: got %v, want ErrTokenAbsent", pause, err)
		}
		if n := f.calls(t, "C_Initialize") - tries; n != 1 {
			t.Errorf("after the pause of %v the module was initialised %d times", pause, n)
		}
	}
	f.fault(t, "")
	now = now.Add(lastPause)
	if err := sign(); err != nil {
		t.Errorf("device is back: %v", err)
	}
}

// A token that says yes to everything is refused, and the first attack that
// it allows is named.
func TestLenientTokenIsRefused(t *testing.T) {
	for call, name := range map[string]string{
		"C_SetAttributeValue": "set CKA_DECRYPT",
		"C_CopyObject":        "copy with CKA_DECRYPT",
		"C_DecryptInit":       "decrypt",
	} {
		f := newFaulty(t)
		l := openFor(t, f.cfg)
		f.fault(t, "%s before 0 -1", call)
		_, err := l.Vault(t.Context(), "kek")
		if want := "attack succeeded: " + name; !errors.Is(err, ErrUnsafeToken) || !contains(err, want) {
			t.Errorf("%s always succeeds: got %v, want ErrUnsafeToken with %q", call, err, want)
		}
		f.fault(t, "%s before 0 -1", call)
		for _, a := range attacks() {
			err := l.inOwnSession(func(s *session) error {
				return s.probeAttributes([]attack{a}, kekRules(kwp), unwrapRules())
			})
			if want := a.call == call; errors.Is(err, ErrUnsafeToken) != want || want && !contains(err, a.name) {
				t.Errorf("%s always succeeds: attack %q: got %v", call, a.name, err)
			}
		}
		// A fault is no refusal: the token is not opened, but not accused.
		f.fault(t, "%s before %#x -1", call, pkcs11.CKR_FUNCTION_FAILED)
		if _, err := l.Vault(t.Context(), "kek"); err == nil || errors.Is(err, ErrUnsafeToken) {
			t.Errorf("%s fails: got %v, want another error than ErrUnsafeToken", call, err)
		}
		l.Close()
	}
}

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }
