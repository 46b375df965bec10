package hsm

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
)

// A session signs with a copy that is as closed as the key, that no search
// finds, and of which there is one, however often the key was looked up.
func TestCopyIsAsClosedAsTheKey(t *testing.T) {
	l := freshLocal(t)
	if _, err := l.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		k, err := l.Key(t.Context(), "k")
		if err == nil {
			err = signOnce(k)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	inSession(t, l, func(s *session) {
		if len(s.copies) != 1 {
			t.Fatalf("the session has %d copies, want 1", len(s.copies))
		}
		for of, c := range s.copies {
			if c == of.object {
				t.Fatal("the key was not copied")
			}
			v, err := s.attributes(c, pkcs11.CKA_TOKEN, pkcs11.CKA_PRIVATE, pkcs11.CKA_SENSITIVE, pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_MODIFIABLE)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []byte{0, 1, 1, 0, 0} {
				if len(v[i]) != 1 || v[i][0] != want {
					t.Errorf("attribute %d is %x, want %d", i, v[i], want)
				}
			}
			staysInToken(t, s, of.object)
			staysInToken(t, s, c)
		}
		found, err := s.find(attr(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attr(pkcs11.CKA_LABEL, "k"))
		if err != nil || len(found) != 1 {
			t.Errorf("a search finds %d keys, %v; want 1", len(found), err)
		}
	})
	if keys, err := l.Keys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("listed: %v, %v; want 1 key", keys, err)
	}
}

// staysInToken tries to get at a private key, as one could who has the PIN.
func staysInToken(t *testing.T, s *session, key pkcs11.ObjectHandle) {
	t.Helper()
	wrapper, err := s.GenerateKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)}, []*pkcs11.Attribute{
		attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_VALUE_LEN, 32), attr(pkcs11.CKA_WRAP, true), attr(pkcs11.CKA_ENCRYPT, true),
	})
	if err != nil {
		t.Fatal(err)
	}
	set := func(kind uint, value bool) error {
		return s.SetAttributeValue(s.h, key, []*pkcs11.Attribute{attr(kind, value)})
	}
	copyWith := func(kind uint, value bool) error {
		_, err := s.CopyObject(s.h, key, []*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, false), attr(kind, value)})
		return err
	}
	_, read := s.attributes(key, pkcs11.CKA_VALUE)
	_, wrap := s.WrapKey(s.h, []*pkcs11.Mechanism{pkcs11.NewMechanism(kwp, nil)}, wrapper, key)
	for name, err := range map[string]error{
		"set CKA_EXTRACTABLE":             set(pkcs11.CKA_EXTRACTABLE, true),
		"set CKA_SENSITIVE to false":      set(pkcs11.CKA_SENSITIVE, false),
		"set CKA_PRIVATE to false":        set(pkcs11.CKA_PRIVATE, false),
		"copy with CKA_EXTRACTABLE":       copyWith(pkcs11.CKA_EXTRACTABLE, true),
		"copy without CKA_SENSITIVE":      copyWith(pkcs11.CKA_SENSITIVE, false),
		"copy without CKA_PRIVATE":        copyWith(pkcs11.CKA_PRIVATE, false),
		"read its value":                  read,
		"wrap it with a key of one's own": wrap,
	} {
		if !refused(err) && !isCKR(err, pkcs11.CKR_KEY_UNEXTRACTABLE) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A destroyed key does not sign: at once in the process that destroyed it, and
// after copyTrust in any other.
func TestCopyEndsWithTheKey(t *testing.T) {
	l := freshLocal(t)
	for label, destroy := range map[string]func() error{
		"here": func() error { return l.DestroyKey(t.Context(), "here") },
		"elsewhere": func() error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			w, err := StartWorker(t.Context(), WorkerConfig{Role: "test", Argv: []string{exe, "hsm-worker"}, Token: l.cfg})
			if err != nil {
				return err
			}
			defer w.Close()
			err = w.DestroyKey(t.Context(), "elsewhere")
			time.Sleep(copyTrust + 10*time.Millisecond)
			return err
		},
	} {
		k, err := l.GenerateKey(t.Context(), label, P256)
		if err == nil {
			err = signOnce(k)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := destroy(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := signOnce(k); !errors.Is(err, ErrKeyNotFound) {
				t.Errorf("key destroyed %s: %v, want ErrKeyNotFound", label, err)
			}
		}
	}
}

// A key that is not modifiable, as older releases made them, cannot be copied:
// it signs as it is, and is still there afterwards.
func TestKeyWithoutCopy(t *testing.T) {
	l := freshLocal(t)
	dir := l.cfg.SoftHSMDir
	l.cfg.SoftHSMDir = "" // as for other modules
	k, err := l.GenerateKey(t.Context(), "k", P256)
	l.cfg.SoftHSMDir = dir
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := signOnce(k); err != nil {
			t.Fatal(err)
		}
		inSession(t, l, func(s *session) {
			for of, c := range s.copies {
				if c != of.object {
					t.Error("it was copied")
				}
			}
		})
		l.epoch.Add(1)
	}
	if keys, err := l.Keys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("listed: %v, %v; want 1 key", keys, err)
	}
}
