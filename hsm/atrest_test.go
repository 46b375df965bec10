package hsm

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// The attacks at rest of docs/sole-control.md on the token itself, with its PIN:
// each on the real key-encryption key, with a wrapped key to gain.

func realKEK(t *testing.T) (*Local, Vault, *kek, []byte) {
	t.Helper()
	l := freshLocal(t)
	v, err := l.Vault(t.Context(), "resident")
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	var found *kek
	inSession(t, l, func(s *session) {
		keks, err := s.findKEKs("resident")
		if err != nil || len(keks) != 1 {
			t.Fatalf("KEKs: %v, %v", keks, err)
		}
		found = keks[0]
	})
	return l, v, found, wrapped
}

// runAttacks tries the attacks whose names begin so, and shows that the vault works still.
func runAttacks(t *testing.T, names ...string) {
	t.Helper()
	l, v, kek, wrapped := realKEK(t)
	tried := 0
	inSession(t, l, func(s *session) {
		for _, a := range attacks() {
			if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(a.name, n) }) {
				continue
			}
			tried++
			if err := a.run(s, kek.object); err == nil || !refused(err) {
				t.Errorf("%s: %v, want a refusal", a.name, err)
			}
		}
	})
	if tried == 0 {
		t.Error("nothing was tried")
	}
	if err := v.Use(t.Context(), wrapped, signOnce); err != nil {
		t.Errorf("the key does not sign any more: %v", err)
	}
}

func TestAttackDecryptFlag(t *testing.T) { runAttacks(t, "set CKA_DECRYPT", "decrypt") }

func TestAttackCopy(t *testing.T) { runAttacks(t, "copy") }

// A resident's wrapped key, unwrapped by somebody else's template, to be read.
func TestAttackWeakUnwrap(t *testing.T) {
	l, v, kek, wrapped := realKEK(t)
	w, err := parseWrapped(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	inSession(t, l, func(s *session) {
		for name, weak := range map[string]*pkcs11.Attribute{
			"EXTRACTABLE":     attr(pkcs11.CKA_EXTRACTABLE, true),
			"not SENSITIVE":   attr(pkcs11.CKA_SENSITIVE, false),
			"a TOKEN object":  attr(pkcs11.CKA_TOKEN, true),
			"not PRIVATE":     attr(pkcs11.CKA_PRIVATE, false),
			"nothing special": attr(pkcs11.CKA_SIGN, true),
		} {
			h, err := s.UnwrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kek.mechanism, nil)}, kek.object, w.pkcs8,
				[]*pkcs11.Attribute{attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), weak})
			if err != nil {
				continue // refused, which is the best answer
			}
			if v, err := s.attributes(h, pkcs11.CKA_VALUE); err == nil {
				t.Errorf("%s: the private key can be read, %d bytes", name, len(v[0]))
			}
			if _, err := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kek.mechanism, nil)}, kek.object, h); err == nil {
				t.Errorf("%s: the private key can be wrapped again", name)
			}
			if err := s.DestroyObject(s.h, h); err != nil {
				t.Error(err)
			}
		}
	})
	if err := v.Use(t.Context(), wrapped, signOnce); err != nil {
		t.Errorf("the key does not sign any more: %v", err)
	}
}
