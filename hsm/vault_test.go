package hsm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

func parseECKey(t *testing.T, pkcs8 []byte) *ecdsa.PrivateKey {
	t.Helper()
	k, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	return k.(*ecdsa.PrivateKey)
}

// generationOf makes a wrapped key and says under which generation.
func generationOf(t *testing.T, v Vault) (wrapped []byte, generation uint32) {
	t.Helper()
	_, wrapped, err := v.Generate(t.Context(), P256)
	if err != nil {
		t.Fatal(err)
	}
	w, err := parseWrapped(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped, w.generation
}

// New keys go under the newest generation; those of the older ones stay
// usable.
func TestGenerations(t *testing.T) {
	l := freshLocal(t)
	v, err := l.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	old, g := generationOf(t, v)
	if g != 1 {
		t.Errorf("first generation is %d", g)
	}
	inSession(t, l, func(s *session) {
		if err := s.createKEK("kek", 12, kwp); err != nil {
			t.Fatal(err)
		}
	})
	if v, err = l.Vault(t.Context(), "kek"); err != nil {
		t.Fatal(err)
	}
	fresh, g := generationOf(t, v)
	if g != 12 {
		t.Errorf("newest generation is %d", g)
	}
	for _, wrapped := range [][]byte{old, fresh} {
		if err := v.Use(t.Context(), wrapped, signOnce); err != nil {
			t.Error(err)
		}
	}
	// One unsafe generation among them is enough to refuse.
	inSession(t, l, func(s *session) {
		_, err := s.makeKEK(without(kekRules(kwp), pkcs11.CKA_COPYABLE, []byte{1}), unwrapRules(), attr(pkcs11.CKA_TOKEN, true),
			attr(pkcs11.CKA_LABEL, kekLabel("kek", 3)), attr(pkcs11.CKA_ID, []byte("weak")))
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := l.Vault(t.Context(), "kek"); !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), "kek#3") {
		t.Errorf("got %v, want ErrUnsafeToken naming kek#3", err)
	}
}

// Two processes that made the first KEK, or the sealing key, at the same
// moment: all that either of them wrapped or sealed stays usable, also after
// the module was initialised again.
func TestKeysMadeTwice(t *testing.T) {
	l := freshLocal(t)
	inSession(t, l, func(s *session) {
		for range 2 {
			if err := errors.Join(s.createKEK("kek", 1, kwp), s.makeSealingKey("data")); err != nil {
				t.Fatal(err)
			}
		}
	})
	v, err := l.openVault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Sealer(t.Context(), "data")
	if err != nil {
		t.Fatal(err)
	}
	var wrapped, sealed [][]byte
	for range 2 {
		w, _ := generationOf(t, v)
		b, err := s.Seal(t.Context(), []byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, sealed = append(wrapped, w), append(sealed, b)
		// The other process's choice.
		v.keks[0], v.keks[1] = v.keks[1], v.keks[0]
		k := s.(*localSealer)
		k.keys[0], k.keys[1] = k.keys[1], k.keys[0]
	}
	if string(wrapped[0][13:29]) == string(wrapped[1][13:29]) {
		t.Error("both were wrapped under one KEK")
	}
	l.epoch.Add(1)
	for i := range wrapped {
		if err := v.Use(t.Context(), wrapped[i], signOnce); err != nil {
			t.Error(err)
		}
		if b, err := s.Open(t.Context(), sealed[i], nil); err != nil || string(b) != "x" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// A secret of another kind by the sealing key's name is none; an AES key that somebody brought along is refused.
func TestSealerBesideOthers(t *testing.T) {
	l := freshLocal(t)
	if _, err := l.MAC(t.Context(), "data"); err != nil {
		t.Fatal(err)
	}
	s, err := l.Sealer(t.Context(), "data")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal(t.Context(), []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.Open(t.Context(), sealed, nil); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	inSession(t, l, func(s *session) {
		_, err := s.CreateObject(s.h, append(template(sealingRules()), attr(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			attr(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES), attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, "known"),
			attr(pkcs11.CKA_ID, []byte("x")), attr(pkcs11.CKA_VALUE, make([]byte, 32))))
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := l.Sealer(t.Context(), "known"); !errors.Is(err, ErrUnsafeToken) || !strings.Contains(err.Error(), "CKA_LOCAL") {
		t.Errorf("imported key: got %v, want ErrUnsafeToken naming CKA_LOCAL", err)
	}
}

// The key that a use has unwrapped is lost with its session between two
// signatures: it is unwrapped again.
func TestUseOutlivesItsSession(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	v, err := l.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, _ := generationOf(t, v)
	err = v.Use(t.Context(), wrapped, func(k crypto.Signer) error {
		for _, code := range []uint{pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_KEY_HANDLE_INVALID} {
			if err := signOnce(k); err != nil {
				return err
			}
			f.fault(t, "C_SignInit before %#x 1", code)
		}
		return signOnce(k)
	})
	if err != nil {
		t.Error(err)
	}
}

// A key that went with its session is not destroyed a second time: the token
// has not failed, and stays in use.
func TestUseEndsAfterItsSession(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	v, err := l.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, _ := generationOf(t, v)
	err = v.Use(t.Context(), wrapped, func(k crypto.Signer) error {
		if err := signOnce(k); err != nil {
			return err
		}
		l.pool.flush() // as DestroyKey and recover do, before or after they tell by the epoch
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Keys(t.Context()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// Damage to a wrapped key is the key's fault, whatever code the module has for
// it; a token that fails while it unwraps is the token's.
func TestUnwrapErrors(t *testing.T) {
	f := newFaulty(t)
	l := openFor(t, f.cfg)
	v, err := l.Vault(t.Context(), "kek")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, _ := generationOf(t, v)
	for _, code := range []uint{pkcs11.CKR_WRAPPED_KEY_INVALID, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED, pkcs11.CKR_ENCRYPTED_DATA_INVALID} {
		starts := f.calls(t, "C_Initialize")
		f.fault(t, "C_UnwrapKey before %#x 1", code)
		if err := v.Use(t.Context(), wrapped, signOnce); !errors.Is(err, ErrWrappedKey) || errors.Is(err, ErrTokenFailed) {
			t.Errorf("%v: got %v, want ErrWrappedKey", pkcs11.Error(code), err)
		}
		if n := f.calls(t, "C_Initialize") - starts; n != 0 {
			t.Errorf("%v: the module was initialised again", pkcs11.Error(code))
		}
	}
	// The same code with a session that is gone.
	f.fault(t, "C_UnwrapKey before %#x -1\nC_GetSessionInfo before %#x -1", pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_DEVICE_ERROR)
	if err := v.Use(t.Context(), wrapped, signOnce); !errors.Is(err, ErrTokenFailed) || errors.Is(err, ErrWrappedKey) {
		t.Errorf("dead session: got %v, want ErrTokenFailed", err)
	}
}

// A pair whose public half was exchanged, and a second key of the same label,
// are both refused.
func TestKeyThatIsNotAPair(t *testing.T) {
	l := freshLocal(t)
	if _, err := l.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Fatal(err)
	}
	inSession(t, l, func(s *session) {
		pub, err := s.one("public", attr(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), attr(pkcs11.CKA_LABEL, "k"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.attributes(pub, pkcs11.CKA_ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DestroyObject(s.h, pub); err != nil {
			t.Fatal(err)
		}
		// The attacker's own pair, its public half under the victim's name.
		mech, pubT, privT, _ := pairTemplates(P256)
		_, _, err = s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech},
			append(pubT, attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, "k"), attr(pkcs11.CKA_ID, v[0])),
			append(privT, attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, "mine")))
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := l.Key(t.Context(), "k"); !errors.Is(err, ErrKeyAmbiguous) {
		t.Errorf("exchanged public key: got %v, want ErrKeyAmbiguous", err)
	}
	inSession(t, l, func(s *session) {
		mech, pubT, privT, _ := pairTemplates(P256)
		for range 2 {
			name := []*pkcs11.Attribute{attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_LABEL, "twin"), attr(pkcs11.CKA_ID, []byte("twin"))}
			if _, _, err := s.GenerateKeyPair(s.h, []*pkcs11.Mechanism{mech}, append(pubT, name...), append(privT, name...)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if _, err := l.Key(t.Context(), "twin"); !errors.Is(err, ErrKeyAmbiguous) {
		t.Errorf("two keys of one label: got %v, want ErrKeyAmbiguous", err)
	}
	if err := l.DestroyKey(t.Context(), "twin"); !errors.Is(err, ErrKeyAmbiguous) {
		t.Errorf("destroying one of two: got %v, want ErrKeyAmbiguous", err)
	}
}

// A process has a module for one token.
func TestModuleInUse(t *testing.T) {
	l := freshLocal(t)
	if _, err := Open(t.Context(), l.cfg); !errors.Is(err, ErrModuleInUse) {
		t.Errorf("second Open: got %v, want ErrModuleInUse", err)
	}
	if err := CreateSoftHSM(t.Context(), filepath.Join(t.TempDir(), "x"), "x", "1234", "1234"); !errors.Is(err, ErrModuleInUse) {
		t.Errorf("CreateSoftHSM: got %v, want ErrModuleInUse", err)
	}
	// The first one is not harmed.
	if _, err := l.GenerateKey(t.Context(), "k", P256); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "token")
	if err := CreateSoftHSM(t.Context(), dir, "test", "1234-user", "1234-so"); err != nil {
		t.Fatal(err)
	}
	if err := CreateSoftHSM(t.Context(), dir, "test", "1234-user", "1234-so"); err == nil {
		t.Error("a second token of the same label was made")
	}
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Config{Module: SoftHSMModule, Label: "test", PIN: "1234-user", SoftHSMDir: dir}
	for name, tc := range map[string]struct {
		change func(*Config)
		is     error
	}{
		"another label":     {func(c *Config) { c.Label = "other" }, ErrTokenAbsent},
		"label too long":    {func(c *Config) { c.Label = strings.Repeat("x", 33) }, nil},
		"wrong PIN":         {func(c *Config) { c.PIN = "12345" }, ErrPIN},
		"no PIN":            {func(c *Config) { c.PIN = "" }, nil},
		"no module":         {func(c *Config) { c.Module = "/nonexistent.so" }, os.ErrNotExist},
		"relative module":   {func(c *Config) { c.Module = "libsofthsm2.so" }, nil},
		"not a module":      {func(c *Config) { c.Module = text }, nil},
		"no folder":         {func(c *Config) { c.SoftHSMDir = "/nonexistent" }, ErrTokenAbsent},
		"folder of another": {func(c *Config) { c.SoftHSMDir = "/tmp/x\nlog.level = DEBUG" }, nil},
		"too many sessions": {func(c *Config) { c.Sessions = maxSessions + 1 }, nil},
	} {
		c := good
		tc.change(&c)
		if l, err := Open(t.Context(), c); err == nil || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: got %v, %v, want %v", name, l, err, tc.is)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	l := openFor(t, good) // after all that, the module is free
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
